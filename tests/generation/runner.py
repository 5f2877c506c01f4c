"""What generate.sh starts, for many contracts in one process. Runs in the generator's environment.

Usage: runner.py TOOLS_FOLDER WORK_FOLDER < tasks.json > answers.json; see support.run_many.
"""

import contextlib
import io
import json
import pathlib
import shutil
import sys

sys.path.insert(0, sys.argv[1])
import prepare  # pyright: ignore[reportMissingImports] # from the folder named above

answers = {}
for name, task in json.load(sys.stdin).items():
    overrides = pathlib.Path(sys.argv[2]) / "overrides"
    shutil.rmtree(overrides, ignore_errors=True)
    shutil.copytree(task["overrides"], overrides)
    said: io.StringIO = io.StringIO()
    status: object = 0
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            prepare.main(pathlib.Path(task["contract"]), overrides / "config.yaml", overrides)
            if task["output"]:
                prepare.generate(overrides / "config.yaml", overrides, pathlib.Path(task["output"]))
        except SystemExit as end:
            status = end.code
        except BaseException as error:  # noqa: BLE001 - to be told by the test, with the others
            status = repr(error)
    answers[name] = [status, said.getvalue()]
print(json.dumps(answers))
