"""Sprites of the rendered streets: people, bicycles, motorcycles and their riders."""

import numpy as np

from segxal.data.streets.sprites import Slot, Sprite, Stencil


def bicycle_side(pen: Stencil, x: float = 0.0) -> None:
    """Two wheels and a frame, 1.7 m long, in the second label's slots."""
    for wheel in (x + 0.34, x + 1.36):
        pen.ring(Slot.TYRE2, wheel, 0.34, 0.3, 0.09)
        pen.ring(Slot.METAL, wheel, 0.34, 0.05, 0.1)
    corners = ((0.34, 0.34), (0.62, 0.8), (1.2, 0.82), (0.8, 0.34))
    for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        pen.line(Slot.ACCENT3, x + x0, y0, x + x1, y1, 0.09)
    pen.line(Slot.ACCENT3, x + 0.62, 0.8, x + 0.8, 0.34, 0.06)
    pen.line(Slot.METAL_DARK, x + 1.36, 0.34, x + 1.16, 1.0, 0.06)
    pen.line(Slot.METAL_DARK, x + 1.1, 1.0, x + 1.3, 1.02, 0.06)
    pen.line(Slot.METAL_DARK, x + 0.5, 0.9, x + 0.72, 0.9, 0.09)


def bicycle(r: np.random.Generator) -> Sprite:
    """A bicycle without a rider, from its side."""
    pen = Stencil(1.7, 1.08, 48)
    bicycle_side(pen)
    return pen.sprite()


def _head(pen: Stencil, x: float, y: float, covered: bool) -> None:
    pen.ellipse(Slot.SKIN, x, y, 0.115, 0.145)
    pen.ellipse(Slot.HAIR, x, y + 0.07, 0.125, 0.1)
    if covered:
        pen.ellipse(Slot.ACCENT2, x, y + 0.09, 0.14, 0.1)


def cyclist_side(r: np.random.Generator) -> Sprite:
    """A person riding a bicycle, from the side."""
    pen = Stencil(1.7, 1.8, 44)
    bicycle_side(pen)
    pen.line(Slot.LEGS, 0.62, 0.98, 0.98, 0.72, 0.17)
    pen.line(Slot.LEGS, 0.98, 0.72, 0.82, r.uniform(0.25, 0.45), 0.13)
    pen.line(Slot.MAIN, 0.62, 1.0, 0.88, 1.42, 0.28)
    pen.line(Slot.DARK, 0.88, 1.38, 1.16, 1.05, 0.1)
    _head(pen, 0.97, 1.64, r.random() < 0.85)
    return pen.sprite()


def cyclist_end(r: np.random.Generator) -> Sprite:
    """A person riding a bicycle, from behind or the front."""
    pen = Stencil(0.7, 1.8, 44)
    pen.rect(Slot.TYRE2, 0.31, 0, 0.39, 0.68)
    pen.rect(Slot.METAL_DARK, 0.1, 0.98, 0.6, 1.04)
    pen.rect(Slot.TAIL2, 0.31, 0.7, 0.39, 0.78)
    pen.line(Slot.LEGS, 0.26, 0.9, 0.22, 0.35, 0.14)
    pen.line(Slot.LEGS, 0.44, 0.9, 0.48, 0.5, 0.14)
    pen.poly(Slot.MAIN, (0.15, 1.42), (0.55, 1.42), (0.5, 0.85), (0.2, 0.85))
    pen.line(Slot.DARK, 0.17, 1.38, 0.1, 1.02, 0.1)
    pen.line(Slot.DARK, 0.53, 1.38, 0.6, 1.02, 0.1)
    _head(pen, 0.35, 1.6, r.random() < 0.85)
    return pen.sprite()


def motorcycle_side(r: np.random.Generator) -> Sprite:
    """A motorcycle from its side: thick wheels, tank, seat, a lamp."""
    pen = Stencil(2.1, 1.85, 40)
    for x in (0.35, 1.72):
        pen.ellipse(Slot.TYRE2, x, 0.33, 0.33, 0.33)
        pen.ellipse(Slot.METAL, x, 0.33, 0.17, 0.17)
    pen.poly(Slot.METAL_DARK, (0.5, 0.35), (0.6, 0.65), (1.3, 0.65), (1.35, 0.3))
    pen.poly(Slot.ACCENT3, (0.75, 0.62), (0.95, 0.95), (1.4, 0.92), (1.5, 0.6))
    pen.poly(Slot.METAL_DARK, (0.15, 0.72), (0.2, 0.85), (0.95, 0.85), (0.95, 0.68))
    pen.line(Slot.METAL, 1.72, 0.33, 1.4, 1.05, 0.1)
    pen.ellipse(Slot.LAMP2, 1.55, 0.88, 0.1, 0.1)
    if r.random() < 0.65:
        pen.line(Slot.LEGS, 0.75, 0.9, 1.15, 0.72, 0.19)
        pen.line(Slot.LEGS, 1.15, 0.72, 0.95, 0.3, 0.15)
        pen.line(Slot.MAIN, 0.75, 0.95, 0.92, 1.42, 0.32)
        pen.line(Slot.DARK, 0.95, 1.38, 1.4, 1.05, 0.11)
        pen.ellipse(Slot.ACCENT2, 1.02, 1.66, 0.16, 0.17)
        pen.rect(Slot.TRIM, 1.06, 1.6, 1.19, 1.7)
    return pen.sprite()


def motorcycle_end(r: np.random.Generator) -> Sprite:
    """A motorcycle with its rider, from behind or the front."""
    pen = Stencil(0.85, 1.75, 44)
    lamp = Slot.TAIL2 if r.random() < 0.6 else Slot.LAMP2
    pen.rect(Slot.TYRE2, 0.34, 0, 0.51, 0.62)
    pen.rect(Slot.ACCENT3, 0.2, 0.42, 0.65, 0.85)
    pen.rect(lamp, 0.33, 0.62, 0.52, 0.76)
    pen.rect(Slot.METAL, 0.02, 0.98, 0.83, 1.05)
    pen.line(Slot.LEGS, 0.26, 0.85, 0.16, 0.4, 0.15)
    pen.line(Slot.LEGS, 0.59, 0.85, 0.69, 0.4, 0.15)
    pen.poly(Slot.MAIN, (0.16, 1.38), (0.69, 1.38), (0.62, 0.8), (0.23, 0.8))
    pen.line(Slot.DARK, 0.2, 1.34, 0.06, 1.05, 0.12)
    pen.line(Slot.DARK, 0.65, 1.34, 0.79, 1.05, 0.12)
    pen.ellipse(Slot.ACCENT2, 0.425, 1.58, 0.15, 0.17)
    return pen.sprite()


def person(r: np.random.Generator) -> Sprite:
    """A person on foot: standing or walking, some with a bag, a skirt or an umbrella."""
    pen = Stencil(1.0, 2.15, 44)
    step = r.uniform(0.03, 0.24)
    for side in (-1, 1):
        pen.line(Slot.LEGS, 0.5 + 0.07 * side, 0.85, 0.5 + step * side, 0.08, 0.15)
        pen.rect(Slot.SHOES, 0.44 + step * side, 0, 0.6 + step * side, 0.08)
        pen.line(Slot.DARK, 0.5 + 0.2 * side, 1.4, 0.5 + (0.2 + step * 0.6) * side, 0.9, 0.11)
        pen.ellipse(Slot.SKIN, 0.5 + (0.2 + step * 0.6) * side, 0.86, 0.05, 0.05)
    pen.poly(Slot.MAIN, (0.28, 1.45), (0.72, 1.45), (0.66, 0.8), (0.34, 0.8))
    if r.random() < 0.25:
        pen.poly(Slot.MAIN, (0.36, 0.95), (0.64, 0.95), (0.74, 0.45), (0.26, 0.45))
    if r.random() < 0.35:
        x = r.choice((0.1, 0.72))
        pen.rect(Slot.BAG, x, 0.55, x + 0.2, 0.85)
    _head(pen, 0.5, 1.62, r.random() < 0.15)
    if r.random() < 0.12:
        pen.poly(Slot.ACCENT, (0.0, 1.82), (0.25, 2.08), (0.75, 2.08), (1.0, 1.82))
        pen.line(Slot.TRIM, 0.68, 1.0, 0.62, 1.9, 0.03)
    return pen.sprite()


def person_bicycle(r: np.random.Generator) -> Sprite:
    """A person who walks beside a bicycle: looks like a rider but is a person."""
    pen = Stencil(1.9, 1.85, 40)
    bicycle_side(pen, 0.2)
    walker = person(r).grid[1:-1, 1:-1]
    rows, cols = round(1.8 * 40), round(0.8 * 40)
    small = walker[np.linspace(15, walker.shape[0] - 1, rows).astype(int)][:, np.linspace(5, 39, cols).astype(int)]
    patch = pen.grid[-rows:, 16 : 16 + cols]
    patch[small > 0] = small[small > 0]
    return pen.sprite()
