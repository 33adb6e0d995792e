"""Sprites of the rendered streets: cars, buses, lorries and trams, from the side and from their ends."""

import numpy as np

from segxal.data.streets.light import steps
from segxal.data.streets.sprites import Slot, Sprite, Stencil


def _wheels(pen: Stencil, places: tuple[float, ...], radius: float) -> None:
    for x in places:
        pen.ellipse(Slot.TYRE, x, radius, radius, radius)
        pen.ellipse(Slot.RIM, x, radius, radius * 0.55, radius * 0.55)


def _car_shape(r: np.random.Generator) -> tuple[float, float, float, float]:
    """Length, height, height of the belt line, and share of the length that the rear overhang takes."""
    kinds = ((4.5, 1.42, 0.88, 0.16), (3.9, 1.48, 0.9, 0.05), (4.7, 1.46, 0.88, 0.04), (4.5, 1.72, 1.05, 0.05))
    length, height, belt, tail = kinds[r.integers(len(kinds))]
    return length * r.uniform(0.94, 1.06), height * r.uniform(0.96, 1.06), belt * r.uniform(0.95, 1.05), tail


def car_side(r: np.random.Generator) -> Sprite:
    """A car seen from its side, its front to the right."""
    length, height, belt, tail = _car_shape(r)
    pen = Stencil(length, height)
    roof0, roof1, hood = length * (tail + 0.12), length * 0.58, length * 0.74
    pen.poly(Slot.MAIN, (length * tail, belt), (roof0, height), (roof1, height), (hood, belt))
    pen.poly(
        Slot.MAIN,
        (0.05, 0.25),
        (0, belt * 0.9),
        (0.12, belt),
        (length * 0.75, belt),
        (length, belt * 0.78),
        (length, 0.25),
    )
    inset = 0.09
    pen.poly(
        Slot.GLASS,
        (length * tail + 0.2, belt),
        (roof0 + 0.1, height - inset),
        (roof1 - 0.05, height - inset),
        (hood - 0.2, belt),
    )
    pen.poly(
        Slot.SHINE,
        (roof0 + 0.3, belt + 0.1),
        (roof0 + 0.6, height - inset),
        (roof0 + 0.9, height - inset),
        (roof0 + 0.6, belt + 0.1),
    )
    pen.rect(Slot.MAIN, length * 0.42, belt, length * 0.42 + 0.09, height)
    pen.rect(Slot.DARK, 0.04, 0.25, length, 0.42)
    pen.rect(Slot.LIGHT, 0.1, belt * 0.82, length * 0.95, belt * 0.88)
    pen.rect(Slot.TAIL, 0, belt * 0.7, 0.14, belt * 0.88)
    pen.rect(Slot.LAMP, length - 0.2, belt * 0.6, length, belt * 0.75)
    _wheels(pen, (length * 0.19, length * 0.8), 0.33)
    return pen.sprite()


def _car_end(r: np.random.Generator, lamp: int) -> Sprite:
    _, height, belt, _ = _car_shape(r)
    width = 1.78
    pen = Stencil(width, height)
    pen.poly(Slot.MAIN, (0.1, belt * 0.95), (0.3, height), (width - 0.3, height), (width - 0.1, belt * 0.95))
    pen.rect(Slot.MAIN, 0, 0.3, width, belt)
    pen.poly(Slot.GLASS, (0.24, belt), (0.38, height - 0.1), (width - 0.38, height - 0.1), (width - 0.24, belt))
    pen.poly(Slot.SHINE, (0.5, belt + 0.05), (0.65, height - 0.1), (0.9, height - 0.1), (0.75, belt + 0.05))
    pen.rect(Slot.LIGHT, 0.02, belt * 0.9, width - 0.02, belt * 0.98)
    pen.rect(Slot.DARK, 0.02, 0.28, width - 0.02, 0.5)
    for x in (0.05, width - 0.4):
        pen.rect(lamp, x, belt * 0.68, x + 0.35, belt * 0.9)
        pen.rect(Slot.TYRE, x + 0.03, 0, x + 0.28, 0.32)
    if lamp == Slot.LAMP:
        pen.rect(Slot.TRIM, 0.5, belt * 0.55, width - 0.5, belt * 0.8)
    pen.rect(Slot.PLATE, width / 2 - 0.26, 0.5, width / 2 + 0.26, 0.62)
    return pen.sprite()


def car_rear(r: np.random.Generator) -> Sprite:
    """A car seen from behind."""
    return _car_end(r, Slot.TAIL)


def car_front(r: np.random.Generator) -> Sprite:
    """A car seen from the front."""
    return _car_end(r, Slot.LAMP)


def bus_side(r: np.random.Generator) -> Sprite:
    """A bus from its side: a row of big windows, doors, a stripe, wheels."""
    length = r.uniform(10, 12.5)
    pen = Stencil(length, 3.1, 24)
    pen.rect(Slot.MAIN, 0, 0.3, length, 3.1)
    pen.rect(Slot.ACCENT, 0, 0.3, length, r.uniform(0.7, 1.1))
    pen.rect(Slot.LIGHT, 0, 2.8, length, 3.1)
    pen.rect(Slot.GLASS, 0.3, 1.35, length - 0.1, 2.65)
    for x in steps(1.6, length - 0.5, r.uniform(1.3, 1.9)):
        pen.rect(Slot.TRIM, x, 1.35, x + 0.08, 2.65)
    for x in (length * 0.4, length * 0.86):
        pen.rect(Slot.GLASS, x, 0.45, x + 1.1, 2.65)
        pen.rect(Slot.TRIM, x + 0.5, 0.45, x + 0.6, 2.65)
    pen.poly(Slot.SHINE, (2, 1.4), (2.6, 2.6), (3.2, 2.6), (2.6, 1.4))
    _wheels(pen, (length * 0.2, length * 0.72), 0.48)
    return pen.sprite()


def bus_end(r: np.random.Generator) -> Sprite:
    """A bus from behind or the front."""
    pen = Stencil(2.5, 3.1)
    lamp = Slot.TAIL if r.random() < 0.5 else Slot.LAMP
    pen.rect(Slot.MAIN, 0, 0.35, 2.5, 3.1)
    pen.rect(Slot.ACCENT, 0, 0.35, 2.5, r.uniform(0.7, 1.1))
    pen.rect(Slot.GLASS, 0.15, 1.2, 2.35, 2.6)
    pen.rect(Slot.TRIM, 0.3, 2.68, 2.2, 2.98)
    pen.rect(Slot.AMBER, 0.5, 2.74, 1.6, 2.92)
    pen.poly(Slot.SHINE, (0.5, 1.3), (0.9, 2.5), (1.2, 2.5), (0.8, 1.3))
    for x in (0.1, 2.1):
        pen.rect(lamp, x, 0.75, x + 0.3, 1.0)
        pen.rect(Slot.TYRE, x, 0, x + 0.3, 0.4)
    pen.rect(Slot.PLATE, 0.95, 0.5, 1.55, 0.65)
    return pen.sprite()


def truck_side(r: np.random.Generator) -> Sprite:
    """A lorry from its side: cargo box, cab to the right."""
    length, height = r.uniform(7, 10.5), r.uniform(2.9, 3.6)
    pen = Stencil(length, height, 24)
    pen.rect(Slot.TRIM, 0, 0.55, length, 0.95)
    pen.rect(Slot.ACCENT, 0, 0.95, length - 2.2, height)
    pen.rect(Slot.ACCENT2, 0.8, 1.5, length - 3.0, height - r.uniform(0.5, 1.0))
    pen.rect(Slot.DARK, 0, height - 0.1, length - 2.2, height)
    pen.poly(
        Slot.MAIN,
        (length - 2.0, 0.5),
        (length - 2.0, height * 0.85),
        (length - 0.5, height * 0.85),
        (length, 1.5),
        (length, 0.5),
    )
    pen.poly(Slot.GLASS, (length - 1.5, 1.6), (length - 1.5, 2.3), (length - 0.6, 2.3), (length - 0.2, 1.6))
    pen.rect(Slot.LAMP, length - 0.2, 0.7, length, 0.95)
    _wheels(pen, (length * 0.15, length * 0.27, length * 0.85), 0.5)
    return pen.sprite()


def truck_rear(r: np.random.Generator) -> Sprite:
    """A lorry from behind: two doors, lamps near the ground."""
    height = r.uniform(2.9, 3.6)
    pen = Stencil(2.45, height)
    pen.rect(Slot.ACCENT, 0, 0.95, 2.45, height)
    pen.rect(Slot.ACCENT2, 0.35, 1.4, 2.1, height - 0.6)
    pen.rect(Slot.DARK, 1.19, 0.95, 1.26, height)
    pen.rect(Slot.DARK, 0, height - 0.1, 2.45, height)
    pen.rect(Slot.TRIM, 0, 0.55, 2.45, 0.95)
    for x in (0.05, 2.05):
        pen.rect(Slot.TAIL, x, 0.65, x + 0.35, 0.85)
        pen.rect(Slot.TYRE, x - 0.03, 0, x + 0.4, 0.6)
    return pen.sprite()


def truck_front(r: np.random.Generator) -> Sprite:
    """A lorry from the front: cab with a big windscreen, the box behind it."""
    height = r.uniform(2.9, 3.6)
    pen = Stencil(2.45, height)
    pen.rect(Slot.ACCENT, 0, 1.2, 2.45, height)
    pen.rect(Slot.MAIN, 0.05, 0.4, 2.4, height * 0.84)
    pen.rect(Slot.GLASS, 0.2, 1.5, 2.25, 2.25)
    pen.rect(Slot.TRIM, 0.5, 0.8, 1.95, 1.3)
    for x in (0.1, 2.0):
        pen.rect(Slot.LAMP, x, 0.6, x + 0.35, 0.85)
        pen.rect(Slot.TYRE, x, 0, x + 0.35, 0.42)
    return pen.sprite()


def tram_side(r: np.random.Generator) -> Sprite:
    """A tram from its side: long, low, no visible wheels, a pantograph on the roof."""
    length = r.uniform(20, 28)
    pen = Stencil(length, 3.7, 20)
    pen.rect(Slot.TRIM, 0.3, 0.1, length - 0.3, 0.4)
    pen.poly(Slot.MAIN, (0, 0.35), (0, 1.6), (0.6, 3.1), (length - 0.6, 3.1), (length, 1.6), (length, 0.35))
    pen.rect(Slot.GLASS, 0.6, 1.4, length - 0.6, 2.6)
    pen.rect(Slot.ACCENT, 0, 0.85, length, 1.25)
    for x in steps(1.8, length - 1, 1.7):
        pen.rect(Slot.MAIN, x, 1.4, x + 0.18, 2.6)
    for x in steps(4, length - 2, 7.5):
        pen.rect(Slot.TRIM, x, 0.35, x + 0.3, 3.1)
        pen.rect(Slot.ACCENT2, x + 2, 0.4, x + 3.3, 2.7)
        pen.rect(Slot.GLASS, x + 2.15, 0.8, x + 3.15, 2.5)
    pen.line(Slot.TRIM, length * 0.5, 3.1, length * 0.53, 3.6, 0.08)
    pen.line(Slot.TRIM, length * 0.53, 3.6, length * 0.5, 3.68, 0.08)
    return pen.sprite()


def tram_end(r: np.random.Generator) -> Sprite:
    """A tram from the front: rounded top, two or three lamps."""
    pen = Stencil(2.4, 3.7)
    pen.rect(Slot.TRIM, 0.2, 0.1, 2.2, 0.5)
    pen.rect(Slot.MAIN, 0, 0.35, 2.4, 2.4)
    pen.ellipse(Slot.MAIN, 1.2, 2.4, 1.2, 0.75)
    pen.poly(Slot.GLASS, (0.2, 1.4), (0.35, 2.6), (2.05, 2.6), (2.2, 1.4))
    pen.poly(Slot.SHINE, (0.6, 1.45), (0.85, 2.55), (1.1, 2.55), (0.85, 1.45))
    pen.rect(Slot.ACCENT, 0, 0.85, 2.4, 1.25)
    pen.rect(Slot.AMBER, 0.75, 2.72, 1.65, 2.9)
    for x in (0.35, 2.05) if r.random() < 0.6 else (0.35, 1.2, 2.05):
        pen.ellipse(Slot.LAMP, x, 0.68, 0.15, 0.12)
    pen.line(Slot.TRIM, 0.7, 3.6, 1.7, 3.6, 0.07)
    pen.line(Slot.TRIM, 1.2, 3.1, 1.0, 3.6, 0.07)
    return pen.sprite()
