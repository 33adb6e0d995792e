"""Sprites of the rendered streets: signs, traffic lights, lamps and posts."""

import numpy as np

from segxal.data.streets.sprites import Slot, Sprite, Stencil


def sign(r: np.random.Generator) -> Sprite:
    """A traffic sign: round, triangular, square, octagonal, or a board with directions."""
    style = int(r.integers(6))
    pen = Stencil(2.0 if style == 5 else 0.8, 1.0 if style == 5 else 0.8, 64)
    if style == 0:
        pen.ellipse(Slot.TAIL, 0.4, 0.4, 0.4, 0.4)
        pen.ellipse(Slot.PLATE, 0.4, 0.4, 0.28, 0.28)
        pen.rect(Slot.TRIM, 0.3, 0.28, 0.5, 0.52)
    elif style == 1:
        pen.poly(Slot.TAIL, (0, 0.05), (0.8, 0.05), (0.4, 0.78))
        pen.poly(Slot.PLATE, (0.17, 0.15), (0.63, 0.15), (0.4, 0.58))
    elif style == 2:
        pen.rect(Slot.ACCENT, 0.05, 0.05, 0.75, 0.75)
        pen.poly(Slot.PLATE, (0.2, 0.2), (0.6, 0.2), (0.4, 0.65))
    elif style == 3:
        pen.poly(
            Slot.TAIL, *((0.4 + 0.4 * np.cos(a), 0.4 + 0.4 * np.sin(a)) for a in np.pi / 8 + np.arange(8) * np.pi / 4)
        )
        pen.rect(Slot.PLATE, 0.12, 0.32, 0.68, 0.48)
    elif style == 4:
        pen.poly(Slot.PLATE, (0, 0.4), (0.4, 0.8), (0.8, 0.4), (0.4, 0))
        pen.poly(Slot.AMBER, (0.1, 0.4), (0.4, 0.7), (0.7, 0.4), (0.4, 0.1))
    else:
        pen.rect(Slot.ACCENT, 0, 0, 2, 1)
        for y in (0.2, 0.55):
            pen.rect(Slot.PLATE, 0.2, y, r.uniform(1.0, 1.8), y + 0.2)
    return pen.sprite()


def traffic_light(r: np.random.Generator) -> Sprite:
    """A traffic light with one lamp lit: red, amber or green by variant."""
    pen = Stencil(0.42, 1.1, 64)
    pen.rect(Slot.PLATE, 0, 0, 0.42, 1.1)
    pen.rect(Slot.TRIM, 0.05, 0.05, 0.37, 1.05)
    lit = int(r.integers(3))
    for i, (slot, y) in enumerate(((Slot.TAIL, 0.9), (Slot.AMBER, 0.55), (Slot.GREEN, 0.2))):
        pen.ellipse(slot if i == lit else Slot.DARK, 0.21, y, 0.15, 0.15)
    return pen.sprite()


def lamp_head(r: np.random.Generator) -> Sprite:
    """The arm of a street lamp with its light, pointing to the right."""
    pen = Stencil(2.0, 0.5, 32)
    pen.rect(Slot.MAIN, 0, 0.3, 1.6, 0.42)
    pen.rect(Slot.MAIN, 1.3, 0.2, 2.0, 0.45)
    pen.rect(Slot.LAMP, 1.4, 0.1, 1.95, 0.22)
    return pen.sprite()


def solid(r: np.random.Generator) -> Sprite:
    """One cell: posts and boards."""
    pen = Stencil(1, 1, 1)
    pen.grid[:] = Slot.MAIN
    return pen.sprite()
