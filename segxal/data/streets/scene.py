"""Layout of the rendered streets: draws one ride from its generator."""

import numpy as np

from segxal.data.streets.colours import Paints
from segxal.data.streets.ground import draw_road, ground_paints, sky_paints
from segxal.data.streets.light import Rng, draw_light
from segxal.data.streets.lots import backdrop, lots
from segxal.data.streets.ride import Ride, Style
from segxal.data.streets.traffic import furniture, parked, people, signals, traffic

# share of the rides, and the district
STYLES = {
    "centre": (0.28, Style((10, 0.3, 0.5, 0.2, 0, 0.3), 0.3, 0.6, 1.6, 0.1)),
    "homes": (0.22, Style((2, 7, 1, 0.6, 0, 0.3), 0.5, 0.5, 0.6, 0.4)),
    "avenue": (0.22, Style((6, 1, 3, 0.3, 0, 0.5), 1.0, 0.5, 0.9, 0.6)),
    "works": (0.13, Style((1, 0.3, 1, 2.5, 5, 1), 0.25, 0.3, 0.25, 0.5)),
    "outskirts": (0.15, Style((1, 1.5, 5, 1.5, 0.6, 2), 0.6, 0.1, 0.2, 0.9)),
}


def draw_ride(r: Rng, frames: int, turns: tuple[float, float]) -> Ride:
    """Lay out one ride.

    Args:
        r: generator of the ride.
        frames: how many frames the ride has.
        turns: two numbers in [0, 1) that pick the weather and the district by their shares.

    Returns:
        The ride with its paint tables ready.
    """
    light = draw_light(r, turns[0])
    shares = np.cumsum([share for share, _ in STYLES.values()])
    style = list(STYLES.values())[int(np.searchsorted(shares[:-1], turns[1], side="right"))][1]
    curve = 0.0 if r.random() < 0.5 else r.uniform(-0.0022, 0.0022)
    lens = (r.uniform(1.25, 1.75), r.uniform(0.38, 0.5), r.normal(0, 0.03), curve)
    step = 0.0 if r.random() < 0.08 else r.uniform(3.5, 8.0)
    road = draw_road(r, style.grass, style.parked)
    ride = Ride(light, road, style, lens, step, r.random(), Paints(light))
    ground_paints(ride.paints, r, light)
    sky_paints(ride.paints, light)
    backdrop(ride, r)
    for side in (-1, 1):
        for fill in (lots, furniture, parked, people):
            fill(ride, r, side)
    signals(ride, r)
    traffic(ride, r, frames)
    ride.tables = ride.paints.tables()
    return ride
