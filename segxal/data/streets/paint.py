"""Painting of the rendered streets: a camera over a flat ground, sprites, and light.

Every pixel gets the number of an entry in the ride's paint table and an inverse distance; colours
and labels are looked up once at the end. The nearer thing wins, so the order of painting does not matter.
Pixels are point-sampled: labels and depth are exact, and the lens softens only the picture.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from segxal.core.seeds import rng
from segxal.data.streets.sprites import Sprite, smooth_noise

NEAR = 0.8  # metres; nothing nearer is drawn
TONES = 8
SHADOW = 128  # added to a ground entry that lies in shadow; ground entries are 0..255
SKY = 256  # first sky entry: 32 heights x 8 clouds
REACH, STEP = 51.2, 0.05  # half width of the ground profile and its step, metres


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks along the road.

    Attributes:
        size: (H, W).
        focal: pixels.
        centre: column and row of the horizon's vanishing point.
        height: metres above the ground.
        curve: how far the road bends sideways, metres per square metre of distance.
    """

    size: tuple[int, int]
    focal: float
    centre: tuple[float, float]
    height: float
    curve: float


@lru_cache(maxsize=1)
def grain() -> np.ndarray:
    """(3, 256, 256) ground tones 0..7: asphalt, slabs, grass."""
    r = rng(0, "streets", "grain")
    fine = r.normal(0, 1, (3, 256, 256))
    wide = np.stack([smooth_noise(r, 256, 256, 6) * 5 - 2.5 for _ in range(3)])
    tones = 4 + fine * np.array((0.7, 0.4, 1.1))[:, None, None] + wide * np.array((0.6, 0.5, 0.9))[:, None, None]
    rows, cols = np.arange(256)[:, None], np.arange(256)[None, :]
    slabs = (rows % 16 == 0) | ((cols + 8 * (rows // 16)) % 16 == 0)
    tones[1][np.broadcast_to(slabs, (256, 256))] -= 2.5
    return np.clip(np.round(tones), 0, TONES - 1).astype(np.uint16)


@lru_cache(maxsize=1)
def clouds() -> np.ndarray:
    """(128, 256) float32 cloud density in 0..1, tileable."""
    return smooth_noise(rng(0, "streets", "clouds"), 128, 256, 4, 4)


@lru_cache(maxsize=1)
def sensor() -> np.ndarray:
    """(3, 262144) float32 unit noise; every frame reads it from a random position on."""
    return rng(0, "streets", "sensor").standard_normal((3, 1 << 18)).astype(np.float32)


class Canvas:
    """Entry numbers and inverse distances of one frame."""

    def __init__(self, camera: Camera) -> None:
        """All sky, infinitely far."""
        self.camera = camera
        self.entry = np.full(camera.size, SKY, np.uint16)
        self.near = np.zeros(camera.size, np.float32)

    def sky(self, cover: float, drift: float) -> None:
        """Fill in the heights and clouds of the sky."""
        height, width = self.camera.size
        horizon = min(height, max(1, int(np.ceil(self.camera.centre[1] + 1))))
        level = np.clip((np.arange(horizon) / horizon * 32).astype(np.uint16), 0, 31) * TONES
        rows = (np.arange(horizon) * (100 / horizon)).astype(int)
        cols = (np.arange(width) * (200 / width) + drift * 256).astype(int) & 255
        dense = np.clip((clouds()[rows[:, None], cols] - (1 - cover)) * 14, 0, TONES - 1)
        self.entry[:horizon] = SKY + level[:, None] + dense.astype(np.uint16)

    def ground(
        self, profile: np.ndarray, kind_of: np.ndarray, depth: tuple[np.ndarray, np.ndarray], cam_z: float
    ) -> None:
        """Paint the ground from the lines across it.

        Args:
            profile: (kinds, 2 * REACH / STEP) int32, first tone entry + 65536 * grain of each strip.
            kind_of: per row, the profile that applies there.
            depth: row numbers and their distances, metres, as :meth:`rows` gives them.
            cam_z: how far the camera has moved, metres.
        """
        rows, far = depth
        first = rows[0]
        x = self.across(far)
        place = np.clip((x + REACH) * (1 / STEP), 0, profile.shape[1] - 1).astype(np.int32)
        strip = profile.ravel()[place + (kind_of * profile.shape[1])[:, None]]
        scale = np.where(far < 14, 20.0, 6.0)
        z = ((far + cam_z) * scale).astype(np.int32) & 255
        tone = (strip >> 16 << 16) + ((x * scale[:, None]).astype(np.int32) & 255) + (z << 8)[:, None]
        self.entry[first:] = (strip & 0xFFFF).astype(np.uint16) + grain().ravel()[tone]
        self.near[first:] = (1 / far)[:, None]

    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the rows that see the ground, and the distance of the ground in each, metres."""
        first = max(0, int(np.floor(self.camera.centre[1] + 0.5)))
        rows: np.ndarray = np.arange(first, self.camera.size[0])
        rows = rows[rows + 0.5 - self.camera.centre[1] > 0.02]
        return rows, self.camera.focal * self.camera.height / (rows + 0.5 - self.camera.centre[1])

    def across(self, far: np.ndarray) -> np.ndarray:
        """(rows, W) metres to the right of the camera's lane, on the ground of each row."""
        cols = np.arange(self.camera.size[1]) + 0.5 - self.camera.centre[0]
        return cols[None, :] * (far / self.camera.focal)[:, None] - (self.camera.curve * far * far)[:, None]

    def shadow(self, x: float, z: float, half: float, deep: float) -> None:
        """Darken an ellipse on the ground at (x, z)."""
        cam = self.camera
        near, far = max(NEAR, z - deep), z + deep
        top = int(cam.centre[1] + cam.focal * cam.height / far)
        low = min(cam.size[0], int(cam.centre[1] + cam.focal * cam.height / near) + 1)
        middle, reach = cam.centre[0] + cam.focal * (x / z + cam.curve * z), cam.focal * half / near
        c0, c1 = max(0, int(middle - reach)), min(cam.size[1], int(middle + reach) + 1)
        if top >= low or c0 >= c1 or top < 0:
            return
        view, near_view = self.entry[top:low, c0:c1], self.near[top:low, c0:c1]
        away = 1 / np.maximum(near_view[:, :1], 1e-4)
        side = (np.arange(c0, c1) + 0.5 - cam.centre[0]) * (away / cam.focal) - cam.curve * away * away - x
        inside = (side / half) ** 2 + ((away - z) / deep) ** 2 < 1
        view[inside & (view < SHADOW)] += SHADOW

    def front(
        self, sprite: Sprite, base: int, place: tuple[float, float, float], size: tuple[float, float], mirror: bool
    ) -> None:
        """Stand a sprite up so that it faces the camera.

        Args:
            sprite: what to paint.
            base: paint entry of its slot 0.
            place: x of its middle, y of its foot and distance z, metres.
            size: width and height, metres.
            mirror: swap left and right.
        """
        cam, (x, y, z) = self.camera, place
        scale = cam.focal / z
        x0 = cam.centre[0] + (x - size[0] / 2) * scale + cam.focal * cam.curve * z
        low = cam.centre[1] + (cam.height - y) * scale
        wide, tall = max(size[0] * scale, 1.0), max(size[1] * scale, 1.0)
        if size[0] * size[1] * scale * scale < 0.5:
            return
        c0, c1 = max(0, int(np.ceil(x0 - 0.5))), min(cam.size[1], int(np.ceil(x0 + wide - 0.5)))
        r0, r1 = max(0, int(np.ceil(low - tall - 0.5))), min(cam.size[0], int(np.ceil(low - 0.5)))
        if c0 >= c1 or r0 >= r1 or self.near[r0:r1, c0:c1].min() >= 1 / z:
            return
        grid = sprite.grid
        cols = ((np.arange(c0, c1) + (0.5 - x0)) * ((grid.shape[1] - 2) / wide)).astype(np.intp) + 1
        rows = ((np.arange(r0, r1) + (0.5 - low + tall)) * ((grid.shape[0] - 2) / tall)).astype(np.intp) + 1
        if mirror:
            cols = grid.shape[1] - 1 - cols
        self._put(grid[rows[:, None], cols], base, (r0, r1, c0, c1), 1 / z)

    def side(
        self, sprite: Sprite, base: int, place: tuple[float, float, float], size: tuple[float, float], mirror: bool
    ) -> None:
        """Stand a sprite up along the road, its left end nearest.

        Args:
            sprite: what to paint; repeated when it is shorter than the length.
            base: paint entry of its slot 0.
            place: x, y of its foot and distance z of its near end, metres.
            size: length along the road and height, metres.
            mirror: swap near and far end.
        """
        cam, (x, y, z) = self.camera, place
        z0, z1 = max(z, NEAR), z + size[0]
        if z1 <= NEAR + 0.05:
            return
        # the chord between the two ends of a bent road: x = start + slope * distance
        xa, xb = x + cam.curve * z * abs(z), x + cam.curve * z1 * z1
        slope = (xb - xa) / size[0]
        start = xa - slope * z
        u0, u1 = (cam.centre[0] + cam.focal * (start / end + slope) for end in (z0, z1))
        c0, c1 = max(0, int(np.ceil(min(u0, u1) - 0.5))), min(cam.size[1], int(np.ceil(max(u0, u1) - 0.5)))
        if c0 >= c1 or abs(start) < 1e-3:
            return
        near = (np.arange(c0, c1) + (0.5 - cam.centre[0] - cam.focal * slope)) * (1 / (cam.focal * start))
        top, low = (
            cam.centre[1] - cam.focal * (y + size[1] - cam.height) * near,
            cam.centre[1] + cam.focal * (cam.height - y) * near,
        )
        r0, r1 = max(0, int(np.ceil(top.min() - 0.5))), min(cam.size[0], int(np.ceil(low.max() - 0.5)))
        if r0 >= r1 or self.near[r0:r1, c0:c1].min() >= near.max():
            return
        grid = sprite.grid
        tall, wide = grid.shape[0] - 2, grid.shape[1] - 2
        along = ((1 / near - z) * (wide / sprite.width if size[0] > sprite.width * 1.01 else wide / size[0])).astype(
            np.int32
        )
        cols = (wide - along % wide) if mirror else along % wide + 1
        per_row = (tall / (low - top)).astype(np.float32)
        rows = (np.arange(r0, r1, dtype=np.float32) + 0.5)[:, None] * per_row + (1 - top * per_row).astype(np.float32)
        rows = np.clip(rows, 0, tall + 1).astype(np.int32)
        rows *= grid.shape[1]
        rows += cols
        self._put(grid.ravel()[rows], base, (r0, r1, c0, c1), near.astype(np.float32))

    def _put(self, slots: np.ndarray, base: int, box: tuple[int, int, int, int], near: np.ndarray | float) -> None:
        r0, r1, c0, c1 = box
        entry, depth = self.entry[r0:r1, c0:c1], self.near[r0:r1, c0:c1]
        seen = (depth < near) & (slots > 0)
        np.copyto(entry, slots + np.uint16(base), where=seen)
        np.copyto(depth, near, where=seen)
