"""What all explorers put into a page besides pictures: style, titles, colour bars, legends, messages; as HTML."""

import html
from collections.abc import Sequence

from segxal.results.figures.base import colour_table

STOPS = 17  # every so many colours of a table become one of a CSS gradient
STYLE = """<style>
.segxal-map { width: 100%; image-rendering: pixelated; cursor: crosshair; background: #f2f2f2; margin: 0 }
.segxal-bar { font-size: 11px; line-height: 1.25; text-align: center; margin-bottom: 6px }
.segxal-bar .colours { height: 8px; margin: 2px 0 1px }
.segxal-bar .ticks { display: flex; justify-content: space-between }
.segxal-legend { font-size: 11px; line-height: 1.4; margin-bottom: 6px }
.segxal-legend span { white-space: nowrap; margin-right: 8px; display: inline-block }
.segxal-legend i { display: inline-block; width: 9px; height: 9px; border: 1px solid #999; margin-right: 3px }
.segxal-numbers { font-size: 12px }
.segxal-numbers td:first-child { white-space: nowrap }
.segxal-numbers table { border-collapse: collapse; line-height: 1.5 }
.segxal-numbers td { padding: 0 .8em 0 0; vertical-align: top; text-align: left }
.segxal-numbers .bar { display: inline-block; height: .7em; background: #0072B2; margin-right: .4em }
.segxal-title { font-weight: 600; line-height: 1.3 }
</style>"""


def title(words: str) -> str:
    """What stands above a picture."""
    return f'<div class="segxal-title">{html.escape(words)}</div>'


def colour_bar(unit: str, ticks: Sequence[str], table: str) -> str:
    """A colour bar as wide as the picture above it, with numbers under it and what they mean."""
    colours = ", ".join("rgb({}, {}, {})".format(*colour) for colour in colour_table(table)[::STOPS])
    numbers = "".join(f"<span>{html.escape(tick)}</span>" for tick in ticks)
    return (
        f'<div class="segxal-bar"><div class="colours" style="background: linear-gradient(90deg, {colours})"></div>'
        f'<div class="ticks">{numbers}</div>{html.escape(unit)}</div>'
    )


def legend(entries: Sequence[tuple[str, tuple[int, int, int]]]) -> str:
    """Names beside their colours."""
    parts = (
        f'<span><i style="background: rgb{tuple(colour)}"></i>{html.escape(name)}</span>' for name, colour in entries
    )
    return f'<div class="segxal-legend">{"".join(parts)}</div>'


def status_text(words: str) -> str:
    """A message with its line breaks; screen readers say it when it changes."""
    style = "color:#a33b00;min-height:1.4em;line-height:1.4;white-space:pre-line"
    return f'<div role="status" style="{style}">{html.escape(words)}</div>'
