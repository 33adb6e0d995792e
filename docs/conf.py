"""Sphinx' settings. `make site` copies this folder beside the generated pages; nothing is loaded from outside."""

import re

import segxal

project, author, version = "segxal", "The segxal developers", segxal.__version__
release, language, project_copyright = version, "en", author
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_parser"]
exclude_patterns = ["pieces", "files", "extra"]  # what pages include, copies to download, finished pages
nitpicky = True  # a docstring that names what is not there is a warning
# Types of other packages in signatures; constants, whose values are only in the code.
nitpick_ignore_regex = [("py:(class|exc|data)", ".*")]
suppress_warnings = ["myst.header"]  # a notebook may start below the first level

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_maximum_signature_line_length = 88
add_module_names = False
toc_object_entries = False  # every function in the side bars costs a fifth of the build

myst_heading_anchors = 4
myst_links_external_new_tab = False

html_theme = "furo"
html_title = "segxal"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_extra_path = ["extra"]
html_copy_source = False
html_show_sphinx = False
highlight_language = "text"
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"

STATEMENT = re.compile(r"\b(Source|Departure): ")


def emphasise(app: object, what: str, name: str, docstring: object, options: object, lines: list[str]) -> None:
    """Print the words ``Source:`` and ``Departure:`` of a docstring in bold."""
    lines[:] = [STATEMENT.sub(r"**\1:** ", line) for line in lines]


def skip(app: object, what: str, name: str, found: object, skipped: bool, options: object) -> bool | None:
    """Leave out what only passes by: a default value such as `numpy.mean` is no member of ours."""
    module = getattr(found, "__module__", None)
    return True if isinstance(module, str) and not module.startswith("segxal") else None


def setup(app: object) -> None:
    """Register with Sphinx."""
    app.connect("autodoc-process-docstring", emphasise)  # type: ignore[attr-defined]
    app.connect("autodoc-skip-member", skip)  # type: ignore[attr-defined]
