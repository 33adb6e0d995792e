"""Settings of strategies and oracles."""

from dataclasses import dataclass
from typing import Literal

from segxal.acquisition.ralis.recipe import RECIPES
from segxal.core.ranges import MOST, require, require_count, require_most, require_share


@dataclass(frozen=True)
class StrategyConfig:
    """Options of the query strategies, and how images are cut into regions."""

    cell: int = 16  # width of a grid cell, pixels
    cell_height: int = 0  # its height; 0 = square
    candidates: int = 0  # grid: cells drawn for each one that is asked for, the best of them is taken; 0 = all compete
    pieces: int = 250  # SLIC superpixels per image, about
    passes: int = 20  # BALD and QBC: forward passes with dropout
    radius: int = 16  # RIPU: half the side of the window in which classes are counted, pixels
    square: int = 1  # square: half the side of a square that is asked for, pixels: it is (2 square + 1) wide
    committee: int = 0  # QBC: networks trained for the committee; 0 = dropout passes vote

    def __post_init__(self) -> None:
        """Check ranges."""
        for name, most in (("cell", 10_000), ("pieces", 100_000), ("passes", 1000)):
            require_count(name, getattr(self, name), high=most)
        for name, most in (("cell_height", 10_000), ("candidates", MOST), ("radius", 10_000), ("square", 1000)):
            require(getattr(self, name) >= 0, f"{name} = {getattr(self, name)}; give 0 or more")
            require_most(name, getattr(self, name), most)
        require(self.committee != 1 and self.committee >= 0, f"committee = {self.committee}; give 0, or 2 or more")
        require_most("committee", self.committee, 100)

    @property
    def cell_size(self) -> tuple[int, int]:
        """Height and width of a grid cell, pixels."""
        return self.cell_height or self.cell, self.cell


@dataclass(frozen=True)
class PolicyConfig:
    """How the policy of RALIS is trained, before the runs."""

    recipe: str = "mended"  # one of segxal.acquisition.ralis.recipe.RECIPES
    episodes: int = 12
    steps: int = 20  # of an episode; each asks for the regions of one round
    first_steps: int = 60  # optimiser steps of the network that episodes start from
    state_images: int = 10  # images of the state set
    reward_images: int = 40  # validation images that say what a step was worth

    def __post_init__(self) -> None:
        """Check ranges."""
        require(self.recipe in RECIPES, f"recipe = {self.recipe!r}; choose one of {', '.join(RECIPES)}")
        for name in ("episodes", "steps", "first_steps", "state_images", "reward_images"):
            require_count(name, getattr(self, name))


@dataclass(frozen=True)
class MachineConfig:
    """How much a machine labels by itself, for methods that learn from its labels."""

    share: float = 0.5  # of the pixels predicted as a class that it labels, at least: those of least doubt
    floor: float = 0.1  # doubt that is always small enough
    exact: bool = False  # exact thresholds, for one more pass over the images
    rounds: int = 1  # how often it labels all images anew, where nobody else does

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("share", "floor"):
            require_share(name, getattr(self, name))
        require_count("rounds", self.rounds, high=1000)


@dataclass(frozen=True)
class OracleConfig:
    """Options of the oracles: how machines label and how simulated people behave."""

    labeller: Literal["flip-scale", "teacher"] = "flip-scale"  # who labels for the pseudo oracle
    confidence: float = 0.8  # probability below which the pseudo oracle gives no label
    patch: int = 8  # gt-patch oracle: side of a patch, pixels
    overlap: float = 0.25  # human oracle: share of an object inside the mask that makes it corrected
    noise_boundary: float = 0.0  # simulated people: share of the pixels beside a class boundary that flip across it
    noise_class: float = 0.0  # simulated people: share of the pieces that get a wrong class

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("confidence", "overlap", "noise_boundary", "noise_class"):
            require_share(name, getattr(self, name))
        require_count("patch", self.patch, high=10_000)
