"""The site: what the repository already says, as linked pages that need no network.

Nothing is written twice. The pages are put together from docstrings (``Source:``, ``Departure:``), the README's
sections, the executed notebooks, the figures with the JSON beside them, the tables and the records; ``docs/`` adds the
words between them. Sphinx makes HTML of it, and every link of that HTML is followed.

Sphinx was taken because the docstrings are written in its roles and its themes load nothing from outside. MyST's own
tool fetches its themes from a server when it builds, mkdocs' do not know these roles, and nbconvert alone has no API
pages. Notebooks become pages by the few lines of :mod:`segxal.apps.site.notebooks`, so that no widget manager, MathJax
or require.js is loaded, and every picture has an alternative text.
"""
