"""The site: what the repository already says, as linked pages that need no network.

Nothing is written twice. ``docs/`` holds the pages that people write; the others are made from docstrings (``Source:``,
``Departure:``), executed notebooks, figures with the JSON beside them, tables and records. Sphinx turns all of them
into HTML, and every link of that HTML is followed.

Sphinx was chosen because the docstrings are written in its roles and its themes load nothing from outside. MyST's own
tool fetches its themes from a server when it builds, mkdocs' do not know these roles, and nbconvert alone has no API
pages. Notebooks become pages by the few lines of :mod:`segxal.apps.site.notebooks`, so that no widget manager, MathJax
or require.js is loaded, and every picture has an alternative text.
"""
