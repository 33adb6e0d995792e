"""From a ride to a picture: paint a frame, look up colours, add light, weather and the lens."""

import numpy as np

from segxal.data.streets.paint import SHADOW, SKY, Camera, Canvas, sensor
from segxal.data.streets.ride import Ride, Thing

Rng = np.random.Generator


def render(ride: Ride, frame: int, size: tuple[int, int], r: Rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Render one frame of a ride.

    Args:
        ride: the ride.
        frame: number of the frame, from 0.
        size: (H, W) in pixels.
        r: generator of the frame, for drops and sensor noise.

    Returns:
        (H, W, 3) uint8 image, (H, W) uint8 labels, (H, W) float32 inverse distance in 1 / metres.
    """
    camera = camera_of(ride.lens, size)
    canvas = Canvas(camera)
    canvas.sky(ride.light.cloud[1], ride.season + 0.01 * frame)
    cam_z = frame * ride.step
    _ground(canvas, ride, cam_z)
    placed = _placed(ride, frame, cam_z)
    for thing, (x, z) in placed:
        if thing.shadow and 1.5 < z < 40:
            lean = -ride.light.sun * thing.size[1] * 0.25
            canvas.shadow(
                x + lean, z + (0.2 if thing.size[1] < 2 else 0.5), thing.shadow, max(0.25, thing.shadow * 0.7)
            )
    for thing, (x, z) in placed:
        _paint(canvas, thing, x, z)
    colours, labels, glow = ride.tables
    image = _light(ride, canvas, np.take(colours, canvas.entry, axis=1), glow)
    _halos(ride, camera, image, placed, canvas)
    return _lens(ride, image, r), labels[canvas.entry], canvas.near


def camera_of(lens: tuple[float, float, float, float], size: tuple[int, int]) -> Camera:
    """The camera of a ride (see ``Ride.lens``) at a size (H, W): 49 degrees wide, as in Cityscapes."""
    height, horizon, yaw, curve = lens
    return Camera(size, 1.1 * size[1], (size[1] * (0.5 + yaw), size[0] * horizon), height, curve)


def _placed(ride: Ride, frame: int, cam_z: float) -> list[tuple[Thing, tuple[float, float]]]:
    """Things of a frame with their x and distance, nearest first; hidden things are not painted."""
    placed = [
        (thing, (thing.place[0] + thing.speed[0] * frame, thing.place[2] + thing.speed[1] * frame - cam_z))
        for thing in ride.things
        if thing.frame in (-1, frame)
    ]
    return sorted(placed, key=lambda item: item[1][1])


def _ground(canvas: Canvas, ride: Ride, cam_z: float) -> None:
    rows, far = canvas.rows()
    if not len(rows):
        return
    canvas.ground(ride.road.profile, ride.road.kinds(far + cam_z), (rows, far), cam_z)
    if ride.light.sun and ride.shade:
        spans = np.array(ride.shade)
        hit = (spans[None, :, 0] <= (far + cam_z)[:, None]) & (spans[None, :, 1] > (far + cam_z)[:, None])
        reach = np.where(hit, spans[None, :, 2], -1e3).max(axis=1) - ride.road.lot(ride.light.sun)
        canvas.entry[rows[0] :][ride.light.sun * canvas.across(far) > -reach[:, None]] += SHADOW


def _paint(canvas: Canvas, thing: Thing, x: float, z: float) -> None:
    place = (x, thing.place[1], z)
    if thing.along:
        canvas.side(thing.sprite, thing.base, place, thing.size, thing.mirror)
    elif z > 1.2:
        canvas.front(thing.sprite, thing.base, place, thing.size, thing.mirror)


def _light(ride: Ride, canvas: Canvas, image: np.ndarray, glow: np.ndarray) -> np.ndarray:
    """(3, H, W) float32 with head lamps, haze and reflections."""
    light, near, camera = ride.light, canvas.near, canvas.camera
    if light.head > 0.5:
        cols = (np.arange(camera.size[1], dtype=np.float32) - camera.centre[0]) / camera.focal
        rows = (np.arange(camera.size[0], dtype=np.float32) - camera.centre[1]) / camera.focal
        beam = np.exp(-((cols / 0.35) ** 2))[None, :] * np.exp(-(((rows - 0.1) / 0.16) ** 2))[:, None]
        beam = 1 + 4.2 * light.head * beam * np.minimum(near * 18, 1)
        image *= np.where(glow[canvas.entry] > 0, 1, beam)
    haze, extinction = light.haze
    through = np.exp(-np.float32(extinction) / np.maximum(near, np.float32(1e-4)))
    through[near == 0] = 1
    fog = (haze * 255).astype(np.float32)[:, None, None]
    image -= fog
    image *= through
    image += fog
    if light.wet > 0:
        _reflect(image, canvas, light.wet)
    return image


def _reflect(image: np.ndarray, canvas: Canvas, share: float) -> None:
    horizon = round(canvas.camera.centre[1])
    count = min(horizon, image.shape[1] - horizon)
    if count < 1:
        return
    mirrored = image[:, horizon - count : horizon][:, ::-1]
    fade = np.linspace(share, share * 0.2, count, dtype=np.float32)[:, None]
    wet = (canvas.entry[horizon : horizon + count] < SKY) * fade
    low = image[:, horizon : horizon + count]
    low += (mirrored - low) * wet


def _halos(
    ride: Ride, camera: Camera, image: np.ndarray, placed: list[tuple[Thing, tuple[float, float]]], canvas: Canvas
) -> None:
    """Glow around lamps in the dark."""
    if ride.light.head < 0.15:
        return
    for thing, (x, z) in placed:
        if not thing.halo or not 2 < z < 70:
            continue
        scale = camera.focal / z
        y = thing.place[1] + (0.15 if thing.place[1] else 0.75)
        row = camera.centre[1] + (camera.height - y) * scale
        col = camera.centre[0] + x * scale + camera.focal * camera.curve * z
        radius = thing.halo * scale
        r0, r1 = max(0, int(row - radius)), min(camera.size[0], int(row + radius) + 1)
        c0, c1 = max(0, int(col - radius)), min(camera.size[1], int(col + radius) + 1)
        middle = (min(max(int(row), 0), camera.size[0] - 1), min(max(int(col), 0), camera.size[1] - 1))
        if r0 >= r1 or c0 >= c1 or canvas.near[middle] > 1.3 / z:
            continue
        away = ((np.arange(r0, r1) - row)[:, None] ** 2 + (np.arange(c0, c1) - col)[None, :] ** 2) / (radius * radius)
        bright = (90 * ride.light.head) * np.maximum(0, 1 - away) ** 3
        image[:, r0:r1, c0:c1] += bright.astype(np.float32) * np.array((1.0, 0.85, 0.6), np.float32)[:, None, None]


def _fall(ride: Ride, image: np.ndarray, r: Rng) -> None:
    """Streaks of rain or flakes of snow, in proportion to the height of the picture."""
    _, height, width = image.shape
    snow = ride.light.fall == "snow"
    count = 260 if snow else 140
    length = max(1, round(height * (0.008 if snow else 0.05)))
    rows, cols = r.integers(0, height, count), r.integers(0, width, count)
    for i in range(length):
        at = np.minimum(rows + i, height - 1), np.minimum(cols + (0 if snow else i // 4), width - 1)
        image[:, at[0], at[1]] += (235 - image[:, at[0], at[1]]) * np.float32(0.75 if snow else 0.22)


def _soften(image: np.ndarray, share: float = 0.14) -> None:
    """Mix every pixel with its neighbours, in place."""
    for near, far, middle in (
        (image[:, :-2], image[:, 2:], image[:, 1:-1]),
        (image[:, :, :-2], image[:, :, 2:], image[:, :, 1:-1]),
    ):
        both = near + far
        both *= np.float32(share)
        middle *= np.float32(1 - 2 * share)
        middle += both


def _lens(ride: Ride, image: np.ndarray, r: Rng) -> np.ndarray:
    """(H, W, 3) uint8: drops, a soft lens, exposure, sensor noise."""
    if ride.light.fall:
        _fall(ride, image, r)
    _soften(image)
    image *= (ride.light.gain * r.uniform(0.96, 1.04)).astype(np.float32)[:, None, None]
    noise, count = sensor(), image[0].size
    start = int(r.integers(max(1, noise.shape[1] - count)))
    for channel, plane in enumerate(image):
        grey = noise[channel, start : start + count] if count <= noise.shape[1] else np.resize(noise[channel], count)
        plane += grey.reshape(plane.shape) * np.float32(ride.light.noise)
    np.clip(image, 0, 255, out=image)
    return np.ascontiguousarray(image.astype(np.uint8).transpose(1, 2, 0))
