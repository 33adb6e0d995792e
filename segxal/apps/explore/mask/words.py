"""What the mask explorer says in words and numbers, as HTML."""

import html
import math
from collections.abc import Mapping

from segxal.apps.explore.mask.reading import PixelFacts, Reading
from segxal.apps.explore.mask.what_if import Gain
from segxal.results.figures.base import percent

TOP = 5  # classes listed for a pixel
UNKNOWN = "not known (no labels)"
BAR = 120  # pixels of a probability of 1


def score(value: float) -> str:
    """A number with three digits; a dash where there is none."""
    return "–" if math.isnan(value) else f"{value:.3f}"


def counted(number: int, thing: str) -> str:
    """A number of things: ``1 region``, ``2 regions``."""
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
    text = f"{asked}; a person annotates {price.pixels} in {counted(price.clicks, 'click')}"
    if math.isnan(eem):
        return f"{text}."
    return f"{text}. AUROC of the mask {eem:.3f}; {percent(found.found)} of the true errors are asked for."


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
    notes += ["Each image is asked for the same share that this image has above the level."] if by_level else []
    return f'<div class="segxal-numbers"><table><tr>{head}</tr>{lines}</table>{" ".join(notes)}</div>'
