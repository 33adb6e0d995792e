"""What the explorer says in words and numbers, as HTML."""

import html
import math
from collections.abc import Mapping, Sequence

from segxal.apps.explore.reading import PixelFacts, Reading
from segxal.apps.explore.what_if import Gain
from segxal.results.figures.base import colour_table, percent

STOPS = 17  # every so many colours of a table become one of a CSS gradient
TOP = 5  # classes listed for a pixel
UNKNOWN = "not known (no labels)"
BAR = 120  # pixels of a probability of 1
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


def score(value: float) -> str:
    """A number with three digits; a dash where there is none."""
    return "–" if math.isnan(value) else f"{value:.3f}"


def counted(number: int, thing: str) -> str:
    """So many things: ``1 region``, ``2 regions``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def reading_text(found: Reading) -> str:
    """A setting in numbers."""
    price = found.price
    basis = "" if price.known else " (no labels: as if every predicted piece had to be outlined)"
    rows = {
        "asked for": f"{counted(found.pixels, 'pixel')}, {percent(found.share)} of the image, "
        f"in {counted(found.regions, 'region')}",
        "one person": f"annotates {counted(price.pixels, 'pixel')} in {counted(price.clicks, 'click')}, "
        f"about {price.minutes:.1f} min{basis}",
        "AUROC": _auroc(found),
        "true errors": _errors(found),
    }
    return _table("This setting", rows)


def _auroc(found: Reading) -> str:
    if math.isnan(found.errors):
        return UNKNOWN
    scores = ", ".join(f"{name.upper()} {score(value)}" for name, value in found.auroc.items())
    return f"{scores} (0.5 = chance, against the true errors of this image)"


def _errors(found: Reading) -> str:
    if math.isnan(found.errors):
        return UNKNOWN
    if not found.errors:
        return "none in this image"
    return f"{percent(found.errors)} of the pixels; {percent(found.found)} of them are asked for"


def sentence(found: Reading) -> str:
    """A setting in one line of plain text."""
    price, eem = found.price, found.auroc["eem"]
    asked = f"{counted(found.pixels, 'pixel')} in {counted(found.regions, 'region')}"
    said = f"{asked}; a person annotates {price.pixels} in {counted(price.clicks, 'click')}"
    if math.isnan(eem):
        return f"{said}."
    return f"{said}. AUROC of the mask {eem:.3f}; {percent(found.found)} of the true errors are asked for."


def pixel_text(facts: PixelFacts) -> str:
    """One pixel in numbers."""
    bars = "".join(
        f'<tr><td>{html.escape(name)}</td><td><span class="bar" style="width:{BAR * share:.0f}px"></span>'
        f"{share:.3f}</td></tr>"
        for name, share in facts.probabilities[:TOP]
    )
    rows = {
        "true class": html.escape(facts.truth) or "not known",
        "EBU, PAE, EEM": f"{facts.ebu:.3f}, {facts.pae:.3f}, {facts.eem:.3f}",
        "depth, proximity": f"{facts.depth:.4g}, {facts.near:.3f}",
        "asked for": "yes" if facts.asked else "no",
    }
    head = f"Pixel: row {facts.row}, column {facts.column}"
    return _table(head, rows, f"<tr><td colspan=2><i>{TOP} most probable classes</i></td></tr>{bars}")


def _table(head: str, rows: dict[str, str], more: str = "") -> str:
    lines = "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in rows.items())
    return f'<div class="segxal-numbers"><b>{head}</b><table>{lines}{more}</table></div>'


def status_text(words: str) -> str:
    """A message with its line breaks; screen readers say it when it changes."""
    style = "color:#a33b00;min-height:1.4em;line-height:1.4;white-space:pre-line"
    return f'<div role="status" style="{style}">{html.escape(words)}</div>'


def gains_text(gains: Mapping[str, Gain], one_class: bool, by_level: bool) -> str:
    """What one cycle brought with the study's mask and with the setting's.

    Args:
        gains: ``default`` and ``changed``.
        one_class: whether the setting explains one class, which the loop cannot.
        by_level: whether it asks from a level on; the loop then takes the share this image has above it.
    """
    named = {"default": "the study's mask", "changed": "this setting"}
    columns = ("", "mIoU before", "after", "gain", "pixels", "clicks", "joined")
    head = "".join(f"<td><i>{word}</i></td>" for word in columns)
    lines = "".join(
        f"<tr><td>{named[name]}</td><td>{100 * one.before:.1f}</td><td>{100 * one.after:.1f}</td>"
        f"<td>{one.gain:+.1f} points</td><td>{one.pixels}</td><td>{one.clicks}</td>"
        f"<td>{one.accepted} of {one.queried}</td></tr>"
        for name, one in gains.items()
    )
    notes = [
        "Retraining alone changes the score, even where nothing joined.",
        "One seed and one cycle: differences of a point or two are chance.",
    ]
    notes += ["All predicted classes are explained, as in the study."] if one_class else []
    notes += ["Every image is asked for the share that this image has above the level."] if by_level else []
    return f'<div class="segxal-numbers"><table><tr>{head}</tr>{lines}</table>{" ".join(notes)}</div>'
