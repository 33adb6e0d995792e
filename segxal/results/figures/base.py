"""What all figures share: page, colours, how a picture, a label map and a heat map are drawn and saved."""

import io
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from segxal.core.errors import ConfigError
from segxal.core.labels import VOID, Classes
from segxal.storage import paths
from segxal.storage.files import replacing, write_json
from segxal.study.state import Cycle

WIDTH = 7.2  # inches, a page's text width
HEAT = "magma"  # maps that say where to look: EBU, PAE, EEM, Grad-CAM
NEAR = "cividis"  # maps that say what is near
COLOUR_TABLES = (HEAT, NEAR, "viridis")  # perceptually uniform, safe for colour-blind readers; no rainbow
INK, SOFT, GREY, PALE = "#222222", "#5a5a5a", "#8a8a8a", "#d9d9d9"
GOOD, BAD, NEUTRAL = "#0072B2", "#D55E00", "#f2f2f2"  # blue and vermilion of Okabe and Ito, colour-blind safe
ACCENT = "#56B4E9"
LEGEND_COLUMNS = 7
STYLE: dict[Any, Any] = {
    "font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7,
    "legend.fontsize": 7.5, "text.color": INK, "axes.edgecolor": GREY, "axes.labelcolor": INK, "axes.linewidth": 0.6,
    "xtick.color": INK, "ytick.color": INK, "xtick.major.width": 0.6, "ytick.major.width": 0.6,
    "axes.titlelocation": "left", "axes.titlepad": 3.0, "lines.linewidth": 1.4, "pdf.fonttype": 42,
}  # fmt: skip
styled = matplotlib.rc_context(STYLE)  # decorates every drawing function; global settings stay as they are


class Sheet(Figure):
    """A figure without pyplot: a notebook shows it as a cell's last value, and it is freed with its name."""

    def _repr_png_(self) -> bytes:
        """The picture at 100 dots per inch, for notebooks."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()


def new_sheet(height: float, width: float = WIDTH, layout: str | None = "compressed") -> Sheet:
    """An empty figure of ``width`` x ``height`` inches."""
    sheet = Sheet(figsize=(width, height), layout=layout)  # type: ignore[arg-type]
    if layout:
        sheet.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.03, hspace=0.05)  # type: ignore[union-attr, call-arg]
    return sheet


def bare(axes: Axes, title: str = "", note: str = "") -> None:
    """No ticks, a thin frame, a title that says what is seen and a smaller line of numbers under it."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(linewidth=0.5, edgecolor=GREY)
    if title:
        axes.set_title(title, pad=12.5 if note else 3)
    if note and not title:
        axes.set_title(note, fontsize=7, color=SOFT)
    elif note:
        axes.annotate(
            note, (0, 1), xytext=(0, 3), xycoords="axes fraction", textcoords="offset points", va="bottom",
            fontsize=7, color=SOFT, in_layout=False,
        )  # fmt: skip


def show_image(axes: Axes, image: np.ndarray, title: str = "", note: str = "") -> AxesImage:
    """A photograph or rendering, (H, W, 3) uint8 or float in [0, 1]."""
    bare(axes, title, note)
    return axes.imshow(image, interpolation="lanczos", interpolation_stage="rgba")


def show_labels(axes: Axes, labels: np.ndarray, classes: Classes, title: str = "", note: str = "") -> AxesImage:
    """A label map (H, W) uint8 in its class colours; 255 is white with grey hatching."""
    bare(axes, title, note)
    height, width = labels.shape
    return axes.imshow(
        label_picture(labels, classes), interpolation="nearest", extent=(-0.5, width - 0.5, height - 0.5, -0.5)
    )


def label_picture(labels: np.ndarray, classes: Classes) -> np.ndarray:
    """Label map (H, W) as an enlarged picture (kH, kW, 3) float in [0, 1] with hatching at 255."""
    k = max(1, round(512 / labels.shape[1]))
    table = np.ones((256, 3))
    table[: len(classes)] = np.array(classes.colours) / 255
    picture = table[labels].repeat(k, 0).repeat(k, 1)
    rows, columns = np.indices(picture.shape[:2])
    stripes = (rows + columns) % 10 < 2
    empty = (labels == VOID).repeat(k, 0).repeat(k, 1)
    picture[stripes & empty] = to_rgb(PALE)
    return picture


def show_map(
    axes: Axes, values: np.ndarray, title: str = "", note: str = "", cmap: str = HEAT, top: float = 1.0
) -> AxesImage:
    """A heat map (H, W) float on the fixed scale 0 to ``top``."""
    bare(axes, title, note)
    return axes.imshow(values, cmap=cmap, vmin=0, vmax=max(top, 1e-6), interpolation="nearest")


def scale(axes: Axes, image: AxesImage, label: str, where: str = "bottom") -> None:
    """A thin colour bar with its unit, as wide (``bottom``) or as high (``right``) as the picture."""
    below = where == "bottom"
    strip = axes.inset_axes((0, -0.075, 1, 0.04) if below else (1.025, 0, 0.03, 1))
    bar = strip.figure.colorbar(image, cax=strip, orientation="horizontal" if below else "vertical")
    bar.locator = MaxNLocator(5)
    bar.outline.set_linewidth(0.4)
    strip.tick_params(length=2, pad=1.5, labelsize=6.5)
    bar.set_label(label, fontsize=7, labelpad=1.5)


def outline(axes: Axes, inside: np.ndarray, colour: str = "white", width: float = 0.8) -> ContourSet | None:
    """The border of a part (H, W) bool of the picture; nothing when the part is empty or everything."""
    if inside.all() or not inside.any():
        return None
    height, width_px = inside.shape
    limits = axes.get_xlim(), axes.get_ylim()
    lines = axes.contour(
        np.pad(inside, 1).astype(float), [0.5], colors=[colour], linewidths=width, extent=(-1, width_px, -1, height)
    )
    axes.set(xlim=limits[0], ylim=limits[1])  # the padding that closes lines at the border is not shown
    return lines


def class_patches(classes: Classes, maps: Iterable[np.ndarray], empty: str = "not annotated") -> list[Patch]:
    """Legend entries of the classes that occur in the label maps, in the order of their ids; 255 last, if it occurs."""
    found = np.unique(np.concatenate([np.unique(labels) for labels in maps]))
    patches = [
        Patch(facecolor=hex_of(classes.colours[c]), label=classes.names[c], edgecolor=GREY, linewidth=0.3)
        for c in found
        if c != VOID
    ]
    if VOID in found and empty:
        patches.append(Patch(facecolor="white", edgecolor=GREY, hatch="//////", linewidth=0.3, label=empty))
    return patches


def legend_below(sheet: Sheet, patches: list[Patch]) -> None:
    """One legend for the whole figure, under it, to be read row by row."""
    columns = min(LEGEND_COLUMNS, len(patches))
    by_column = [patch for k in range(columns) for patch in patches[k::columns]]
    sheet.legend(
        handles=by_column, loc="outside lower center", ncols=columns, frameon=False,
        handlelength=1.1, handleheight=0.9, columnspacing=1.2, handletextpad=0.5, borderaxespad=0.2,
    )  # fmt: skip


@lru_cache
def colour_table(name: str) -> np.ndarray:
    """The 256 colours of a colour map, (256, 3) uint8, lowest value first; for pictures made without a figure.

    Raises:
        ConfigError: if it is not one of the perceptually uniform maps of the house.
    """
    if name not in COLOUR_TABLES:
        raise ConfigError(f"no colour table {name!r}; choose one of {', '.join(COLOUR_TABLES)}")
    table = matplotlib.colormaps[name](np.arange(256), bytes=True)[:, :3]
    table.flags.writeable = False  # one array for all
    return table


def price_axis(axes: Axes, log: bool) -> None:
    """Ticks of a horizontal axis of prices: whole numbers; on a log axis 1, 2 and 5 of every power of ten."""
    if log:
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if log else MaxNLocator(6))
    axes.xaxis.set_major_formatter("{x:,.0f}")


def percent(share: float) -> str:
    """A share in words; ``no value`` where there is none."""
    return "no value" if np.isnan(share) else f"{100 * share:.0f} %"


@styled
def save(
    figure: Figure,
    preset_name: str,
    name: str,
    numbers: dict[str, Any],
    cycles: Sequence[Cycle] = (),
    notebook: str = "",
) -> None:
    """Save a figure as ``figures/<preset>/<name>.png`` (200 dpi), ``.pdf`` and ``.json``; same input, same bytes.

    Args:
        figure: what to save.
        preset_name: name of the study.
        name: name of the figure.
        numbers: the numbers that the figure shows.
        cycles: the cycles it was drawn from.
        notebook: the notebook that draws it, when it has another name.

    Raises:
        StorageError: if the folder is not writable; what was there is intact.
    """
    folder = paths.FIGURES / preset_name
    bare_of_dates = {"png": {"Software": None}, "pdf": {"CreationDate": None}}
    for kind, metadata in bare_of_dates.items():
        with replacing(folder / f"{name}.{kind}") as temporary:
            figure.savefig(temporary, format=kind, dpi=200, metadata=metadata)
    record = {
        "figure": name, "notebook": f"notebooks/{notebook or name}.ipynb", "preset": preset_name,
        "seeds": sorted({cycle.seed for cycle in cycles}),
        "runs": [f"{c.method}/{c.ablation}/seed{c.seed}/cycle_{c.number:02d}" for c in cycles], "numbers": numbers,
    }  # fmt: skip
    write_json(folder / f"{name}.json", record)


def page_height(
    shape: tuple[int, ...], rows: int, columns: float, extra: float, legend: int = 0, side: float = 0.2
) -> float:
    """Inches of a sheet with a grid of pictures (H, W) as wide as the page.

    Args:
        shape: height and width of a picture in pixels.
        rows: of the grid.
        columns: of the grid.
        extra: inches per row for titles and colour bars.
        legend: entries of the legend below.
        side: inches of the width that are no picture.
    """
    row = (WIDTH - side) / columns * shape[0] / shape[1] + extra
    return rows * row + 0.17 * -(-legend // LEGEND_COLUMNS) + (0.15 if legend else 0.05)


def hex_of(colour: tuple[int, int, int]) -> str:
    """An RGB triple (0..255) as ``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
