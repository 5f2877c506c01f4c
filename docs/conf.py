"""Sphinx's settings: `make docs`."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "generated")]

from comfy_assets import __version__  # noqa: E402 - after the path to it

project = "comfy-assets"
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["conf.py"]
html_theme = "furo"
html_title = f"comfy-assets {release}"
html_show_sphinx = False
html_copy_source = False
html_show_copyright = False
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
# Docstrings are read as they are in an editor, too: a word in backticks is code.
default_role = "code"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
# Nothing of the site comes from elsewhere.
html_theme_options = {"top_of_page_buttons": []}
