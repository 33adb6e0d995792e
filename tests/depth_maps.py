"""Images, maps and folders that the tests of the depth networks share."""

import torch
from torch.nn import functional as F

from segxal.core.labels import CITYSCAPES

FAMILIES = ("midas", "dinov2", "depth-anything")


def images_of(height=40, width=72, count=3, seed=0):
    noise = torch.rand(count, 3, height // 8, width // 8, generator=torch.Generator().manual_seed(seed))
    return (255 * F.interpolate(noise, (height, width), mode="bilinear")).to(torch.uint8)


def depth_of(provider, images):
    return provider(images, torch.zeros(len(images), *images.shape[2:]), CITYSCAPES, None)


def copied(folder, target):
    target.mkdir()
    for file in folder.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target
