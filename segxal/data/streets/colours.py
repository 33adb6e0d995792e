"""Colours of the things in the rendered streets, and the table that collects them with their labels."""

import numpy as np

from segxal.core.labels import CITYSCAPES
from segxal.data.streets.light import Light, Rng, hsv, rgb
from segxal.data.streets.sprites import SECOND, SLOTS, Slot

GLOWING = (Slot.TAIL, Slot.LAMP, Slot.LIT, Slot.AMBER, Slot.GREEN, Slot.TAIL2, Slot.LAMP2)
# body, stripe or box, and doors or emblem; every town's fleet comes from these
LIVERIES = {
    "bus": (
        ((0.92, 0.75, 0.1), (0.12, 0.12, 0.13)), ((0.80, 0.10, 0.10), (0.93, 0.92, 0.9)),
        ((0.10, 0.55, 0.52), (0.93, 0.93, 0.9)), ((0.92, 0.92, 0.9), (0.1, 0.3, 0.7)),
    ),
    "tram": (
        ((0.93, 0.88, 0.7), (0.75, 0.1, 0.08)), ((0.93, 0.93, 0.93), (0.12, 0.45, 0.2)),
        ((0.10, 0.18, 0.45), (0.92, 0.92, 0.92)), ((0.85, 0.85, 0.87), (0.95, 0.55, 0.05)),
    ),
    "truck": (
        ((0.90, 0.90, 0.90), (0.88, 0.88, 0.86)), ((0.85, 0.35, 0.05), (0.93, 0.92, 0.88)),
        ((0.10, 0.25, 0.60), (0.65, 0.75, 0.88)), ((0.15, 0.45, 0.2), (0.75, 0.7, 0.5)),
        ((0.6, 0.08, 0.08), (0.55, 0.56, 0.58)),
    ),
}  # fmt: skip


_FIXED = {
    Slot.GLASS: (0.16, 0.20, 0.25), Slot.SHINE: (0.45, 0.52, 0.58), Slot.TYRE: (0.05, 0.05, 0.055),
    Slot.TYRE2: (0.06, 0.06, 0.065), Slot.TRIM: (0.13, 0.13, 0.14), Slot.TAIL: (0.78, 0.06, 0.05),
    Slot.LAMP: (0.96, 0.95, 0.85), Slot.PLATE: (0.92, 0.92, 0.9), Slot.RIM: (0.55, 0.56, 0.58),
    Slot.SHOES: (0.1, 0.08, 0.07), Slot.LIT: (0.2, 0.23, 0.28), Slot.AMBER: (0.98, 0.66, 0.1),
    Slot.GREEN: (0.15, 0.85, 0.45), Slot.METAL: (0.6, 0.61, 0.63), Slot.METAL_DARK: (0.17, 0.17, 0.18),
    Slot.TAIL2: (0.8, 0.07, 0.06), Slot.LAMP2: (0.95, 0.93, 0.8),
}  # fmt: skip


def base_colours() -> np.ndarray:
    """(SLOTS, 3) colours that every object starts from."""
    table = np.full((SLOTS, 3), 0.5, np.float32)
    table[list(_FIXED)] = list(_FIXED.values())
    return table


def shaded(table: np.ndarray, colour: np.ndarray, dark: float = 0.7, light: float = 1.2) -> np.ndarray:
    """Put a main colour and its darker and lighter tone into a table; returns the table."""
    table[Slot.MAIN], table[Slot.DARK], table[Slot.LIGHT] = colour, colour * dark, np.minimum(colour * light + 0.03, 1)
    return table


def paint_colour(r: Rng) -> np.ndarray:
    """Colour of a car: mostly white, grey and black, some coloured."""
    if r.random() < 0.55:
        grey = r.choice((0.06, 0.15, 0.3, 0.5, 0.68, 0.88))
        return rgb(grey, grey * r.uniform(0.97, 1.02), grey * r.uniform(0.96, 1.06))
    return hsv(
        r.choice((0.0, 0.02, 0.08, 0.14, 0.33, 0.45, 0.58, 0.62, 0.66)), r.uniform(0.5, 0.95), r.uniform(0.25, 0.85)
    )


def vehicle_colours(r: Rng, kind: str = "car") -> np.ndarray:
    """Slot colours of a ``car``, or of a ``bus``, ``truck`` or ``tram`` in one of its liveries."""
    if kind == "car":
        table = shaded(base_colours(), paint_colour(r))
    else:
        body, second = LIVERIES[kind][r.integers(len(LIVERIES[kind]))]
        table = shaded(base_colours(), rgb(*body) * r.uniform(0.85, 1.05))
        table[Slot.ACCENT] = rgb(*second) * r.uniform(0.9, 1.05)
    table[Slot.ACCENT2] = hsv(r.random(), r.uniform(0.3, 0.9), r.uniform(0.4, 0.9))
    if kind == "tram":
        table[Slot.ACCENT2] = table[Slot.ACCENT]
    table[Slot.GLASS] *= r.uniform(0.7, 1.5)
    return table


def clothes(r: Rng, rides: bool = False) -> np.ndarray:
    """Slot colours of a person, with a bicycle or motorcycle in the second slots; riders like bright colours."""
    if r.random() < (0.9 if rides else 0.5):
        hue = r.choice((0.0, 0.08, 0.16, 0.22)) if rides else r.choice((0.0, 0.55, 0.62, 0.75, 0.9))
        top = hsv(hue + r.normal(0, 0.015), r.uniform(0.7, 1.0), r.uniform(0.65, 0.95))
    else:
        top = hsv(r.random(), r.uniform(0, 0.3), r.uniform(0.1, 0.6))
    table = shaded(base_colours(), top, 0.75)
    table[Slot.SKIN] = rgb(0.95, 0.72, 0.58) * r.choice((0.4, 0.7, 0.85, 1.0, 1.0))
    table[Slot.HAIR] = hsv(r.uniform(0.03, 0.12), r.uniform(0.2, 0.7), r.choice((0.08, 0.15, 0.3, 0.6)))
    table[Slot.LEGS] = hsv(r.choice((0.6, 0.62, 0.1, 0.0)), r.uniform(0, 0.6), r.uniform(0.06, 0.4))
    table[Slot.BAG] = hsv(r.random(), r.uniform(0.2, 0.9), r.uniform(0.2, 0.7))
    table[Slot.ACCENT] = hsv(r.random(), r.uniform(0.3, 0.9), r.uniform(0.2, 0.9))
    table[Slot.ACCENT2] = hsv(r.choice((0.0, 0.6, 0.13)), r.choice((0.05, 0.9)), r.uniform(0.7, 0.95))
    table[Slot.ACCENT3] = hsv(r.choice((0.0, 0.33, 0.6)), r.uniform(0.7, 0.95), r.uniform(0.5, 0.85))
    return table


def wall_colours(r: Rng, snow: float) -> np.ndarray:
    """Slot colours of a house, a warehouse or a free-standing wall."""
    kind = r.random()
    if kind < 0.5:  # plaster
        colour = hsv(r.uniform(0.03, 0.15), r.uniform(0.15, 0.5), r.uniform(0.6, 0.92))
    elif kind < 0.75:  # brick
        colour = hsv(r.uniform(0.0, 0.05), r.uniform(0.45, 0.7), r.uniform(0.4, 0.65))
    elif kind < 0.93:  # stone
        colour = hsv(r.uniform(0.06, 0.12), r.uniform(0.05, 0.2), r.uniform(0.4, 0.75))
    else:
        colour = hsv(r.random(), r.uniform(0.2, 0.45), r.uniform(0.5, 0.85))
    table = shaded(base_colours(), colour, r.uniform(0.7, 0.88), r.uniform(1.05, 1.3))
    table[Slot.ROOF] = hsv(r.uniform(0.0, 0.06), r.uniform(0.1, 0.65), r.uniform(0.2, 0.55)) * (1 - snow) + 0.9 * snow
    table[Slot.ROOF_DARK] = table[Slot.ROOF] * 0.75
    table[Slot.ACCENT] = hsv(r.choice((0.02, 0.09, 0.36, 0.6)), r.uniform(0.3, 0.65), r.uniform(0.3, 0.6))
    table[Slot.ACCENT2] = hsv(r.choice((0.02, 0.09, 0.36, 0.6)), r.uniform(0.15, 0.5), r.uniform(0.3, 0.65))
    table[Slot.GLASS] = hsv(r.uniform(0.52, 0.62), r.uniform(0.2, 0.4), r.uniform(0.2, 0.42))
    table[Slot.LIT] = table[Slot.GLASS] * r.uniform(0.8, 1.3)
    table[Slot.SHINE] = np.minimum(table[Slot.GLASS] * 1.6 + 0.1, 1)
    return table


def leaves(r: Rng, season: float, snow: float) -> np.ndarray:
    """Slot colours of a plant; ``season`` 0 = spring green, 0.5 = summer, 1 = autumn."""
    hue = 0.3 - 0.06 * r.random() - (max(0.0, season - 0.6) / 0.4) * r.uniform(0.05, 0.24)
    colour = hsv(hue, r.uniform(0.35, 0.8), r.uniform(0.25, 0.5) + 0.12 * abs(season - 0.5))
    colour = colour * (1 - 0.6 * snow) + 0.85 * 0.6 * snow
    table = shaded(base_colours(), colour, 0.6, 1.3)
    table[Slot.ACCENT] = np.minimum(colour * 1.6 + 0.06, 1)
    table[Slot.METAL_DARK] = hsv(r.uniform(0.04, 0.1), r.uniform(0.2, 0.5), r.uniform(0.15, 0.35))
    return table


def barrier_colours(r: Rng) -> np.ndarray:
    """Slot colours of a free-standing wall: concrete, sandstone or clinker; some with graffiti."""
    choice = r.integers(3)
    hue, saturation, value = ((0.58, 0.06, 0.62), (0.12, 0.38, 0.72), (0.97, 0.4, 0.34))[choice]
    table = shaded(base_colours(), hsv(hue, saturation, value * r.uniform(0.85, 1.15)), 0.68, 1.25)
    table[Slot.ACCENT] = hsv(r.random(), r.uniform(0.5, 0.95), r.uniform(0.4, 0.9))
    table[Slot.ACCENT2] = hsv(r.random(), r.uniform(0.5, 0.95), r.uniform(0.4, 0.9))
    return table


def post_colours(r: Rng) -> np.ndarray:
    """Slot colours of posts, lamps, signs and fences."""
    if r.random() < 0.65:
        colour = hsv(0.6, r.uniform(0, 0.08), r.choice((0.14, 0.42, 0.6)))
    else:
        colour = hsv(r.choice((0.08, 0.38)), r.uniform(0.4, 0.6), r.uniform(0.25, 0.45))
    table = shaded(base_colours(), colour)
    table[Slot.ACCENT] = hsv(r.choice((0.6, 0.6, 0.38, 0.13)), 0.9, r.uniform(0.6, 0.8))
    return table


class Paints:
    """Collects the colours, labels and glow of all objects of a ride into one table."""

    def __init__(self, light: Light) -> None:
        """Start empty."""
        self.light = light
        self.size = 0
        self._colours: list[np.ndarray] = []
        self._labels: list[np.ndarray] = []
        self._glow: list[np.ndarray] = []

    def add(self, colours: np.ndarray, labels: np.ndarray, glow: np.ndarray, facing: float = 1.0) -> int:
        """Append a table lit from one side; returns the index of its first entry."""
        lit = colours * np.where(glow[:, None] > 0, 1.0, self.light.tint * facing)
        self._colours.append(lit.astype(np.float32))
        self._labels.append(labels)
        self._glow.append(glow)
        self.size += len(colours)
        return self.size - len(colours)

    def thing(self, colours: np.ndarray, label: str, second: str = "", facing: float = 1.0) -> int:
        """Append an object's slots under one label, the slots from ``SECOND`` on under another."""
        labels = np.full(SLOTS, CITYSCAPES.index(label), np.uint8)
        if second:
            labels[SECOND:] = CITYSCAPES.index(second)
        glow = np.zeros(SLOTS, np.float32)
        if self.light.head > 0:
            glow[list(GLOWING)] = 1.0
            if self.light.name in ("night", "dusk"):
                colours = colours.copy()
                colours[Slot.LIT] = (0.98, 0.8, 0.45)
            else:
                glow[Slot.LIT] = 0.0
        return self.add(colours, labels, glow, facing)

    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(3, N) colours in 0..255, (N,) labels and (N,) glow of all entries."""
        colours = np.ascontiguousarray(np.concatenate(self._colours).T) * 255
        return colours, np.concatenate(self._labels), np.concatenate(self._glow)
