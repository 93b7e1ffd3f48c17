"""Sphinx configuration: Markdown pages, strict about every reference."""

from __future__ import annotations

import logging

project = "Midcall"
author = "The Midcall authors"
copyright = "2026, The Midcall authors"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3  # pages may link to each other's headings

autodoc_member_order = "bysource"
autodoc_typehints = "description"

# Every reference must lead somewhere, but for the types in signatures: they would all have to be on some page, and other
# people's would need their inventories, while the documentation is built without a network.
nitpicky = True
nitpick_ignore_regex = [("py:class", ".*"), ("py:obj", ".*")]

# The table of contents is made of patterns so that a page may be missing. Sphinx gives that warning a subtype but no type,
# so `suppress_warnings` cannot name it.
logging.getLogger("sphinx.sphinx.directives.other").addFilter(
    lambda record: getattr(record, "subtype", None) != "empty_glob"
)

html_theme = "furo"
html_title = "Midcall"
html_static_path = ["_static"]
html_css_files = ["midcall.css"]
