"""Sprites of the rendered streets: trees, hedges, bushes and distant woods."""

import numpy as np

from segxal.data.streets.sprites import Slot, Sprite, Stencil, smooth_noise


def _blotches(pen: Stencil, r: np.random.Generator, crown: np.ndarray, grain: int) -> None:
    rows, cols = pen.grid.shape
    noise = smooth_noise(r, rows, cols, grain) + 0.35 * (pen.y / pen.height - 0.5) + 0.12 * (pen.x / pen.width - 0.5)
    ragged = crown & (smooth_noise(r, rows, cols, grain * 2, 2) > 0.22)
    tones = np.array((Slot.DARK, Slot.DARK, Slot.MAIN, Slot.MAIN, Slot.LIGHT, Slot.ACCENT), np.uint8)
    tone = tones[np.clip((noise * 6.2 - 0.6).astype(int), 0, 5)]
    pen.grid[ragged] = tone[ragged]


def tree(r: np.random.Generator) -> Sprite:
    """A tree: round, slim, a conifer or bare; trunk and crown are both vegetation."""
    style = int(r.choice((0, 0, 0, 1, 2, 3)))
    height = r.uniform(5, 10)
    width = height * (r.uniform(0.6, 0.9), 0.3, 0.45, 0.7)[style]
    pen = Stencil(width, height, 16)
    middle, trunk = width / 2, height * r.uniform(0.2, 0.35)
    pen.poly(
        Slot.METAL_DARK,
        (middle - 0.2, 0),
        (middle + 0.2, 0),
        (middle + 0.12, height * 0.6),
        (middle - 0.12, height * 0.6),
    )
    crown = np.zeros(pen.grid.shape, bool)
    if style == 2:
        for level in np.linspace(0.1, 0.75, 5):
            half = width / 2 * (1 - level)
            low, top = height * level, height * min(1.0, level + 0.35)
            crown |= (pen.y > low) & (np.abs(pen.x - middle) < half * (top - pen.y) / (top - low))
    elif style == 3:
        for angle in r.uniform(-1.1, 1.1, 14):
            start, reach = r.uniform(0.25, 0.6) * height, r.uniform(0.25, 0.4) * height
            end = (middle + np.sin(angle) * reach, start + np.cos(angle) * reach)
            pen.line(Slot.METAL_DARK, middle, start, *end, 0.1)
            crown |= np.hypot(pen.x - end[0], pen.y - end[1]) < r.uniform(0.1, 0.5)
    else:
        for _ in range(16):
            angle, far = r.uniform(0, 2 * np.pi), np.sqrt(r.random()) * 0.62
            x, y = (
                middle + np.cos(angle) * far * width / 2,
                (height + trunk) / 2 + np.sin(angle) * far * (height - trunk) / 2,
            )
            crown |= ((pen.x - x) / (width * 0.2)) ** 2 + ((pen.y - y) / ((height - trunk) * 0.2)) ** 2 < 1
    _blotches(pen, r, crown, 5)
    return pen.sprite()


def hedge(r: np.random.Generator) -> Sprite:
    """A hedge: a long low block of leaves, repeated along the road."""
    height = r.uniform(0.9, 2.2)
    pen = Stencil(6, height, 20)
    edge = height - 0.35 * smooth_noise(r, 1, pen.grid.shape[1], 6)
    _blotches(pen, r, np.broadcast_to(pen.y < edge, pen.grid.shape), 6)
    pen.grid[pen.grid == 0] = np.where(np.broadcast_to(pen.y < edge, pen.grid.shape), Slot.DARK, 0)[pen.grid == 0]
    return pen.sprite()


def bush(r: np.random.Generator) -> Sprite:
    """A bush."""
    width, height = r.uniform(1.2, 3), r.uniform(0.8, 1.8)
    pen = Stencil(width, height, 24)
    crown = ((pen.x - width / 2) / (width / 2)) ** 2 + (pen.y / height) ** 2 < 1
    _blotches(pen, r, crown, 4)
    return pen.sprite()


def treeline(r: np.random.Generator) -> Sprite:
    """Distant woods, 900 m wide."""
    pen = Stencil(900, 40, 1)
    edge = 6 + 20 * smooth_noise(r, 1, 900, 24, 4)
    _blotches(pen, r, np.broadcast_to(pen.y < edge, pen.grid.shape), 48)
    low = np.broadcast_to(pen.y < edge * 0.9, pen.grid.shape) & (pen.grid == 0)
    pen.grid[low] = Slot.DARK
    return pen.sprite()
