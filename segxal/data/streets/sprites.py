"""Sprites of the rendered streets: flat pictures made of slot numbers, and the pen that draws them.

A sprite holds no colour: each cell names a slot, and every object brings its own colours and labels
for the slots (:mod:`segxal.data.streets.colours`). Slot 0 is see-through.
"""

from dataclasses import dataclass

import numpy as np

SLOTS = 32
SECOND = 24  # slots from here on carry the object's second label (the bicycle of a rider)


class Slot:
    """Numbers of the slots; 0 is see-through."""

    MAIN, DARK, LIGHT, GLASS, SHINE, TYRE, TRIM, TAIL, LAMP, PLATE, RIM = range(1, 12)
    SKIN, HAIR, LEGS, SHOES, BAG, ACCENT, ACCENT2, LIT, ROOF, ROOF_DARK, AMBER, GREEN = range(12, SECOND)
    METAL, METAL_DARK, TYRE2, ACCENT3, TAIL2, LAMP2 = range(SECOND, SECOND + 6)


@dataclass(frozen=True)
class Sprite:
    """A flat picture of slots.

    Attributes:
        grid: (rows + 2, cols + 2) uint8 slots with a see-through border.
        width: metres.
        height: metres.
    """

    grid: np.ndarray
    width: float
    height: float


class Stencil:
    """Draws shapes, in metres from the lower left corner, into a grid of slots."""

    def __init__(self, width: float, height: float, scale: float = 40.0) -> None:
        """Start see-through, at ``scale`` cells per metre."""
        self.width, self.height = width, height
        rows, cols = max(1, round(height * scale)), max(1, round(width * scale))
        self.grid = np.zeros((rows, cols), np.uint8)
        self.x = ((np.arange(cols) + 0.5) * (width / cols))[None, :]
        self.y = (height - (np.arange(rows) + 0.5) * (height / rows))[:, None]

    def rect(self, slot: int, x0: float, y0: float, x1: float, y1: float) -> None:
        """Fill a rectangle."""
        self.grid[(self.x >= x0) & (self.x < x1) & (self.y >= y0) & (self.y < y1)] = slot

    def ellipse(self, slot: int, x: float, y: float, rx: float, ry: float) -> None:
        """Fill an ellipse."""
        self.grid[((self.x - x) / rx) ** 2 + ((self.y - y) / ry) ** 2 <= 1] = slot

    def ring(self, slot: int, x: float, y: float, radius: float, width: float) -> None:
        """Draw a circle with a line of this width."""
        distance = np.hypot(self.x - x, self.y - y)
        self.grid[np.abs(distance - radius) <= width / 2] = slot

    def poly(self, slot: int, *points: tuple[float, float]) -> None:
        """Fill a convex polygon; its corners may go either way round."""
        sides = []
        for (x0, y0), (x1, y1) in zip(points, (*points[1:], points[0]), strict=True):
            sides.append((x1 - x0) * (self.y - y0) - (y1 - y0) * (self.x - x0) >= 0)
        left = np.logical_and.reduce(np.broadcast_arrays(*sides))
        right = ~np.logical_or.reduce(np.broadcast_arrays(*sides))
        self.grid[left | right] = slot

    def line(self, slot: int, x0: float, y0: float, x1: float, y1: float, width: float) -> None:
        """Draw a straight line with round ends."""
        dx, dy = x1 - x0, y1 - y0
        along = np.clip(((self.x - x0) * dx + (self.y - y0) * dy) / (dx * dx + dy * dy), 0, 1)
        distance = np.hypot(self.x - x0 - along * dx, self.y - y0 - along * dy)
        self.grid[distance <= width / 2] = slot

    def sprite(self) -> Sprite:
        """The drawing as a sprite."""
        return Sprite(np.pad(self.grid, 1), self.width, self.height)


def smooth_noise(r: np.random.Generator, rows: int, cols: int, cells: int, octaves: int = 3) -> np.ndarray:
    """Tileable noise in [0, 1]: (rows, cols) float32, its coarsest waves ``cells`` across."""
    total = np.zeros((rows, cols), np.float32)
    for octave in range(octaves):
        n = cells * 2**octave
        grid = r.random((n, n), np.float32)
        y, x = np.arange(rows) * (n / rows), np.arange(cols) * (n / cols)
        y0, x0 = y.astype(int), x.astype(int)
        fy, fx = (y - y0)[:, None], (x - x0)[None, :]
        fy, fx = fy * fy * (3 - 2 * fy), fx * fx * (3 - 2 * fx)
        y1, x1 = (y0 + 1) % n, (x0 + 1) % n
        top = grid[y0][:, x0] * (1 - fx) + grid[y0][:, x1] * fx
        low = grid[y1][:, x0] * (1 - fx) + grid[y1][:, x1] * fx
        total += (top * (1 - fy) + low * fy) * 0.5**octave
    total -= total.min()
    return (total / total.max()).astype(np.float32)
