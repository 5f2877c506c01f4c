"""The program `comfy-assets from-hash`, given the environment of a check."""

import json
import os
import subprocess
import sys

ENV = os.environ
words = [
    sys.executable,
    "-m",
    "comfy_assets",
    "from-hash",
    "--json",
    "--timeout",
    "8",
    ENV["COMFY_ASSET_HASH"],
]
for tag in json.loads(ENV["COMFY_ASSET_TAGS"]):
    words += ["--tag", tag]
if ENV["COMFY_ASSET_NAME"]:
    words += ["--name", ENV["COMFY_ASSET_NAME"]]
if ENV["COMFY_ASSET_MIME_TYPE"]:
    words += ["--mime-type", ENV["COMFY_ASSET_MIME_TYPE"]]
for name, value in json.loads(ENV["COMFY_ASSET_METADATA"] or "{}").items():
    words += ["--metadata", f"{name}={json.dumps(value)}"]
done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
if done.returncode == 0:
    print(json.loads(done.stdout.splitlines()[-1])["data"]["asset"]["id"])
else:
    print(done.stdout, file=sys.stderr)  # with --json, what is wrong stands in the last line
sys.exit(done.returncode)
