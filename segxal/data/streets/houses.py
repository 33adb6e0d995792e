"""Sprites of the rendered streets: facades, warehouses, walls, fences, posters and the skyline."""

import numpy as np

from segxal.data.streets.light import steps
from segxal.data.streets.sprites import Slot, Sprite, Stencil

FACADE_SCALE = 14  # cells per metre


def _window(pen: Stencil, r: np.random.Generator, style: int, x: float, y: float, bay: float) -> None:
    glass = Slot.LIT if r.random() < 0.3 else Slot.GLASS
    if style == 0:  # punched window with frame and sill
        pen.rect(Slot.LIGHT, x + bay * 0.22, y + 0.7, x + bay * 0.78, y + 2.5)
        pen.rect(glass, x + bay * 0.27, y + 0.82, x + bay * 0.73, y + 2.4)
        pen.rect(Slot.LIGHT, x + bay * 0.485, y + 0.8, x + bay * 0.515, y + 2.4)
        pen.rect(Slot.DARK, x + bay * 0.18, y + 0.6, x + bay * 0.82, y + 0.72)
    elif style == 1:  # ribbon of glass
        pen.rect(glass, x, y + 0.9, x + bay, y + 2.4)
        pen.rect(Slot.TRIM, x, y + 0.9, x + 0.1, y + 2.4)
    elif style == 2:  # curtain wall
        pen.rect(Slot.SHINE if r.random() < 0.3 else glass, x + 0.08, y + 0.15, x + bay - 0.04, y + 2.9)
    elif style == 3:  # tall window with balcony
        pen.rect(glass, x + bay * 0.25, y + 0.2, x + bay * 0.75, y + 2.5)
        pen.rect(Slot.LIGHT, x + bay * 0.48, y + 0.2, x + bay * 0.52, y + 2.5)
        pen.rect(Slot.ACCENT2, x + bay * 0.1, y + 0.05, x + bay * 0.9, y + 0.95)
        pen.rect(Slot.DARK, x + bay * 0.08, y - 0.08, x + bay * 0.92, y + 0.08)
    else:  # window with shutters
        pen.rect(glass, x + bay * 0.35, y + 0.8, x + bay * 0.65, y + 2.3)
        for side in (0.17, 0.67):
            pen.rect(Slot.ACCENT2, x + bay * side, y + 0.75, x + bay * (side + 0.16), y + 2.35)


def _shops(pen: Stencil, r: np.random.Generator, width: float) -> None:
    pen.rect(Slot.DARK, 0, 0, width, 3.2)
    x = 0.3
    while x < width - 2:
        bay = min(r.uniform(3, 5.5), width - x - 0.2)
        pen.rect(Slot.LIT if r.random() < 0.6 else Slot.GLASS, x, 0.5, x + bay - 0.3, 2.4)
        pen.rect(Slot.TRIM, x + bay * 0.5, 0.0, x + bay * 0.5 + 0.9, 2.4)
        pen.rect(Slot.GLASS, x + bay * 0.5 + 0.1, 0.4, x + bay * 0.5 + 0.8, 2.25)
        pen.rect(Slot.ACCENT if r.random() < 0.6 else Slot.ACCENT2, x, 2.5, x + bay - 0.3, 3.1)
        for letter in steps(x + 0.4, x + bay - 0.9, 0.42):
            pen.rect(Slot.PLATE, letter, 2.65, letter + 0.26, 2.95)
        x += bay


def _entrance(pen: Stencil, r: np.random.Generator, style: int, bays: int, bay: float) -> None:
    door = int(r.integers(bays))
    for i in range(bays):
        if i != door:
            _window(pen, r, 0 if style > 2 else style, i * bay, 0.1, bay)
    pen.rect(Slot.LIGHT, door * bay + bay * 0.2, 0, door * bay + bay * 0.8, 2.7)
    pen.rect(Slot.ACCENT, door * bay + bay * 0.27, 0, door * bay + bay * 0.73, 2.5)


def _roof(pen: Stencil, r: np.random.Generator, eaves: float, width: float, pitched: bool) -> None:
    if not pitched:
        pen.rect(Slot.LIGHT, 0, eaves - 0.35, width, eaves)
        return
    top = pen.height - 0.6
    pen.rect(Slot.ROOF, 0, eaves, width, top)
    for y in steps(eaves, top, 0.5):
        pen.rect(Slot.ROOF_DARK, 0, y, width, y + 0.12)
    for x in steps(r.uniform(0.8, 2), width - 1.5, r.uniform(2.6, 5)):
        pen.rect(Slot.LIGHT, x, eaves + 0.3, x + 1.2, eaves + 1.5)
        pen.rect(Slot.GLASS, x + 0.2, eaves + 0.45, x + 1.0, eaves + 1.3)
    chimney = r.uniform(0.5, width - 1.5)
    pen.rect(Slot.ROOF_DARK, chimney, top - 0.2, chimney + 0.7, pen.height)


def facade(r: np.random.Generator) -> Sprite:
    """A town house: floors of windows, shops or a door below, a roof or a cornice above."""
    floors, bays, bay = int(r.integers(2, 8)), int(r.integers(3, 7)), r.uniform(2.3, 3.6)
    pitched = bool(r.random() < 0.5)
    eaves = 3.2 + 3.0 * (floors - 1) + 0.5
    pen = Stencil(bays * bay, eaves + (3.0 if pitched else 0.0), FACADE_SCALE)
    pen.rect(Slot.MAIN, 0, 0, pen.width, eaves)
    style = int(r.integers(5))
    if r.random() < 0.35:  # courses of stone
        for y in steps(0.4, eaves, r.choice((0.5, 1.0, 3.0))):
            pen.rect(Slot.DARK, 0, y, pen.width, y + 0.08)
    for floor in range(1, floors):
        for i in range(bays):
            _window(pen, r, style, i * bay, 3.2 + 3.0 * (floor - 1), bay)
    if r.random() < 0.5:
        _shops(pen, r, pen.width)
    else:
        _entrance(pen, r, style, bays, bay)
    pen.rect(Slot.DARK, 0, 3.15, pen.width, 3.3)
    _roof(pen, r, eaves, pen.width, pitched)
    return pen.sprite()


def blank(r: np.random.Generator) -> Sprite:
    """The end wall of a house: few windows, a patch of different plaster, or a gable."""
    height = r.uniform(7, 20)
    pen = Stencil(12, height, FACADE_SCALE)
    pen.rect(Slot.MAIN, 0, 0, 12, height)
    if r.random() < 0.4:
        pen.rect(Slot.DARK, r.uniform(0, 5), r.uniform(0, 4), r.uniform(6, 12), r.uniform(5, height))
    for y in steps(1, height - 2.5, 3.0):
        for x in (2.5, 8):
            if r.random() < 0.5:
                _window(pen, r, 0, x, y, 2)
    pen.rect(Slot.LIGHT, 0, height - 0.3, 12, height)
    return pen.sprite()


def warehouse(r: np.random.Generator) -> Sprite:
    """A warehouse: ribbed sheets, gates, a band of small windows."""
    width, height = r.uniform(14, 24), r.uniform(5, 9)
    pen = Stencil(width, height, FACADE_SCALE)
    pen.rect(Slot.MAIN, 0, 0, width, height)
    for x in steps(0, width, 0.6):
        pen.rect(Slot.DARK, x, 0, x + 0.15, height)
    pen.rect(Slot.ACCENT, 0, height - 1.0, width, height - 0.2)
    for x in steps(2, width - 4, r.uniform(6, 9)):
        pen.rect(Slot.ACCENT2, x, 0, x + 3.6, 3.8)
        pen.rect(Slot.GLASS, x + 0.5, 2.2, x + 3.1, 2.8)
    return pen.sprite()


def wall(r: np.random.Generator) -> Sprite:
    """A free-standing wall: plain, of brick or with pillars; some carry graffiti."""
    height = r.uniform(1.8, 3.2)
    pen = Stencil(8, height, 24)
    pen.rect(Slot.MAIN, 0, 0, 8, height)
    style = int(r.integers(3))
    if style == 0:
        for row, y in enumerate(steps(0, height, 0.3)):
            pen.rect(Slot.DARK, 0, y, 8, y + 0.05)
            for x in steps(0.3 * (row % 2), 8, 0.6):
                pen.rect(Slot.DARK, x, y, x + 0.05, y + 0.3)
    elif style == 1:
        for x in steps(0, 8, 2.0):
            pen.rect(Slot.DARK, x, 0, x + 0.12, height)
    for _ in range(int(r.integers(0, 4))):
        x, y = r.uniform(0.5, 7), r.uniform(0.4, height - 0.3)
        pen.line(
            Slot.ACCENT if r.random() < 0.5 else Slot.ACCENT2,
            x,
            y,
            x + r.uniform(0.3, 1.5),
            y + r.uniform(-0.4, 0.5),
            0.15,
        )
    pen.rect(Slot.LIGHT, 0, height - 0.15, 8, height)
    return pen.sprite()


def fence(r: np.random.Generator) -> Sprite:
    """A fence: boards, bars, mesh or a guard rail; gaps are see-through."""
    style = int(r.integers(4))
    height = (1.8, 1.5, 2.1, 0.95)[style] * r.uniform(0.85, 1.15)
    pen = Stencil(4, height, 32)
    if style == 3:
        pen.rect(Slot.MAIN, 0, height * 0.5, 4, height)
        pen.rect(Slot.DARK, 0, height * 0.68, 4, height * 0.8)
    pitch, share = ((0.25, 0.84), (0.2, 0.6), (0.16, 0.5), (2.0, 0.08))[style]
    for x in steps(0, 4, pitch):
        pen.rect(Slot.MAIN, x, 0, x + pitch * share, height)
    if style == 2:
        for y in steps(0, height, 0.16):
            pen.rect(Slot.MAIN, 0, y, 4, y + 0.06)
    for y in (height * 0.2, height * 0.85):
        pen.rect(Slot.DARK if style < 3 else Slot.MAIN, 0, y, 4, y + 0.1) if style < 3 else None
    for x in (0.0, 2.0):
        pen.rect(Slot.DARK, x, 0, x + 0.12, height)
    return pen.sprite()


def poster(r: np.random.Generator) -> Sprite:
    """A big advertisement on a facade: frame, coloured background, a motif."""
    pen = Stencil(3.4, 2.6, 32)
    pen.rect(Slot.TRIM, 0, 0, 3.4, 2.6)
    pen.rect(Slot.ACCENT, 0.1, 0.1, 3.3, 2.5)
    pen.ellipse(Slot.ACCENT2, r.uniform(0.8, 2.6), r.uniform(0.9, 1.7), r.uniform(0.4, 0.8), r.uniform(0.4, 0.7))
    pen.rect(Slot.PLATE, 0.4, 0.3, r.uniform(1.5, 3.0), 0.6)
    return pen.sprite()


def skyline(r: np.random.Generator) -> Sprite:
    """Distant houses side by side, 900 m wide."""
    pen = Stencil(900, 60, 1)
    x = 0.0
    while x < 900:
        width, height = r.uniform(10, 45), r.uniform(8, 22) + (r.random() < 0.12) * r.uniform(5, 35)
        slot = int(r.choice((Slot.MAIN, Slot.DARK, Slot.LIGHT)))
        pen.rect(slot, x, 0, x + width, height)
        if r.random() < 0.5:
            pen.poly(Slot.ROOF, (x, height), (x + width, height), (x + width / 2, min(59.0, height + width * 0.25)))
        x += width * r.uniform(0.8, 1.0)
    return pen.sprite()
