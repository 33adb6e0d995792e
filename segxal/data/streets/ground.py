"""Ground and sky of the rendered streets: the cross-section of the road, and its colours."""

from dataclasses import dataclass

import numpy as np

from segxal.core.labels import CITYSCAPES
from segxal.data.streets.colours import Paints
from segxal.data.streets.light import Light, Rng, hsv, rgb, steps
from segxal.data.streets.paint import REACH, SHADOW, STEP, TONES

LANE = 3.2
MATERIALS = (
    "asphalt", "marking", "walk", "kerb", "grass", "patch", "cycle", "rail", "bed", "yard", "yellow", "dirt", "parking",
    "slab", "gutter", "seam",
)  # fmt: skip
LABELS = dict.fromkeys(MATERIALS, "road")
LABELS |= dict.fromkeys(("walk", "kerb", "yard", "slab"), "sidewalk") | dict.fromkeys(("grass", "dirt"), "terrain")
TEXTURES = dict.fromkeys(("walk", "slab", "yard", "bed", "parking"), 1) | dict.fromkeys(("grass", "dirt"), 2)
PLAIN, DASH, ZEBRA, CROSSING, STOP = range(5)


@dataclass(frozen=True)
class Section:
    """Widths across the road; distances in metres from the middle of the camera's lane.

    Attributes:
        lanes: lanes to the left of the camera's lane.
        park: whether cars park on the (left, right).
        strip: width of the grass between kerb and pavement (left, right).
        walk: width of the pavement (left, right).
    """

    lanes: int
    park: tuple[bool, bool]
    strip: tuple[float, float]
    walk: tuple[float, float]

    def parking(self, side: int) -> bool:
        """Whether cars park on a side (-1 left, 1 right)."""
        return self.park[side > 0]

    def edge(self, side: int) -> float:
        """Distance of the kerb."""
        return LANE / 2 + (LANE * self.lanes if side < 0 else 0.0) + 2.3 * self.park[side > 0]

    def lot(self, side: int) -> float:
        """Distance of the houses."""
        return self.edge(side) + self.strip[side > 0] + self.walk[side > 0]


@dataclass(frozen=True)
class Road(Section):
    """A section, and what lies along the road.

    Attributes:
        crossing: where a side street begins and ends along z; far away when there is none.
        zebra: whether the crossing has zebra stripes.
        lights: whether the crossing has traffic lights.
        tram: whether rails lie in the lane to the left of the camera's lane.
        profile: (5, columns) int32 ground across the road per kind of row: first tone + 65536 * texture.
        dash: length of a dash and of its gap, metres.
    """

    crossing: tuple[float, float]
    zebra: bool
    lights: bool
    tram: bool
    profile: np.ndarray
    dash: float

    def kinds(self, z: np.ndarray) -> np.ndarray:
        """Row of the profile that applies at each distance z along the road."""
        kind = np.where(np.mod(z, 2 * self.dash) < self.dash, DASH, PLAIN)
        begin, end = self.crossing
        kind[(z > begin) & (z < end)] = CROSSING
        if self.zebra:
            kind[(z > begin - 4.5) & (z < begin - 1)] = ZEBRA
        kind[(z > begin - 5.6) & (z < begin - 5.2)] = STOP
        return kind


def draw_road(r: Rng, grass: float, parked: float) -> Road:
    """Draw the cross-section of a ride's road.

    Args:
        r: generator of the ride.
        grass: chance of a grass strip, and of lawns behind the pavement.
        parked: chance of a parking strip on each side.
    """
    lanes = int(r.choice((0, 1, 1, 1, 2, 3)))
    park = (bool(r.random() < parked), bool(r.random() < parked))
    strip = (r.uniform(1.2, 3.5) * (r.random() < grass), r.uniform(1.2, 3.5) * (r.random() < grass))
    section = Section(lanes, park, strip, (r.uniform(2.2, 5), r.uniform(2.2, 5)))
    begin = r.uniform(10, 55) if r.random() < 0.5 else 500.0
    tram = lanes > 0 and bool(r.random() < 0.16)
    yard = ("grass", "dirt")[int(r.random() < 0.15)] if r.random() < 0.25 + 0.7 * grass else "yard"
    return Road(
        lanes=lanes,
        park=park,
        strip=strip,
        walk=section.walk,
        crossing=(begin, begin + r.uniform(7, 14)),
        zebra=bool(r.random() < 0.7),
        lights=bool(begin < 500 and r.random() < 0.65),
        tram=tram,
        profile=_profile(r, section, yard, tram),
        dash=r.uniform(2, 5),
    )


def _band(row: np.ndarray, name: str, start: float, stop: float) -> None:
    x = -REACH + STEP * (np.arange(len(row)) + 0.5)
    row[(x >= min(start, stop)) & (x < max(start, stop))] = MATERIALS.index(name)


def _profile(r: Rng, section: Section, yard: str, tram: bool) -> np.ndarray:
    plain = np.full(int(2 * REACH / STEP), MATERIALS.index(yard), np.int32)
    for side in (-1, 1):
        _roadside(r, plain, section, side)
    _surface(r, plain, section, tram)
    left, right = -section.edge(-1), section.edge(1)
    dash, zebra, crossing, stop = (plain.copy() for _ in range(4))
    paint = "yellow" if r.random() < 0.12 else "marking"
    solid = r.random() < 0.3
    for lane in range(section.lanes):
        for row in (plain, dash) if lane == 0 and solid else (dash,):
            _band(row, paint, -LANE * (lane + 0.5) - 0.09, -LANE * (lane + 0.5) + 0.09)
    for x in steps(left + 0.3, right - 0.6, 1.0):
        _band(zebra, "marking", x, x + 0.5)
    _band(crossing, "asphalt", -REACH, REACH)
    _band(stop, "marking", -LANE / 2 + 0.1, LANE / 2 - 0.1)
    table = np.stack([plain, dash, zebra, crossing, stop])
    texture = np.array([TEXTURES.get(name, 0) for name in MATERIALS], np.int32)
    return (table * TONES + (texture[table] << 16)).astype(np.int32)


def _roadside(r: Rng, row: np.ndarray, section: Section, side: int) -> None:
    """Lane, parking strip, gutter, kerb, grass and pavement on one side."""
    kerb, grass, walk = section.edge(side), section.strip[side > 0], section.walk[side > 0]
    _band(row, "walk", side * kerb, side * (kerb + grass + walk))
    if r.random() < 0.4:
        _band(row, "slab", side * (kerb + grass + walk * 0.3), side * (kerb + grass + walk * 0.75))
    if grass:
        _band(row, "grass", side * (kerb + 0.2), side * (kerb + grass))
    _band(row, "asphalt", 0, side * kerb)
    if section.parking(side):
        _band(row, "parking", side * kerb, side * (kerb - 2.3))
    _band(row, "gutter", side * kerb, side * (kerb - 0.25))
    _band(row, "kerb", side * kerb, side * (kerb + 0.18))


def _surface(r: Rng, row: np.ndarray, section: Section, tram: bool) -> None:
    """Repairs, seams, a cycle lane, rails."""
    right = section.edge(1)
    if r.random() < 0.5:
        start, wide = r.uniform(-1.2, 0.4), r.uniform(0.4, 1.4)
        _band(row, "patch", start, start + wide)
        _band(row, "seam", start, start + 0.06)
    if not section.parking(1) and r.random() < 0.3:
        _band(row, "cycle", right - 0.25, right - 1.5)
        _band(row, "marking", right - 1.5, right - 1.62)
    if tram:
        if r.random() < 0.6:
            _band(row, "bed", -LANE - 1.3, -LANE + 1.3)
        for x in (-LANE - 0.72, -LANE + 0.72):
            _band(row, "rail", x - 0.07, x + 0.07)


def ground_paints(paints: Paints, r: Rng, light: Light) -> None:
    """Append the entries 0..255: materials x tones in the light, then in shadow."""
    grey = r.uniform(0.2, 0.38) * (0.75 if light.wet > 0.2 else 1)
    asphalt = rgb(grey, grey * r.uniform(0.96, 1.02), grey * r.uniform(0.92, 1.08))
    if r.random() < 0.12:  # cobbles or reddish asphalt
        asphalt = asphalt * rgb(1.15, 0.95, 0.85)
    walk = hsv(r.choice((0.02, 0.08, 0.1, 0.6)), r.uniform(0.05, 0.4), r.uniform(0.5, 0.78))
    grass = hsv(r.uniform(0.17, 0.29), r.uniform(0.45, 0.7), r.uniform(0.45, 0.65))
    colours = {
        "asphalt": asphalt, "marking": rgb(0.85, 0.85, 0.83) * r.uniform(0.75, 1.05), "walk": walk,
        "kerb": rgb(0.66, 0.65, 0.63) * r.uniform(0.7, 1.2), "grass": grass, "patch": asphalt * r.uniform(0.75, 1.15),
        "cycle": hsv(r.choice((0.01, 0.01, 0.4)), r.uniform(0.2, 0.6), r.uniform(0.35, 0.6)),
        "rail": rgb(0.55, 0.55, 0.58),
        "bed": asphalt * 0.85 + 0.06, "yard": walk * r.uniform(0.8, 1.15), "yellow": rgb(0.9, 0.72, 0.2),
        "dirt": hsv(0.09, r.uniform(0.25, 0.5), r.uniform(0.35, 0.6)), "parking": asphalt * r.uniform(0.85, 1.2),
        "slab": walk * r.uniform(0.7, 1.3), "gutter": asphalt * 0.8, "seam": asphalt * 0.65,
    }  # fmt: skip
    table = np.stack([colours[name] for name in MATERIALS])
    snow = (
        light.white * np.array([{"road": 0.25, "sidewalk": 0.6}.get(LABELS[name], 1.0) for name in MATERIALS])[:, None]
    )
    table = table * (1 - snow) + 0.92 * snow
    tones = np.linspace(0.8, 1.2, TONES)
    lit = (table[:, None] * tones[None, :, None]).reshape(-1, 3)
    cold = lit * rgb(0.5, 0.55, 0.66) if light.sun else lit * 0.72
    labels = np.repeat(np.array([CITYSCAPES.index(LABELS[name]) for name in MATERIALS], np.uint8), TONES)
    glow = np.zeros(2 * SHADOW, np.float32)
    paints.add(np.concatenate([lit, cold]), np.concatenate([labels, labels]), glow)


def sky_paints(paints: Paints, light: Light) -> None:
    """Append the entries ``SKY``..: 32 heights x 8 cloud densities; the sky gives its own light."""
    top, low = light.sky
    height = np.linspace(0, 1, 32)[:, None, None] ** 1.5
    clear = top * (1 - height) + low * height
    dense = np.linspace(0, 0.85, TONES)[None, :, None] * (1 - 0.6 * height)
    colours = (clear * (1 - dense) + light.cloud[0] * dense).reshape(-1, 3)
    count = len(colours)
    paints.add(colours, np.full(count, CITYSCAPES.index("sky"), np.uint8), np.full(count, 2.0, np.float32))
