"""Lights, weathers and colours of the rendered streets."""

import colorsys
from dataclasses import dataclass

import numpy as np

from segxal.data.streets_sprites import (
    ACCENT, ACCENT2, ACCENT3, AMBER, BAG, DARK, GLASS, GREEN, HAIR, LAMP, LAMP2, LEGS, LIGHT, LIT, MAIN, METAL,
    METAL_DARK, PLATE, RIM, ROOF, ROOF_DARK, SECOND, SHINE, SHOES, SKIN, SLOTS, TAIL, TAIL2, TRIM, TYRE, TYRE2,
)  # fmt: skip
from segxal.labels import CITYSCAPES

Rng = np.random.Generator
GLOWING = (TAIL, LAMP, LIT, AMBER, GREEN, TAIL2, LAMP2)


@dataclass(frozen=True)
class Light:
    """Light and weather of a ride; colours are RGB in 0..1.

    Attributes:
        name: word for the weather.
        sky: colours of the sky at the top and at the horizon.
        cloud: colour of the clouds, and their share of the sky in 0..1.
        tint: colour that all surfaces are multiplied by.
        haze: colour that far things fade to, and extinction per metre.
        sun: -1 / 1 when the sun stands left / right, 0 when it casts no shadow.
        sides: brightness of surfaces that face the camera, right (left row of houses) and left.
        head: strength of the own head lamps.
        wet: share of the reflection on the road.
        fall: ``rain``, ``snow`` or nothing in the air.
        white: share of snow on ground, roofs and crowns.
        noise: sensor noise, grey levels.
        gain: exposure per colour.
    """

    name: str
    sky: tuple[np.ndarray, np.ndarray]
    cloud: tuple[np.ndarray, float]
    tint: np.ndarray
    haze: tuple[np.ndarray, float]
    sun: int
    sides: tuple[float, float, float]
    head: float
    wet: float
    fall: str
    white: float
    noise: float
    gain: np.ndarray


def rgb(*values: float) -> np.ndarray:
    """A colour as an array."""
    return np.array(values, np.float32)


def hsv(hue: float, saturation: float, value: float) -> np.ndarray:
    """A colour from hue, saturation and value, each in 0..1."""
    return rgb(*colorsys.hsv_to_rgb(hue % 1.0, min(1.0, saturation), min(1.0, value)))


# name: (share, sky top, sky at the horizon, cloud, cover, tint, haze per metre, wet, snow, head lamps, noise)
_WEATHER = {
    "noon": (0.28, (0.24, 0.47, 0.82), (0.70, 0.83, 0.95), (1, 1, 1), 0.45, (1.06, 1.03, 0.97), 0.0015, 0, 0, 0, 3),
    "cloudy": (0.2, (0.60, 0.66, 0.73), (0.82, 0.85, 0.87), (0.92, 0.93, 0.95), 0.8, (0.82, 0.84, 0.87), 0.003, 0, 0, 0, 4),
    "dusk": (0.13, (0.25, 0.27, 0.50), (0.98, 0.62, 0.36), (0.85, 0.48, 0.45), 0.5, (0.80, 0.60, 0.50), 0.004, 0, 0, 0.2, 5),
    "night": (0.14, (0.02, 0.03, 0.08), (0.12, 0.12, 0.2), (0.14, 0.14, 0.2), 0.4, (0.20, 0.22, 0.32), 0.004, 0.1, 0, 1.0, 7),
    "fog": (0.1, (0.72, 0.74, 0.76), (0.78, 0.79, 0.80), (0.8, 0.8, 0.8), 0.1, (0.80, 0.81, 0.82), 0.022, 0.08, 0, 0.1, 4),
    "rain": (0.1, (0.42, 0.46, 0.52), (0.62, 0.65, 0.68), (0.5, 0.53, 0.58), 0.9, (0.60, 0.63, 0.68), 0.007, 0.4, 0, 0.15, 5),
    "snow": (0.05, (0.68, 0.72, 0.78), (0.85, 0.87, 0.9), (0.9, 0.91, 0.93), 0.6, (0.86, 0.9, 0.97), 0.008, 0, 0.75, 0, 4),
}  # fmt: skip


def draw_light(r: Rng) -> Light:
    """Light and weather of one ride."""
    names = list(_WEATHER)
    name = names[
        r.choice(len(names), p=np.array([_WEATHER[n][0] for n in names]) / sum(w[0] for w in _WEATHER.values()))
    ]
    _, top, low, cloud, cover, tint, haze, wet, white, head, noise = _WEATHER[name]
    sunny = name in ("noon", "dusk")
    sun = int(r.choice((-1, 1))) if sunny else 0
    lit, shade = (1.08, 0.62) if sunny else (0.92, 0.92)
    right, left = (lit, shade) if sun < 0 else (shade, lit)
    warm = r.normal(0, 0.05)
    jitter = rgb(1 + warm, 1, 1 - warm) * r.uniform(0.9, 1.1)
    low_sky = np.clip(rgb(*low) * r.uniform(0.97, 1.03, 3), 0, 1).astype(np.float32)
    return Light(
        name=name,
        sky=(np.clip(rgb(*top) * r.uniform(0.88, 1.1) * r.uniform(0.97, 1.03, 3), 0, 1).astype(np.float32), low_sky),
        cloud=(rgb(*cloud), float(np.clip(cover + r.normal(0, 0.2), 0, 1))),
        tint=(rgb(*tint) * jitter).astype(np.float32),
        haze=(low_sky * (0.96 if name != "night" else 0.5), haze * r.uniform(0.7, 1.5)),
        sun=sun,
        sides=(r.uniform(0.8, 0.95), right, left) if sunny else (1.0, right, left),
        head=head,
        wet=wet * r.uniform(0.6, 1.2) if wet else 0.12 * (r.random() < 0.15),
        fall=name if name in ("rain", "snow") else "",
        white=white * r.uniform(0.6, 1.2),
        noise=noise * r.uniform(0.7, 1.4),
        gain=(r.uniform(0.88, 1.15) * r.uniform(0.96, 1.04, 3)).astype(np.float32),
    )


def base_colours() -> np.ndarray:
    """(SLOTS, 3) colours that every object starts from."""
    table = np.full((SLOTS, 3), 0.5, np.float32)
    fixed = {
        GLASS: (0.16, 0.20, 0.25), SHINE: (0.45, 0.52, 0.58), TYRE: (0.05, 0.05, 0.055), TYRE2: (0.06, 0.06, 0.065),
        TRIM: (0.13, 0.13, 0.14), TAIL: (0.78, 0.06, 0.05), LAMP: (0.96, 0.95, 0.85), PLATE: (0.92, 0.92, 0.9),
        RIM: (0.55, 0.56, 0.58), SHOES: (0.1, 0.08, 0.07), LIT: (0.2, 0.23, 0.28), AMBER: (0.98, 0.66, 0.1),
        GREEN: (0.15, 0.85, 0.45), METAL: (0.6, 0.61, 0.63), METAL_DARK: (0.17, 0.17, 0.18), TAIL2: (0.8, 0.07, 0.06),
        LAMP2: (0.95, 0.93, 0.8),
    }  # fmt: skip
    for slot, colour in fixed.items():
        table[slot] = colour
    return table


def shaded(table: np.ndarray, colour: np.ndarray, dark: float = 0.7, light: float = 1.2) -> np.ndarray:
    """Put a main colour with its darker and lighter tone into a table; returns the table."""
    table[MAIN], table[DARK], table[LIGHT] = colour, colour * dark, np.minimum(colour * light + 0.03, 1)
    return table


def paint_colour(r: Rng) -> np.ndarray:
    """Colour of a car: mostly white, grey and black, some coloured."""
    if r.random() < 0.55:
        grey = r.choice((0.06, 0.15, 0.3, 0.5, 0.68, 0.88))
        return rgb(grey, grey * r.uniform(0.97, 1.02), grey * r.uniform(0.96, 1.06))
    return hsv(
        r.choice((0.0, 0.02, 0.08, 0.14, 0.33, 0.45, 0.58, 0.62, 0.66)), r.uniform(0.5, 0.95), r.uniform(0.25, 0.85)
    )


def vehicle_colours(r: Rng) -> np.ndarray:
    """Slot colours of a car, bus, lorry or tram."""
    table = shaded(base_colours(), paint_colour(r))
    table[ACCENT] = paint_colour(r) if r.random() < 0.6 else hsv(r.random(), r.uniform(0.3, 0.9), r.uniform(0.4, 0.9))
    table[ACCENT2] = hsv(r.random(), r.uniform(0.1, 0.9), r.uniform(0.3, 0.95))
    table[GLASS] *= r.uniform(0.6, 1.8)
    return table


def clothes(r: Rng) -> np.ndarray:
    """Slot colours of a person, with a bicycle or motorcycle in the second slots."""
    bright = r.random() < 0.45
    top = (
        hsv(r.random(), r.uniform(0.5, 1.0), r.uniform(0.5, 0.95))
        if bright
        else hsv(r.random(), r.uniform(0, 0.3), r.uniform(0.08, 0.7))
    )
    table = shaded(base_colours(), top, 0.75)
    skin = r.uniform(0.3, 0.95)
    table[SKIN] = rgb(0.95, 0.72, 0.58) * skin
    table[HAIR] = hsv(r.uniform(0.03, 0.12), r.uniform(0.2, 0.7), r.choice((0.08, 0.15, 0.3, 0.6)))
    table[LEGS] = hsv(r.choice((0.6, 0.62, 0.1, 0.0)), r.uniform(0, 0.6), r.uniform(0.06, 0.5))
    table[BAG] = hsv(r.random(), r.uniform(0.2, 0.9), r.uniform(0.2, 0.7))
    table[ACCENT] = hsv(r.random(), r.uniform(0.3, 0.9), r.uniform(0.2, 0.9))
    table[ACCENT2] = hsv(r.random(), r.uniform(0, 0.9), r.uniform(0.1, 0.95))
    table[ACCENT3] = paint_colour(r)
    return table


def wall_colours(r: Rng, snow: float) -> np.ndarray:
    """Slot colours of a house, a hall or a free-standing wall."""
    kind = r.random()
    if kind < 0.45:  # plaster
        colour = hsv(r.uniform(0.02, 0.16), r.uniform(0.05, 0.45), r.uniform(0.5, 0.95))
    elif kind < 0.65:  # brick
        colour = hsv(r.uniform(0.0, 0.06), r.uniform(0.4, 0.7), r.uniform(0.3, 0.6))
    elif kind < 0.85:  # stone, concrete
        colour = hsv(r.uniform(0.05, 0.6), r.uniform(0, 0.12), r.uniform(0.3, 0.8))
    else:
        colour = hsv(r.random(), r.uniform(0.2, 0.5), r.uniform(0.45, 0.85))
    table = shaded(base_colours(), colour, r.uniform(0.7, 0.88), r.uniform(1.05, 1.3))
    table[ROOF] = hsv(r.uniform(0.0, 0.06), r.uniform(0.1, 0.65), r.uniform(0.2, 0.55)) * (1 - snow) + 0.9 * snow
    table[ROOF_DARK] = table[ROOF] * 0.75
    table[ACCENT] = hsv(r.random(), r.uniform(0.4, 0.95), r.uniform(0.3, 0.85))
    table[ACCENT2] = hsv(r.random(), r.uniform(0.2, 0.8), r.uniform(0.2, 0.7))
    table[GLASS] = hsv(r.uniform(0.52, 0.62), r.uniform(0.1, 0.5), r.uniform(0.15, 0.5))
    table[LIT] = table[GLASS] * r.uniform(0.8, 1.3)
    table[SHINE] = np.minimum(table[GLASS] * 1.6 + 0.1, 1)
    return table


def leaves(r: Rng, season: float, snow: float) -> np.ndarray:
    """Slot colours of a plant; ``season`` 0 = spring green, 0.5 = summer, 1 = autumn."""
    hue = 0.3 - 0.06 * r.random() - (max(0.0, season - 0.6) / 0.4) * r.uniform(0.05, 0.24)
    colour = hsv(hue, r.uniform(0.35, 0.8), r.uniform(0.25, 0.5) + 0.12 * abs(season - 0.5))
    colour = colour * (1 - 0.6 * snow) + 0.85 * 0.6 * snow
    table = shaded(base_colours(), colour, 0.6, 1.3)
    table[ACCENT] = np.minimum(colour * 1.6 + 0.06, 1)
    table[METAL_DARK] = hsv(r.uniform(0.04, 0.1), r.uniform(0.2, 0.5), r.uniform(0.15, 0.35))
    return table


def post_colours(r: Rng) -> np.ndarray:
    """Slot colours of posts, lamps, signs, fences and traffic lights."""
    kind = r.random()
    if kind < 0.6:
        colour = hsv(r.random(), r.uniform(0, 0.1), r.choice((0.12, 0.3, 0.5, 0.7)))
    else:
        colour = hsv(r.choice((0.08, 0.38, 0.6, 0.03)), r.uniform(0.3, 0.7), r.uniform(0.2, 0.6))
    table = shaded(base_colours(), colour)
    table[ACCENT] = hsv(r.choice((0.6, 0.6, 0.38, 0.13)), 0.9, r.uniform(0.5, 0.8))
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
                colours[LIT] = (0.98, 0.8, 0.45)
            else:
                glow[LIT] = 0.0
        return self.add(colours, labels, glow, facing)

    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(3, N) colours in 0..255, (N,) labels and (N,) glow of all entries."""
        colours = np.ascontiguousarray(np.concatenate(self._colours).T) * 255
        return colours, np.concatenate(self._labels), np.concatenate(self._glow)
