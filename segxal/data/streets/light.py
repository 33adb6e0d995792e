"""Light and weather of the rendered streets."""

import colorsys
from dataclasses import dataclass
from typing import cast

import numpy as np

Rng = np.random.Generator


def steps(start: float, stop: float, step: float) -> list[float]:
    """Numbers from ``start`` up to ``stop``, as NumPy floats (some type stubs do not know that these are floats)."""
    return cast("list[float]", list(np.arange(start, stop, step)))


@dataclass(frozen=True)
class Light:
    """Light and weather of a ride; colours are RGB in 0..1.

    Attributes:
        name: word for the weather.
        sky: colours of the sky at the top and at the horizon.
        cloud: colour of the clouds, and their share of the sky in 0..1.
        tint: colour that all surfaces are multiplied by.
        haze: colour that far things fade to, and extinction per metre.
        sun: -1 / 1 when the sun is on the left / right, 0 when it casts no shadow.
        sides: brightness of surfaces that face the camera, right (left row of houses) and left.
        head: strength of the headlamps of the camera's car.
        wet: share of the reflection on the road.
        fall: ``rain``, ``snow`` or nothing in the air.
        white: share of snow on ground, roofs and tree crowns.
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


@dataclass(frozen=True)
class Weather:
    """One kind of light: its share of the rides, and the means that :func:`draw_light` varies (see ``Light``)."""

    share: float
    top: tuple[float, float, float]
    low: tuple[float, float, float]
    cloud: tuple[float, float, float]
    cover: float
    tint: tuple[float, float, float]
    haze: float
    wet: float = 0.0
    white: float = 0.0
    head: float = 0.0
    noise: float = 4.0


WEATHER = {
    "noon": Weather(0.32, (0.24, 0.47, 0.82), (0.70, 0.83, 0.95), (1, 1, 1), 0.45, (1.06, 1.03, 0.97), 0.0015),
    "cloudy": Weather(0.3, (0.60, 0.66, 0.73), (0.82, 0.85, 0.87), (0.92, 0.93, 0.95), 0.8, (0.82, 0.84, 0.87), 0.003),
    "dusk": Weather(
        0.11, (0.27, 0.33, 0.62), (0.98, 0.70, 0.46), (0.90, 0.58, 0.52), 0.5, (0.92, 0.78, 0.70), 0.003, 0, 0, 0.2, 5
    ),
    "night": Weather(
        0.09, (0.02, 0.03, 0.08), (0.12, 0.12, 0.2), (0.14, 0.14, 0.2), 0.4, (0.40, 0.41, 0.50), 0.002, 0.1, 0, 1.0, 5
    ),
    "fog": Weather(0.06, (0.72, 0.74, 0.76), (0.78, 0.79, 0.8), (0.8, 0.8, 0.8), 0.1, (0.8, 0.81, 0.82), 0.009, 0.08),
    "rain": Weather(
        0.08, (0.42, 0.46, 0.52), (0.62, 0.65, 0.68), (0.5, 0.53, 0.58), 0.9, (0.72, 0.75, 0.8), 0.004, 0.4, 0, 0.15, 5
    ),
    "snow": Weather(
        0.04, (0.68, 0.72, 0.78), (0.85, 0.87, 0.9), (0.9, 0.91, 0.93), 0.6, (0.86, 0.9, 0.97), 0.004, white=0.7
    ),
}


def _vary(r: Rng, colour: tuple[float, float, float], spread: float) -> np.ndarray:
    return np.clip(rgb(*colour) * r.uniform(1 - spread, 1 + spread) * r.uniform(0.97, 1.03, 3), 0, 1).astype(np.float32)


def draw_light(r: Rng, turn: float) -> Light:
    """Light and weather of one ride; ``turn`` in [0, 1) picks the weather by its share."""
    shares = np.cumsum([weather.share for weather in WEATHER.values()])
    name = list(WEATHER)[int(np.searchsorted(shares[:-1], turn, side="right"))]
    kind, sunny = WEATHER[name], name in ("noon", "dusk")
    sun = int(r.choice((-1, 1))) if sunny else 0
    lit, shade = (1.08, 0.62) if sunny else (0.92, 0.92)
    right, left = (lit, shade) if sun < 0 else (shade, lit)
    warm, low = r.normal(0, 0.03), _vary(r, kind.low, 0.05)
    return Light(
        name=name,
        sky=(_vary(r, kind.top, 0.12), low),
        cloud=(rgb(*kind.cloud), float(np.clip(kind.cover + r.normal(0, 0.2), 0, 1))),
        tint=(rgb(*kind.tint) * rgb(1 + warm, 1, 1 - warm) * r.uniform(0.9, 1.1)).astype(np.float32),
        haze=(low * (0.5 if name == "night" else 0.96), kind.haze * r.uniform(0.7, 1.5)),
        sun=sun,
        sides=(r.uniform(0.8, 0.95) if sunny else 1.0, right, left),
        head=kind.head,
        wet=kind.wet * r.uniform(0.6, 1.2) if kind.wet else 0.12 * (r.random() < 0.15),
        fall=name if name in ("rain", "snow") else "",
        white=kind.white * r.uniform(0.6, 1.2),
        noise=kind.noise * r.uniform(0.5, 1.0),
        gain=(r.uniform(0.92, 1.1) * r.uniform(0.97, 1.03, 3)).astype(np.float32),
    )
