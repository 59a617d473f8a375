"""Sphinx settings."""

from importlib.metadata import version as installed_version

project = "eigenscope"
author = "The eigenscope developers"
copyright = "the eigenscope developers"
release = version = installed_version("eigenscope")

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
exclude_patterns = ["noise_peers.rst", "_build"]
default_role = "py:obj"
html_theme = "alabaster"
html_theme_options = {"description": "Eigenspectra with error bars", "page_width": "1100px"}
