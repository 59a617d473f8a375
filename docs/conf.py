"""Sphinx settings."""

from importlib.metadata import version as installed_version
from inspect import unwrap

project = "eigenscope"
author = "The eigenscope developers"
copyright = "the eigenscope developers"
release = version = installed_version("eigenscope")

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
autosummary_generate = True
templates_path = ["_templates"]
autodoc_typehints = "none"
numpydoc_show_class_members = False
exclude_patterns = ["noise_peers.rst", "_build", "_templates"]
default_role = "py:obj"
html_theme = "alabaster"
html_theme_options = {"description": "Eigenspectra with error bars", "page_width": "1100px"}


def skip_foreign_members(app, what, name, member, skip, options):
    """Leave out of a class what it inherits from tuples and other packages; None leaves the choice to Sphinx."""
    if what != "class" or skip:
        return None
    function = unwrap(getattr(member, "fget", None) or getattr(member, "__func__", None) or member)
    return None if (getattr(function, "__module__", None) or "").startswith(project) else True


def setup(app):
    app.connect("autodoc-skip-member", skip_foreign_members)
