"""Sphinx configuration: `make docs` builds the site in out/docs."""

import nav

project = "c1c2nav"
author = "c1c2nav developers"
copyright = "c1c2nav developers; research use only, not a medical device"
version = release = nav.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["README.md"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 4
# Links to files outside this folder (CONTRIBUTING.md); scripts/check_links.py checks all links.
suppress_warnings = ["myst.xref_missing"]
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
html_theme = "pydata_sphinx_theme"
html_title = "c1c2nav"
html_static_path = []
html_theme_options = {
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
}
html_show_sourcelink = False
nitpicky = False
