"""`python -m comfy_assets` is `comfy-assets`."""

from comfy_assets.cli.main import run

run()
