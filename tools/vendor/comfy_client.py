"""The vendor's command line client as a program for `comfy-assets check-client`.

comfy-assets check-client --timeout 60 -- .cache/vendor/bin/python tools/vendor/comfy_client.py

Runs `comfy assets library ensure` with what the environment asks for. That command takes tags separated by
commas and nothing else: what it has no option for cannot be sent.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

asked = os.environ
options = ["--hash", asked["COMFY_ASSET_HASH"], "--tags", ",".join(json.loads(asked["COMFY_ASSET_TAGS"]))]
command = [str(Path(sys.executable).parent / "comfy"), "--json", "assets", "library", "ensure", *options]
done = subprocess.run([*command, "--where", "cloud"], stdout=subprocess.PIPE, text=True, check=False)
lines = done.stdout.strip().splitlines()
envelope = json.loads(lines[-1]) if lines else {}
if done.returncode or not envelope.get("ok"):
    print(done.stdout, file=sys.stderr)
    sys.exit(done.returncode or 1)
print(envelope["data"]["id"])
