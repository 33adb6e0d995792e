"""Behind the pavements of the rendered streets: houses, gardens, parks, walls, warehouses, a distant skyline."""

import numpy as np

from segxal.data.streets.colours import barrier_colours, clothes, leaves, vehicle_colours, wall_colours
from segxal.data.streets.colours import post_colours as posts
from segxal.data.streets.light import Rng
from segxal.data.streets.ride import FAR, Ride, Thing, stand, variant
from segxal.data.streets.shapes import shape
from segxal.data.streets.sprites import Sprite


def backdrop(ride: Ride, r: Rng) -> None:
    """Add distant woods and a skyline that move along with the camera."""
    far = (("skyline", wall_colours(r, ride.light.white), "building", 260.0, 1.0),)
    woods = ("treeline", leaves(r, ride.season, ride.light.white), "vegetation", 200.0, r.uniform(0.6, 1))
    for name, table, label, z, tall in (*far, woods):
        sprite, base = shape(name, variant(r)), ride.paints.thing(table, label)
        size = (sprite.width, sprite.height * tall)
        ride.things.append(Thing(sprite, base, (r.uniform(-150, 150), 0, z), size, speed=(0, ride.step)))


def lots(ride: Ride, r: Rng, side: int) -> None:
    """Fill one side (-1 left, 1 right) with lots, leaving the crossing free."""
    kinds = np.array(ride.style.lots)
    z = -8.0
    while z < FAR:
        if not ride.free(z):
            z = ride.road.crossing[1] + 2
            _corner(ride, r, side, z)
        draw = (_house, _garden, _park, _walled, _hall, _open)[r.choice(6, p=kinds / kinds.sum())]
        z += draw(ride, r, side, z)


def plant(ride: Ride, r: Rng, x: float, z: float, name: str) -> None:
    """Plant a ``tree`` or ``bush``."""
    base = ride.paints.thing(leaves(r, ride.season, ride.light.white), "vegetation")
    sprite, scale = shape(name, variant(r)), r.uniform(0.8, 1.2)
    size, mirror = (sprite.width * scale, sprite.height * scale), bool(r.random() < 0.5)
    ride.things.append(Thing(sprite, base, (x, 0, z), size, mirror=mirror, shadow=sprite.width * 0.35))


def _block(ride: Ride, r: Rng, sprite: Sprite, side: int, x: float, z: float, table: np.ndarray) -> float:
    """A building with its street front at x and an end wall that faces the camera; returns its length."""
    front = ride.paints.thing(table, "building", facing=ride.facing(side))
    ride.things.append(Thing(sprite, front, (x, 0, z), (sprite.width, sprite.height), along=True))
    end = ride.paints.thing(table, "building", facing=ride.light.sides[0])
    place, mirror = (x + side * 6, 0, z), bool(r.random() < 0.5)
    ride.things.append(Thing(shape("blank", variant(r)), end, place, (12, sprite.height), mirror=mirror))
    if ride.light.sun == side:
        ride.shade.append((z, z + sprite.width, sprite.height * 0.55))
    return sprite.width


def _house(ride: Ride, r: Rng, side: int, z: float) -> float:
    x = side * ride.road.lot(side)
    length = _block(ride, r, shape("facade", variant(r)), side, x, z, wall_colours(r, ride.light.white))
    if r.random() < 0.15:
        _poster(ride, r, side, x - side * 0.15, z + r.uniform(0, max(0.1, length - 4)))
    return length + (r.uniform(2, 6) if r.random() < 0.15 else 0)


def _poster(ride: Ride, r: Rng, side: int, x: float, z: float) -> None:
    """An advertisement; more than half of them show a person or a car, still labelled as building."""
    sprite, y = shape("poster", variant(r)), r.uniform(3, 6)
    base = ride.paints.thing(wall_colours(r, 0), "building", facing=ride.facing(side))
    ride.things.append(Thing(sprite, base, (x, y, z), (sprite.width, sprite.height), along=True))
    if r.random() < 0.6:
        name = ("person", "car_side", "cyclist_side")[r.integers(3)]
        motif, table = shape(name, variant(r)), vehicle_colours(r) if name == "car_side" else clothes(r)
        base = ride.paints.thing(table, "building", facing=ride.facing(side))
        scale = min(3.0 / motif.width, 2.3 / motif.height)
        size = (motif.width * scale, motif.height * scale)
        ride.things.append(Thing(motif, base, (x - side * 0.05, y + 0.15, z + 0.3), size, along=True))


def _hall(ride: Ride, r: Rng, side: int, z: float) -> float:
    x = side * (ride.road.lot(side) + r.uniform(0, 6))
    length = _block(ride, r, shape("warehouse", variant(r)), side, x, z, wall_colours(r, ride.light.white))
    if r.random() < 0.5:
        _barrier(ride, r, side, z, length, ("hedge", "fence", "fence", "wall")[r.integers(4)])
    return length + r.uniform(0, 6)


def _barrier(ride: Ride, r: Rng, side: int, z: float, length: float, kind: str) -> None:
    """Hedge, fence or wall along the edge of a lot."""
    if kind == "hedge":
        table, label = leaves(r, min(ride.season, 0.7), ride.light.white), "vegetation"
    else:
        table, label = (barrier_colours(r), "wall") if kind == "wall" else (posts(r), "fence")
    base, sprite = ride.paints.thing(table, label, facing=ride.facing(side)), shape(kind, variant(r))
    ride.things.append(Thing(sprite, base, (side * ride.road.lot(side), 0, z), (length, sprite.height), along=True))


def _garden(ride: Ride, r: Rng, side: int, z: float) -> float:
    lot, table = ride.road.lot(side), wall_colours(r, ride.light.white)
    length = _block(ride, r, shape("facade", variant(r)), side, side * (lot + r.uniform(4, 8)), z + 2, table)
    length += r.uniform(4, 9)
    if r.random() < 0.85:
        _barrier(ride, r, side, z, length, ("hedge", "fence", "fence", "wall")[r.integers(4)])
    for _ in range(int(r.integers(0, 4))):
        name = "bush" if r.random() < 0.5 else "tree"
        plant(ride, r, side * (lot + r.uniform(1, 4)), z + r.uniform(0, length), name)
    return length


def _park(ride: Ride, r: Rng, side: int, z: float) -> float:
    length, lot = r.uniform(14, 30), ride.road.lot(side)
    if r.random() < 0.4:
        _barrier(ride, r, side, z, length, ("hedge", "fence", "fence", "wall")[r.integers(4)])
    for _ in range(int(length / 4)):
        name = "tree" if r.random() < 0.75 else "bush"
        plant(ride, r, side * (lot + r.uniform(1, 22)), z + r.uniform(0, length), name)
    return length


def _walled(ride: Ride, r: Rng, side: int, z: float) -> float:
    length = r.uniform(10, 28)
    _barrier(ride, r, side, z, length, "wall" if r.random() < 0.7 else "fence")
    for _ in range(int(length / 6)):
        plant(ride, r, side * (ride.road.lot(side) + r.uniform(2, 9)), z + r.uniform(0, length), "tree")
    return length


def _open(ride: Ride, r: Rng, side: int, z: float) -> float:
    return r.uniform(6, 16)


def _corner(ride: Ride, r: Rng, side: int, z: float) -> None:
    """The row of houses along a side street, seen across the crossing."""
    if ride.style.lots[0] < 2:
        return
    x = side * ride.road.lot(side)
    while abs(x) < 45:
        sprite = shape("facade", variant(r))
        base = ride.paints.thing(wall_colours(r, ride.light.white), "building", facing=ride.light.sides[0])
        ride.things.append(stand(sprite, base, (x + side * sprite.width / 2, 0, z - 0.05)))
        x += side * sprite.width
