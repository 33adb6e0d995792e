"""Training augmentation: flips, crops and light, the same geometry for image and labels."""

import torch
from torch import Tensor

from segxal.core.seeds import drawing_from
from segxal.training.settings import TrainConfig


class Augmentation:
    """Random flip, resized crop and colour jitter of a batch, each image on its own.

    Args:
        config: ``flip``, ``crop`` and ``jitter`` say what is done.
        size: (H, W) of the images; crops are resized back to it. Labels are resized by nearest neighbour.
    """

    def __init__(self, config: TrainConfig, size: tuple[int, int]) -> None:
        from torchvision.transforms import v2  # seconds of import that only training needs

        steps: list[v2.Transform] = []
        if config.flip:
            steps.append(v2.RandomHorizontalFlip())
        if config.crop < 1:
            ratio = size[1] / size[0]
            steps.append(v2.RandomResizedCrop(size, (config.crop, 1.0), (0.8 * ratio, 1.25 * ratio), antialias=True))
        if config.jitter:
            steps.append(v2.ColorJitter(config.jitter, config.jitter, config.jitter))
        self.transform = v2.Compose(steps) if steps else None

    def __call__(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Augment a batch.

        Args:
            images: (B, 3, H, W) uint8.
            labels: (B, H, W) uint8, 255 = void.
            generator: source of all its randomness; torch's global generator is left as it was.

        Returns:
            New images and labels of the same shapes; the inputs are not changed.
        """
        if self.transform is None:
            return images, labels
        from torchvision import tv_tensors

        with drawing_from(generator):
            pairs = [
                self.transform(tv_tensors.Image(image), tv_tensors.Mask(label))
                for image, label in zip(images, labels, strict=True)
            ]
        new_images, new_labels = zip(*pairs, strict=True)
        return torch.stack(new_images).as_subclass(Tensor), torch.stack(new_labels).as_subclass(Tensor)
