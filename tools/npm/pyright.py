"""Type-checks with pyright, as pyrightconfig.json says: `python -m tools.npm.pyright [FILE ...]`.

Where there is no node it says so and ends well, but in continuous integration; mypy has checked the same by then.
"""

from __future__ import annotations

import os
import sys

from tools.npm.run import MissingProgramError, run


def main() -> int:
    """Print what pyright finds, and end as it does."""
    try:
        done = run("pyright", *sys.argv[1:])
    except MissingProgramError as error:
        print(f"pyright: left out: {error}", file=sys.stderr)
        return 2 if os.environ.get("CI") == "true" else 0
    print(f"pyright: {done.stdout.strip()}{done.stderr}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
