"""The reference server: obeys `openapi.yaml` because it reads it, and keeps references in a database.

    run       the process: socket, signals, ready file        process   starts one from a test
    serving   one process of it       workers   several, watched by the one that was started
    app       routes of the contract, and every error
    requests  bytes to a judged request, or a refusal (pure)  answers   bodies of the answers (pure)
    assets    what each operation does
    store     references, in SQL      database  SQLite or PostgreSQL
    content   the indexed files       keys      who may ask

Imports nothing here: the extra `server` must be installed for all but `process`.
"""
