"""What a ride holds; in metres, x runs to the right of the camera's lane, y up and z along the road."""

from dataclasses import dataclass, field

import numpy as np

from segxal.data.streets.colours import Paints
from segxal.data.streets.ground import Road
from segxal.data.streets.light import Light
from segxal.data.streets.shapes import VARIANTS
from segxal.data.streets.sprites import Sprite

FAR = 105.0  # metres ahead that are furnished


@dataclass(frozen=True)
class Thing:
    """One sprite in the street.

    Attributes:
        sprite: its shape.
        base: paint entry of its slot 0.
        place: x, y of its foot and z, metres.
        size: width (length along the road if ``along``) and height, metres.
        along: stands along the road instead of facing the camera.
        mirror: swap left and right.
        speed: metres per frame in x and z.
        frame: the only frame it is seen in, -1 = all.
        shadow: half width of its shadow on the ground, 0 = none.
        halo: radius of the glow around it in the dark, metres, 0 = none.
    """

    sprite: Sprite
    base: int
    place: tuple[float, float, float]
    size: tuple[float, float]
    along: bool = False
    mirror: bool = False
    speed: tuple[float, float] = (0.0, 0.0)
    frame: int = -1
    shadow: float = 0.0
    halo: float = 0.0


@dataclass(frozen=True)
class Style:
    """How a district looks.

    Attributes:
        lots: weights of houses, gardens, parks, walled lots, warehouses and open lots.
        trees: chance of a row of trees on each side.
        parked: chance of a parking strip on each side.
        people: how many people there are, 1 = usual.
        grass: chance of lawns.
    """

    lots: tuple[float, float, float, float, float, float]
    trees: float
    parked: float
    people: float
    grass: float


@dataclass
class Ride:
    """Everything that the frames of one ride share.

    Attributes:
        light: light and weather.
        road: what lies across the road.
        style: district.
        lens: height of the camera, metres; horizon, share of H; yaw, share of W; bend of the road, 1 / metres.
        step: metres that the camera moves per frame.
        season: 0 = spring, 1 = autumn.
        paints: collector of the paint tables.
        things: all sprites.
        shade: shadows of houses: from z, to z, reach across the road, metres.
        tables: the finished paint tables.
    """

    light: Light
    road: Road
    style: Style
    lens: tuple[float, float, float, float]
    step: float
    season: float
    paints: Paints
    things: list[Thing] = field(default_factory=list)
    shade: list[tuple[float, float, float]] = field(default_factory=list)
    tables: tuple[np.ndarray, np.ndarray, np.ndarray] = (np.empty(0), np.empty(0), np.empty(0))

    def facing(self, side: int) -> float:
        """Brightness of a surface along the road on one side (-1 left, 1 right)."""
        return self.light.sides[1] if side < 0 else self.light.sides[2]

    def free(self, z: float, margin: float = 2.0) -> bool:
        """Whether z is outside the crossing."""
        return not self.road.crossing[0] - margin < z < self.road.crossing[1] + margin


def variant(r: np.random.Generator) -> int:
    """Number of a random shape."""
    return int(r.integers(VARIANTS))


def stand(sprite: Sprite, base: int, place: tuple[float, float, float], scale: float = 1.0) -> Thing:
    """A sprite at its own size times ``scale``, facing the camera."""
    return Thing(sprite, base, place, (sprite.width * scale, sprite.height * scale))
