"""Picture files that the data tests read."""

import numpy as np
from PIL import Image

from segxal.core.labels import Classes
from segxal.core.seeds import rng
from segxal.data.images import id_table

TWO = Classes(("ground", "thing"), ((0, 0, 0), (255, 255, 255)))
TWO_IDS = id_table({0: 0, 1: 1})


def noise(height, width, seed=0):
    return rng(seed, "noise").integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path
