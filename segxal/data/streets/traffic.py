"""Between the houses of the rendered streets: street furniture, vehicles and people."""

import numpy as np

from segxal.data.streets.colours import base_colours, clothes, post_colours, vehicle_colours
from segxal.data.streets.ground import LANE
from segxal.data.streets.light import Rng, steps
from segxal.data.streets.lots import plant
from segxal.data.streets.ride import FAR, Ride, Thing, stand, variant
from segxal.data.streets.shapes import shape

PAIRS = {"person": ("person", ""), "person_bicycle": ("person", "bicycle"), "bicycle": ("bicycle", "bicycle")}


def furniture(ride: Ride, r: Rng, side: int) -> None:
    """Add trees, lamps, bollards and signs along one kerb (-1 left, 1 right)."""
    x, post = side * (ride.road.edge(side) + 0.6), post_colours(r)
    if r.random() < ride.style.trees:
        for z in steps(r.uniform(-5, 5), FAR, r.uniform(7, 16)):
            if ride.free(z):
                plant(ride, r, x + side * 0.3, z + r.normal(0, 0.4), "tree")
    if r.random() < 0.75:
        _lamps(ride, r, side, x, post)
    if r.random() < 0.15:
        base = ride.paints.thing(post, "pole")
        for z in steps(r.uniform(3, 9), 50, 2.5):
            ride.things.append(Thing(shape("solid"), base, (x - side * 0.2, 0, z), (0.18, 1.0)))
    for z in r.uniform(9, 50, r.poisson(1.8)):
        _sign(ride, r, x, z, post)


def _lamps(ride: Ride, r: Rng, side: int, x: float, post: np.ndarray) -> None:
    base, tall, head = ride.paints.thing(post, "pole"), r.uniform(5, 8), shape("lamp_head")
    for z in steps(r.uniform(2, 20), 80, r.uniform(20, 32)):
        ride.things.append(Thing(shape("solid"), base, (x, 0, z), (0.26, tall)))
        place = (x - side * 0.9, tall - 0.4, z)
        ride.things.append(Thing(head, base, place, (head.width, head.height), mirror=side > 0, halo=1.6))


def _sign(ride: Ride, r: Rng, x: float, z: float, post: np.ndarray) -> None:
    tall, sprite = r.uniform(2.3, 3.2), shape("sign", variant(r))
    base = ride.paints.thing(post, "pole")
    ride.things.append(Thing(shape("solid"), base, (x, 0, z + 0.02), (0.14, tall)))
    board = ride.paints.thing(post_colours(r), "traffic sign")
    ride.things.append(stand(sprite, board, (x, tall - sprite.height, z), r.uniform(1.0, 1.35)))


def signals(ride: Ride, r: Rng) -> None:
    """Add traffic lights before the crossing."""
    road, post, lamp = ride.road, post_colours(r), shape("traffic_light", variant(r))
    if not road.lights:
        return
    pole, box = ride.paints.thing(post, "pole"), ride.paints.thing(base_colours(), "traffic light")
    z, arm = road.crossing[0] - 1.0, bool(r.random() < 0.5)
    heads = [(side * (road.edge(side) + 0.4), r.uniform(3.2, 3.8)) for side in (-1, 1)]
    posts = [((x, 0.0, z), (0.18, tall)) for x, tall in heads]
    if arm:
        x = heads[1][0]
        posts += [((x, 0.0, z), (0.18, 5.8)), ((x - 2.2, 5.6, z), (4.4, 0.14))]
        heads.append((x - 4.0, 5.8))
    for place, size in posts:
        ride.things.append(Thing(shape("solid"), pole, place, size))
    for x, tall in heads:
        size = (lamp.width * 1.4, lamp.height * 1.4)
        ride.things.append(Thing(lamp, box, (x, tall - 1.4, z - 0.1), size, halo=0.5))


def _vehicle(
    ride: Ride, r: Rng, kind: str, x: float, z: float, ahead: bool, speed: tuple[float, float] = (0, 0), frame: int = -1
) -> None:
    """A vehicle that points along the road: its near end, and the side towards the camera."""
    number, table, label = variant(r), vehicle_colours(r, kind), "train" if kind == "tram" else kind
    ends = {"car": ("car_front", "car_rear"), "truck": ("truck_front", "truck_rear")}
    near, long = shape(ends.get(kind, (f"{kind}_end",) * 2)[ahead], number), shape(f"{kind}_side", number)
    face = ride.paints.thing(table, label, facing=ride.light.sides[0])
    size = (near.width, long.height)
    ride.things.append(
        Thing(near, face, (x, 0, z), size, speed=speed, frame=frame, shadow=near.width * 0.75, halo=0.35)
    )
    towards = -1 if x > 0 else 1
    flank = ride.paints.thing(table, label, facing=ride.facing(-towards))
    place, size = (x + towards * near.width / 2, 0, z), (long.width, long.height)
    ride.things.append(Thing(long, flank, place, size, along=True, mirror=not ahead, speed=speed, frame=frame))


def _small(
    ride: Ride, r: Rng, name: str, x: float, z: float, speed: tuple[float, float] = (0, 0), frame: int = -1
) -> None:
    """A person, a bicycle, a motorcycle or one of them with a rider."""
    first, second = PAIRS.get(name, ("rider", "motorcycle" if name.startswith("motor") else "bicycle"))
    base, sprite = (
        ride.paints.thing(clothes(r, first == "rider"), first, second, facing=ride.light.sides[0]),
        shape(name, variant(r)),
    )
    mirror = bool(speed[0] < 0 or (speed[0] == 0 and r.random() < 0.5))
    scale = r.uniform(0.62, 0.75) if name == "person" and r.random() < 0.12 else r.uniform(0.92, 1.06)
    size = (sprite.width * scale, sprite.height * scale)
    ride.things.append(Thing(sprite, base, (x, 0, z), size, mirror=mirror, speed=speed, frame=frame, shadow=0.35))


def parked(ride: Ride, r: Rng, side: int) -> None:
    """Add parked vehicles and stands of bicycles and motorcycles on one side."""
    road = ride.road
    for z in steps(r.uniform(2, 8), 75, 6.3):
        if road.parking(side) and r.random() < 0.62 and ride.free(z, 4):
            kind = "car" if r.random() < 0.95 else "truck"
            ahead = bool(side > 0 or r.random() < 0.2)
            _vehicle(ride, r, kind, side * (road.edge(side) - 1.15), z + r.normal(0, 0.3), ahead)
    if r.random() < 0.35:
        start, name = r.uniform(5, 25), "bicycle" if r.random() < 0.75 else "motorcycle_side"
        for i in range(int(r.integers(1, 5))):
            _small(ride, r, name, side * (road.edge(side) + r.uniform(0.8, 2)), start + i * 1.3)


def people(ride: Ride, r: Rng, side: int) -> None:
    """Add people on one pavement, alone or in pairs, some pushing a bicycle."""
    road = ride.road
    inner, outer = road.edge(side) + 0.5, max(road.lot(side) - 0.4, road.edge(side) + 0.8)
    for _ in range(r.poisson(3.2 * ride.style.people)):
        x, z, along = side * r.uniform(inner, outer), 4 + 34 * r.random() ** 1.3, (0.0, r.normal(0, 0.7))
        _small(ride, r, "person_bicycle" if r.random() < 0.08 else "person", x, z, along)
        if r.random() < 0.3:
            _small(ride, r, "person", x + side * 0.55, z + 0.2, along)


def traffic(ride: Ride, r: Rng, frames: int) -> None:
    """Add moving vehicles, and things that are near the camera in one frame only."""
    road, step = ride.road, ride.step
    if r.random() < 0.5:
        _vehicle(ride, r, _kind(r), 0.0, r.uniform(8, 30), True, (0, step + r.normal(0, 0.8)))
    if road.tram and r.random() < 0.75:
        _vehicle(ride, r, "tram", -LANE, r.uniform(8, 40), bool(r.random() < 0.4), (0, r.normal(0, 4)))
    for frame in range(frames):
        z = frame * step
        if road.lanes and r.random() < 0.5:
            lane = int(r.integers(1, road.lanes + 1))
            _vehicle(ride, r, _kind(r), -LANE * lane, z + r.uniform(7, 36), False, frame=frame)
        if r.random() < 0.4:
            name = str(r.choice(("cyclist_end", "motorcycle_end"), p=(0.6, 0.4)))
            side = 1 if r.random() < 0.7 else -1
            x = side * (road.edge(side) - r.uniform(0.4, 1.2) - 2.2 * road.parking(side))
            _small(ride, r, name, x, z + r.uniform(4, 13), frame=frame)
        if r.random() < 0.4:
            _crossing(ride, r, z, frame)


def _kind(r: Rng) -> str:
    return str(r.choice(("car", "truck", "bus"), p=(0.66, 0.17, 0.17)))


def _crossing(ride: Ride, r: Rng, z: float, frame: int) -> None:
    """Somebody crosses in front of the camera."""
    road, names = ride.road, ("person", "cyclist_side", "motorcycle_side", "car", "bus", "truck", "tram")
    name = str(r.choice(names, p=(0.35, 0.2, 0.13, 0.12, 0.07, 0.06, 0.07)))
    if name in names[:3]:
        ahead = road.crossing[0] - 3 if z + 8 < road.crossing[0] < z + 30 else z + r.uniform(5, 15)
        x = r.uniform(-road.edge(-1), road.edge(1))
        _small(ride, r, name, x, ahead, (float(r.choice((-0.01, 0.01))), 0), frame)
        return
    middle = (road.crossing[0] + road.crossing[1]) / 2
    if not z + 6 < middle < z + 60:
        return
    base = ride.paints.thing(vehicle_colours(r, name), "train" if name == "tram" else name, facing=ride.light.sides[0])
    sprite, mirror = shape(f"{name}_side", variant(r)), bool(r.random() < 0.5)
    size = (sprite.width, sprite.height)
    place = (r.uniform(-10, 10), 0, middle)
    ride.things.append(Thing(sprite, base, place, size, mirror=mirror, frame=frame, shadow=sprite.width * 0.5))
