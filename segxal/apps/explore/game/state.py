"""What a labelling game is made of: rules, players, one moment of it, and the score board."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from segxal.acquisition.strategies.base import Learner
from segxal.core.errors import ConfigError
from segxal.data.splits import Splits

YOU = "you"
MACHINES = {  # what asks for each machine player
    "random": "random-superpixel",
    "entropy": "entropy-superpixel",
    "SegXAL": "eem-superpixel",
}
PLAYERS = (YOU, *MACHINES)

Pick = tuple[int, int]  # position of an image in the training split, number of a superpixel in it


@dataclass(frozen=True)
class Rules:
    """How a game is played; the same rules, seed, network and picks give the same game.

    Attributes:
        clicks: superpixels each player may ask for in a round.
        rounds: rounds of the game.
        images: images on offer, drawn at random from those nobody has annotated.
        pieces: superpixels an image is cut into, about.
        steps: optimiser steps of a player's training in each round.
        seed: of the draw of images, of chance's picks and of every training.
    """

    clicks: int = 20
    rounds: int = 3
    images: int = 6
    pieces: int = 64
    steps: int = 30
    seed: int = 0

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("clicks", "rounds", "images", "pieces", "steps"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} = {getattr(self, name)}; a game needs at least 1")
        if self.seed < 0:
            raise ConfigError(f"seed = {self.seed}; a seed is 0 or larger")


@dataclass(frozen=True)
class Player:
    """Where one player stands.

    Attributes:
        learner: the player's network, with everything it was told.
        picks: the superpixels asked for, round by round.
        scores: mIoU (0 to 1) on the test split, before the first round and after each.
    """

    learner: Learner
    picks: tuple[tuple[Pick, ...], ...]
    scores: tuple[float, ...]

    @property
    def rounds(self) -> int:
        """Rounds played."""
        return len(self.picks)

    @property
    def clicks(self) -> int:
        """Clicks spent."""
        return sum(len(picks) for picks in self.picks)

    @property
    def asked(self) -> set[Pick]:
        """Every superpixel asked for so far."""
        return {pick for picks in self.picks for pick in picks}


@dataclass(frozen=True)
class Game:
    """A game at one moment; every turn gives a new one.

    Attributes:
        rules: how it is played.
        splits: the data; the network is taught with the training split and scored on the test split.
        partitions: per image on offer (H, W) int32 numbers of its superpixels.
        players: per name where the player stands, ``you`` first.
    """

    rules: Rules
    splits: Splits
    partitions: Mapping[int, np.ndarray]
    players: Mapping[str, Player]

    @property
    def images(self) -> tuple[int, ...]:
        """Positions of the images on offer."""
        return tuple(self.partitions)

    @property
    def round(self) -> int:
        """Rounds that every player has played."""
        return min(player.rounds for player in self.players.values())

    @property
    def over(self) -> bool:
        """Whether all rounds are played."""
        return self.round == self.rules.rounds


def asked_part(game: Game, picks: Collection[Pick], index: int) -> np.ndarray:
    """The picked superpixels of one image, (H, W) bool."""
    return np.isin(game.partitions[index], [region for image, region in picks if image == index])


@dataclass(frozen=True)
class Standing:
    """One line of the score board.

    Attributes:
        rank: 1 is best; equal scores share a rank.
        name: of the player.
        miou: mIoU now, 0 to 1.
        gain: how much it rose since the start.
        clicks: clicks spent.
    """

    rank: int
    name: str
    miou: float
    gain: float
    clicks: int


def standings(game: Game) -> list[Standing]:
    """The score board, best player first; players of equal score share a rank and keep their usual order."""
    latest = {name: player.scores[-1] for name, player in game.players.items()}
    order = sorted(latest, key=lambda name: -latest[name])
    return [
        Standing(
            1 + sum(score > latest[name] for score in latest.values()), name, latest[name],
            latest[name] - game.players[name].scores[0], game.players[name].clicks,
        )
        for name in order
    ]  # fmt: skip
