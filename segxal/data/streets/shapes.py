"""All sprites of the rendered streets by name, each drawn once per process and variant."""

from functools import cache

from segxal.core.seeds import rng
from segxal.data.streets.houses import blank, facade, fence, poster, skyline, wall, warehouse
from segxal.data.streets.people import (
    bicycle,
    cyclist_end,
    cyclist_side,
    motorcycle_end,
    motorcycle_side,
    person,
    person_bicycle,
)  # fmt: skip
from segxal.data.streets.plants import bush, hedge, tree, treeline
from segxal.data.streets.signs import lamp_head, sign, solid, traffic_light
from segxal.data.streets.sprites import Sprite
from segxal.data.streets.vehicles import (
    bus_end,
    bus_side,
    car_front,
    car_rear,
    car_side,
    tram_end,
    tram_side,
    truck_front,
    truck_rear,
    truck_side,
)  # fmt: skip

VARIANTS = 40  # shapes of each kind
SHAPES = {
    draw.__name__: draw
    for draw in (
        blank, facade, fence, poster, skyline, wall, warehouse, bicycle, cyclist_end, cyclist_side, motorcycle_end,
        motorcycle_side, person, person_bicycle, bush, hedge, tree, treeline, lamp_head, sign, solid, traffic_light,
        bus_end, bus_side, car_front, car_rear, car_side, tram_end, tram_side, truck_front, truck_rear, truck_side,
    )
}  # fmt: skip


@cache
def shape(name: str, variant: int = 0) -> Sprite:
    """A sprite of ``SHAPES``; the same ``variant`` (0 to ``VARIANTS`` - 1) is always the same shape."""
    return SHAPES[name](rng(0, "streets", "sprite", name, variant))
