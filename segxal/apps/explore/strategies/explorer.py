"""A strategy explorer: what each strategy would ask for on the same images, at the same price, and what it costs."""

import html
from collections.abc import Sequence

import ipywidgets as widgets
import numpy as np
import pandas as pd

from segxal.apps.explore.keys import Keys
from segxal.apps.explore.picture import factor_for, png
from segxal.apps.explore.result import Result
from segxal.apps.explore.tiles import asked_picture, in_column, in_row, titled
from segxal.core.errors import SegxalError
from segxal.core.labels import VOID
from segxal.core.regions import GRANULARITIES
from segxal.methods import METHODS, get_method, names_of
from segxal.methods.baselines import DROPOUT, STRATEGIES_AT
from segxal.methods.purchase import SOLD, UNITS, Offer, Purchase, buy
from segxal.results.figures.base import percent
from segxal.results.figures.view import picture

WIDTH = 256  # pixels of one picture, at most
MOST = 12  # methods shown at a time
SHARE = 8  # the budget is 1 / SHARE of the pixels on offer at first
CLICKS = 40  # the budget in clicks at first
SEGXAL = tuple(name for name in names_of("segxal") if name in SOLD)
FIRST = ("random", "entropy", "core-set", "eem")


def methods_of(strategies: Sequence[str], granularities: Sequence[str]) -> list[str]:
    """The methods that combine these strategies and granularities, as far as there are any, strategy by strategy."""
    pairs = [(s, g) for s in strategies for g in granularities if s in STRATEGIES_AT[g]]
    return [strategy if granularity == "image" else f"{strategy}-{granularity}" for strategy, granularity in pairs]


def missing(strategies: Sequence[str], granularities: Sequence[str]) -> list[str]:
    """The combinations that are not defined, in words."""
    return [f"{s} by {g}" for s in strategies for g in granularities if s not in STRATEGIES_AT[g]]


def hit_share(purchase: Purchase) -> float:
    """Share of the annotated pixels with known class that the network has wrong, 0 to 1; NaN if none is annotated."""
    pairs = zip(purchase.asks, purchase.answers, strict=True)
    hits = [(one.query.prediction != answer.labels)[answer.labels != VOID] for one, answer in pairs]
    found = np.concatenate([np.empty(0, dtype=bool), *hits])
    return float(found.mean()) if len(found) else float("nan")


def price_table(purchases: Sequence[Purchase]) -> pd.DataFrame:
    """What each method asks for in numbers.

    Returns:
        One row per method: ``images``, ``pixels`` and ``clicks`` people spend, ``minutes`` (estimated), ``wrong (%)``
        (of the annotated pixels, by the network that asked) and whether it is ``within`` the budget.
    """
    rows = [
        {
            "method": bought.method, "granularity": get_method(bought.method).granularity, "images": len(bought.asks),
            "pixels": bought.pixels, "clicks": bought.clicks, "minutes": round(bought.minutes, 1),
            "wrong (%)": round(100 * hit_share(bought), 1), "within": bought.affordable,
        }
        for bought in purchases
    ]  # fmt: skip
    return pd.DataFrame(rows).set_index("method")


def price_line(bought: Purchase) -> str:
    """The price of a purchase in words."""
    over = (
        ""
        if bought.affordable
        else f"; OVER the budget of {bought.budget} {bought.unit}: its first choice alone costs this"
    )
    wrong = f"; the network has {percent(hit_share(bought))} of it wrong"
    return f"{bought.pixels} pixels, {bought.clicks} clicks, about {bought.minutes:.1f} min{wrong}{over}"


def annotated_part(bought: Purchase, index: int) -> np.ndarray | None:
    """(H, W) bool: what people annotate in an image; None where they are not asked about it."""
    for one, answer in zip(bought.asks, bought.answers, strict=True):
        if one.index == index:
            return (answer.labels != VOID) | answer.undecided
    return None


def purchase_picture(offer: Offer, bought: Purchase, width: int = WIDTH) -> np.ndarray:
    """A row of the images on offer: what is annotated keeps its colours, the rest fades.

    Returns:
        (h, w, 3) uint8 with the method and its price above.
    """
    tiles = []
    for index in offer.images:
        image, part = picture(offer.frames, index), annotated_part(bought, index)
        part = np.zeros(image.shape[:2], dtype=bool) if part is None else part
        tiles.append(asked_picture(image, part, factor_for(part.shape, width)))
    return titled(in_row(tiles), bought.method, price_line(bought))


def compared_picture(offer: Offer, purchases: Sequence[Purchase], width: int = WIDTH) -> np.ndarray:
    """Methods under each other, see :func:`purchase_picture`."""
    return in_column([purchase_picture(offer, bought, width) for bought in purchases], 12)


class StrategyExplorer(widgets.VBox):
    """What strategies ask for on the same images at the same price.

    Args:
        offers: per first training (``none``, and ``dropout`` for BALD and QBC) the images on offer, which must be the
            same; without ``dropout`` these two strategies are not offered.

    Attributes:
        purchases: what the methods shown ask for.
    """

    def __init__(self, offers: dict[str, Offer]) -> None:
        self.offers, self.offer = offers, offers["none"]
        self.purchases: list[Purchase] = []
        known = dict.fromkeys(s for at in STRATEGIES_AT.values() for s in at)
        names = [s for s in known if s not in DROPOUT or "dropout" in offers]
        rows = {"rows": len(GRANULARITIES) + 1, "style": {"description_width": "80px"}}
        self.strategies = widgets.SelectMultiple(options=names, value=FIRST, description="strategies", **rows)
        self.granularities = widgets.SelectMultiple(
            options=GRANULARITIES, value=("superpixel",), description="asked by", **rows
        )
        self.segxal = widgets.SelectMultiple(options=SEGXAL, value=SEGXAL[-1:], description="SegXAL", **rows)
        self.unit = widgets.Dropdown(options=UNITS, value="clicks", description="price in")
        self.budget = widgets.BoundedIntText(CLICKS, 1, self._on_offer, description="budget")
        self.button = widgets.Button(
            description="ask", tooltip="compute what each would ask for", button_style="primary"
        )
        self.bar = widgets.IntProgress(description="asking", layout={"display": "none"})
        self.picture, self.text = Result(layout={"max_width": "100%"}), widgets.HTML()
        self.unit.observe(self._other_unit, "value")
        self.button.on_click(lambda button: None if button.disabled else self.ask())
        self.ask()
        choose = widgets.HBox([self.strategies, self.granularities, self.segxal], layout={"flex_flow": "row wrap"})
        spend = widgets.HBox([self.unit, self.budget, self.button, self.bar], layout={"flex_flow": "row wrap"})
        super().__init__([choose, spend, self.text, self.picture, Keys()])

    @property
    def methods(self) -> list[str]:
        """The methods chosen."""
        return [*methods_of(self.strategies.value, self.granularities.value), *self.segxal.value]

    def ask(self) -> None:
        """Compute and show what the chosen methods ask for; name those that cannot ask and show the others."""
        absent = missing(self.strategies.value, self.granularities.value)
        notes = [f"Not defined: {', '.join(absent)}."] if absent else []
        notes += [f"Only the first {MOST} of {len(self.methods)} methods are shown."] * (len(self.methods) > MOST)
        notes += [] if self.methods else ["Nothing is chosen."]
        self.purchases, chosen = [], self.methods[:MOST]
        budget, unit = self.budget.value, self.unit.value
        self.bar.max, self.bar.layout.display = max(1, len(chosen)), None
        self._lock(True)
        try:
            for done, name in enumerate(chosen, 1):
                try:
                    self.purchases.append(
                        buy(self.offers[METHODS[name].needs(1, "none")[0].ablation], name, budget, unit)
                    )
                except SegxalError as error:
                    notes.append(f"{name}: {error}.")
                self.bar.value = done
        finally:
            self._lock(False)
            self.bar.layout.display = "none"
        self.text.value = html.escape(" ".join(notes) or "The same images and one budget for all.")
        self.picture.value = png(compared_picture(self.offer, self.purchases)) if self.purchases else b""

    def _lock(self, busy: bool) -> None:
        """Lock the controls while it computes, so that what is shown always belongs to them."""
        for one in (self.strategies, self.granularities, self.segxal, self.unit, self.budget, self.button):
            one.disabled = busy

    @property
    def _on_offer(self) -> int:
        """Pixels on offer."""
        return len(self.offer.images) * self.offer.asked[0].size

    def _other_unit(self, change: dict[str, str]) -> None:
        self.budget.value = CLICKS if change["new"] == "clicks" else self._on_offer // SHARE
