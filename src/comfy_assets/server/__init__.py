"""The reference server: obeys `openapi.yaml` because it reads it, and keeps references in a database.

    run       the process: what comes up, in which order     process   starts one from a test
    starting  folders, socket, database     stopping  signals     logs  what it says
    indexing  content in the background     content   the index of files
    serving   one process of it             workers   several, watched by the one that was started
    protocol  HTTP below the application    app       routes of the contract, and every error
    requests  bytes to a judged request, or a refusal (pure)  answers   bodies of the answers (pure)
    assets    what each operation does      batching  what comes at once is asked at once
    references, keys  in SQL                tables, store, database  SQLite or PostgreSQL
    fronting, front, scripted, bindings, recording  scenarios and records, before the server

Imports nothing here: the extra `server` must be installed for all but `process`.
"""
