"""Label files that hold colours in place of class ids: taken where the colours say which class is meant."""

from pathlib import Path

import numpy as np

from segxal.core.errors import DataInvalid
from segxal.core.labels import CAMVID, CITYSCAPES, VOID, Classes

Colour = tuple[int, int, int]
BLACK: Colour = (0, 0, 0)
# Colours of Cityscapes that stand for no class that is trained: dynamic, ground, parking, rail track, guard rail,
# bridge, tunnel.
CITYSCAPES_VOID: tuple[Colour, ...] = (
    (111, 74, 0), (81, 0, 81), (250, 170, 160), (230, 150, 140), (180, 165, 180), (150, 100, 100), (150, 120, 90),
)  # fmt: skip
SHOWN = 5  # colours that an error names


def ids_of_colours(colours: np.ndarray, path: Path, classes: Classes) -> np.ndarray:
    """Class ids of a picture that holds one colour per class.

    The colours are those of the classes themselves, of CamVid or of Cityscapes, the first of them that has every colour
    of the file; colours of CamVid and Cityscapes count for the class of that name. Black is void, unless it is the
    colour of a class.

    Args:
        colours: (H, W, 3) uint8, RGB.
        path: the file, for errors.
        classes: of the data set.

    Returns:
        (H, W) uint8 ids, 255 = void.

    Raises:
        DataInvalid: if a colour is none of these, or its class is not one of the data set's; names the colours.
    """
    codes = colours.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    values, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    found: list[Colour] = [(int(v) >> 16, int(v) >> 8 & 255, int(v) & 255) for v in values]
    for title, table in _palettes(classes):
        if all(colour in table for colour in found):
            names = [table[colour] for colour in found]
            unnamed = sorted({name for name in names if name and name not in classes.names})
            if unnamed:
                raise DataInvalid(
                    f"{path} holds the colours of {title}, and its class {unnamed[0]} is none of the data set's: "
                    f"{', '.join(classes.names[:8])}. Name it in the classes file, or paint it black (void)"
                )
            ids = np.array([classes.index(name) if name else VOID for name in names], np.uint8)
            return ids[inverse].reshape(codes.shape)
    order = np.argsort(-counts)
    shown = ", ".join(f"{found[k]} ({counts[k]} pixels)" for k in order[:SHOWN])
    raise DataInvalid(
        f"{path} is a colour image; expected one class id per pixel (grey or palette PNG), or colours that classes.txt "
        f"gives (`name r g b`), or those of CamVid or Cityscapes. It holds {len(found)} colours: {shown}"
    )


def _palettes(classes: Classes) -> list[tuple[str, dict[Colour, str]]]:
    """Palettes by title: colour -> name of the class, empty for void."""
    cityscapes = dict.fromkeys((BLACK, *CITYSCAPES_VOID), "") | dict(
        zip(CITYSCAPES.colours, CITYSCAPES.names, strict=True)
    )
    return [
        ("the classes file", {BLACK: ""} | dict(zip(classes.colours, classes.names, strict=True))),
        ("CamVid", {BLACK: ""} | dict(zip(CAMVID.colours, CAMVID.names, strict=True))),
        ("Cityscapes", cityscapes),
    ]
