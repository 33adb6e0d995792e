"""Depth providers side by side (notebook depth_networks)."""

import numpy as np

from segxal.core.depth_scores import rank_agreement
from segxal.core.eem import proximity
from segxal.results.depth_check import RANDOM, DepthCheck
from segxal.results.figures.base import NEAR, Sheet, new_sheet, page_height, scale, show_image, show_map, styled
from segxal.results.figures.view import picture

TITLES = {"geometry": "geometry, true labels", RANDOM: "random network"}


@styled
def depth_figure(found: DepthCheck, count: int = 3) -> Sheet:
    """Images, their exact depth where there is one, and what each provider says, as proximity.

    Args:
        found: the maps.
        count: images shown, evenly spread over the split.

    Returns:
        One row per image. Under each map: its rank correlation, over the whole image, with the exact depth; with the
        ground plane where there is none, and with the first map where nobody asked for that either.
    """
    frames = found.frames
    shown = sorted({k * len(frames) // count for k in range(count)})
    maps = dict(found.maps)
    if frames.depth is not None:
        maps = {"exact": frames.depth.nan_to_num(0.0)} | maps
    truth = next(name for name in ("exact", "geometry", *maps) if name in maps)
    sheet = new_sheet(page_height(tuple(frames.labels.shape[1:]), len(shown), 1 + len(maps), 0.2, side=0.1) + 0.45)
    axes = sheet.subplots(len(shown), 1 + len(maps), squeeze=False)
    for row, index in enumerate(shown):
        show_image(axes[row, 0], picture(frames, index), "image" if row == 0 else "", frames.ids[index])
        for column, (name, depth) in enumerate(maps.items(), 1):
            order = rank_agreement(depth[index].numpy(), maps[truth][index].numpy())
            note = "the reference" if name == truth else f"rank correlation {_rounded(order)}"
            near = proximity(depth[index : index + 1])[0].numpy()
            title = TITLES.get(name, name) if row == 0 else ""
            drawn = show_map(axes[row, column], near, title, note, cmap=NEAR)
            if row == len(shown) - 1:
                scale(axes[row, column], drawn, "proximity (1 = nearest)")
    return sheet


def _rounded(value: float) -> str:
    return "no value" if np.isnan(value) else f"{value:.2f}".replace("-", "−")
