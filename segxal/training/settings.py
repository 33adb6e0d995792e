"""Settings of training."""

from dataclasses import dataclass
from typing import Literal

from segxal.core.ranges import MOST, require, require_most, require_share


@dataclass(frozen=True)
class TrainConfig:
    """How the network is trained; ``steps`` or ``epochs`` says how long, the other is 0."""

    steps: int = 0  # optimiser steps of the first training
    cycle_steps: int = 0  # optimiser steps of the retraining in each cycle
    epochs: int = 0  # passes over the labelled images, for every training
    batch: int = 8
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    lr: float = 3e-3
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 1e-2
    schedule: Literal["one-cycle", "poly", "constant"] = "one-cycle"
    class_weights: Literal["none", "sqrt-frequency"] = "sqrt-frequency"
    crop: float = 0.5  # smallest share of the image area a random crop keeps; 1 = no crop
    flip: bool = True
    jitter: float = 0.3  # brightness, contrast and saturation change by up to this share
    amp: Literal["auto", "bf16", "fp16", "off"] = "auto"
    evaluations: int = 4  # how often the validation split is scored during one training
    retrain: Literal["previous", "scratch"] = "previous"  # weights a cycle starts from
    sampling: Literal["image", "sqrt-pixels"] = "image"  # sqrt-pixels: odds of an image = root of its annotated pixels
    round_steps: int = 3  # optimiser steps of the update between two rounds of a cycle (pool.rounds)
    pixels: int = 0  # annotated pixels of a batch that count in a step, drawn at random; 0 = all
    objective: str = "supervised"  # one of segxal.training.objectives.OBJECTIVES
    stride: int = 4  # adaptation: of the whole predictions, every how many pixels are read
    machine_weight: float = 1.0  # adaptation: of the loss at labels of a machine
    adversarial: float = 1e-3  # AdvEnt: weight of the adversarial loss
    discriminator: int = 64  # AdvEnt: channels of the discriminator's first layer
    discriminator_lr: float = 1e-4  # AdvEnt: its learning rate
    target_entropy: float = 1e-3  # MinEnt: weight of the target's entropy
    consistency: float = 0.1  # RIPU: weight of the consistency of the source's predictions at borders of classes
    negative: float = 1.0  # RIPU: weight of the loss that makes improbable classes more improbable
    contrast: float = 0.1  # STAL: weight of the contrastive loss
    unreliable: Literal["paper", "faithful"] = "paper"  # STAL: drop the most uncertain pixels, or the most certain

    def __post_init__(self) -> None:
        """Check ranges."""
        in_steps = self.steps > 0 and self.cycle_steps > 0 and self.epochs == 0
        in_epochs = self.epochs > 0 and self.steps == 0 and self.cycle_steps == 0
        require(
            in_steps or in_epochs,
            f"training length is unclear: steps = {self.steps}, cycle_steps = {self.cycle_steps}, epochs = "
            f"{self.epochs}; give both steps and cycle_steps, or epochs alone",
        )
        for name in ("steps", "cycle_steps", "epochs", "evaluations", "round_steps"):
            require_most(name, getattr(self, name), MOST)
        require_most("batch", self.batch, 4096)
        require_most("pixels", self.pixels, 10**9)
        require(self.batch >= 1, f"batch = {self.batch}; a batch needs at least one image")
        require(self.lr > 0, f"lr = {self.lr}; the learning rate must be positive")
        require_most("lr", self.lr, 1e30)  # above it, float32 overflows in the first step
        for beta in self.betas:
            require(0 <= beta < 1, f"betas = {list(self.betas)}; each must be at least 0 and below 1")
        require_share("weight_decay", self.weight_decay, 0.0, 100.0)
        require(self.evaluations >= 1, f"evaluations = {self.evaluations}; validation must run at least once")
        require(self.round_steps >= 1, f"round_steps = {self.round_steps}; an update needs at least one step")
        require(self.pixels >= 0, f"pixels = {self.pixels}; give a number of pixels, or 0 for all")
        require(self.stride >= 1, f"stride = {self.stride}; give a number of pixels, at least 1")
        require(self.discriminator >= 1, f"discriminator = {self.discriminator}; give at least one channel")
        for name in ("machine_weight", "adversarial", "target_entropy", "consistency", "negative", "contrast"):
            value = getattr(self, name)
            require(value >= 0, f"{name} = {value}; a weight must be a number >= 0")
            require_most(name, value, 1e6)
        require(self.discriminator_lr > 0, f"discriminator_lr = {self.discriminator_lr}; it must be positive")
        require_most("discriminator_lr", self.discriminator_lr, 1e30)
        require_most("discriminator", self.discriminator, 4096)
        require_most("stride", self.stride, 10_000)
        require_share("crop", self.crop, 0.01)
        require_share("jitter", self.jitter)
