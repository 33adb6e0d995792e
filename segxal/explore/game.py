"""The labelling game: you, chance, entropy and SegXAL spend the same clicks, and real training keeps the score.

All players start from one network and the same annotated images. In a turn a player picks superpixels of the images on
offer, an oracle names the most frequent true class of each for one click, and the player's network is trained for a
few dozen steps on all it has been told. Whoever knows better where to look has the better network in the end.

    game = new_game(learner, splits, Rules(clicks=20, rounds=3))
    game = play_round(game, autopilot(game))  # your picks, or the autopilot's
    standings(game)

A game is one seed of one small training: it shows how the thing works, not which strategy is better.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from segxal import seeds
from segxal.data.splits import Splits
from segxal.errors import ConfigError
from segxal.explore.purchase import Offer, Purchase, buy
from segxal.explore.teach import taught
from segxal.figures.view import picture
from segxal.labels import VOID
from segxal.oracles.base import Annotation, Query, check_annotation
from segxal.oracles.superpixel import SuperpixelOracle
from segxal.pool import random_subset
from segxal.predict import evaluate, predict
from segxal.regions import regions_in, superpixels
from segxal.strategies.base import Learner

YOU = "you"
RIVALS = {  # what asks for each machine player
    "random": "random-superpixel",
    "entropy": "entropy-superpixel",
    "SegXAL": "eem-superpixel",
}
PLAYERS = (YOU, *RIVALS)

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


def new_game(learner: Learner, splits: Splits, rules: Rules | None = None) -> Game:
    """A game before its first round.

    Args:
        learner: the network all players start from, with the annotations it was trained on: of a finished cycle
            (:func:`segxal.checks.learner_of`), or one that was loaded.
        splits: the data it was trained on; scores are of the test split.
        rules: how to play; the default rules if None.

    Raises:
        ConfigError: if fewer images than the rules want are free.
    """
    rules = rules or Rules()
    train = splits.train
    free = [i for i, known in enumerate(train.labelled) if known and i not in learner.labelled]
    if len(free) < rules.images:
        raise ConfigError(
            f"{rules.images} images are to be on offer, {len(free)} of {len(train)} are not annotated; lower images"
        )
    images = random_subset(free, rules.images / len(free), rules.images, seeds.rng(rules.seed, "game"))
    partitions = {i: superpixels(picture(train, i), rules.pieces) for i in images}
    learner = replace(learner, loop=replace(learner.loop, pieces=rules.pieces))
    start = Player(learner, (), (score(learner, splits),))
    return Game(rules, splits, partitions, dict.fromkeys(PLAYERS, start))


def score(learner: Learner, splits: Splits) -> float:
    """mIoU of a network on the test split, 0 to 1."""
    return evaluate(learner.model, splits.test, learner.amp).confusion.miou


def turn(game: Game, name: str, picks: Sequence[Pick]) -> Game:
    """One player's turn: the picks are answered, the player's network is trained on them and scored.

    Every player's training of a round draws from the same stream, so that what differs is what was asked for.

    Args:
        game: before the turn.
        name: of the player.
        picks: superpixels to ask for, at most ``rules.clicks``.

    Raises:
        ConfigError: if the picks are against the rules, or it is not this player's turn.
    """
    player = _checked(game, name, picks)
    answers = {game.splits.train.ids[i]: answer.labels for i, answer in answers_to(game, name, picks).items()}
    stream = seeds.generator(game.rules.seed, "game", player.rounds + 1)
    learner = taught(player.learner, game.splits.train, game.splits.val, answers, game.rules.steps, stream)
    after = Player(learner, (*player.picks, tuple(picks)), (*player.scores, score(learner, game.splits)))
    return replace(game, players={**game.players, name: after})


def play_round(game: Game, picks: Sequence[Pick]) -> Game:
    """A whole round: your turn, then every machine's.

    Args:
        game: before the round.
        picks: yours; see :func:`autopilot` for a simulated person's.
    """
    game = turn(game, YOU, picks)
    for name in RIVALS:
        game = turn(game, name, rival_picks(game, name))
    return game


def rival_picks(game: Game, name: str) -> list[Pick]:
    """What a machine player asks for in its next turn: its strategy's own choice (:mod:`segxal.query`)."""
    player, train = game.players[name], game.splits.train
    asked = np.zeros(tuple(train.labels.shape), dtype=bool)
    for index, region in player.asked:
        asked[index] |= game.partitions[index] == region
    offer = Offer(player.learner, train, game.images, asked, game.rules.seed, player.rounds + 1)
    return asked_for(buy(offer, RIVALS[name], game.rules.clicks, "clicks"))


def asked_for(purchase: Purchase) -> list[Pick]:
    """The superpixels of a purchase, image by image, best image first."""
    parts = [(one.index, one.query.partition) for one in purchase.asks]
    return [(index, int(region)) for index, part in parts if part is not None for region in regions_in(part)[0]]


def autopilot(game: Game) -> list[Pick]:
    """Picks of a simulated person, who sees what is wrong: the superpixels with the most wrongly predicted pixels.

    Like every simulated person it looks at the truth; ties go to the earlier image and superpixel.
    """
    train = game.splits.train
    errors: dict[Pick, int] = {}
    for index, prediction in predictions(game, YOU).items():
        truth, partition = train.labels[index].numpy(), game.partitions[index]
        wrong = (prediction != truth) & (truth != VOID)
        counts = np.bincount(partition.ravel(), wrong.ravel())
        errors |= {(index, region): int(count) for region, count in enumerate(counts)}
    free = [pick for pick in sorted(errors) if pick not in game.players[YOU].asked]
    return sorted(free, key=lambda pick: -errors[pick])[: game.rules.clicks]


def predictions(game: Game, name: str) -> dict[int, np.ndarray]:
    """(H, W) uint8 train ids that a player's network predicts for each image on offer."""
    learner, images = game.players[name].learner, list(game.images)
    parts = predict(learner.model, game.splits.train.images[images], learner.amp)
    found = [labels for probs in parts for labels in probs.argmax(1).to(torch.uint8).cpu().numpy()]
    return dict(zip(images, found, strict=True))


def answers_to(game: Game, name: str, picks: Sequence[Pick]) -> dict[int, Annotation]:
    """What the oracle answers to picks: per image an ordinary annotation, one click for each superpixel."""
    train, seen, answers = game.splits.train, predictions(game, name), {}
    for index in sorted({image for image, _ in picks}):
        regions = [region for image, region in picks if image == index]
        inside = np.isin(game.partitions[index], regions)
        query = Query(
            train.ids[index], train.images[index].numpy(), seen[index], inside.astype(float), inside,
            train.labels[index].numpy(), np.where(inside, game.partitions[index], -1),
        )  # fmt: skip
        answers[index] = check_annotation(SuperpixelOracle().annotate(query), query, len(train.classes))
    return answers


def standings(game: Game) -> list[Standing]:
    """The score board, best player first; players of equal score share a rank and stand in their usual order."""
    latest = {name: player.scores[-1] for name, player in game.players.items()}
    order = sorted(latest, key=lambda name: -latest[name])
    return [
        Standing(
            1 + sum(score > latest[name] for score in latest.values()), name, latest[name],
            latest[name] - game.players[name].scores[0], game.players[name].clicks,
        )
        for name in order
    ]  # fmt: skip


def _checked(game: Game, name: str, picks: Sequence[Pick]) -> Player:
    """The player, if it is the player's turn and the picks keep to the rules."""
    if name not in game.players:
        raise ConfigError(f"no player {name!r}; choose one of {', '.join(game.players)}")
    player, clicks = game.players[name], game.rules.clicks
    if game.over or player.rounds > game.round:
        when = "the game is over" if game.over else f"{name} has played round {player.rounds} and the others have not"
        raise ConfigError(f"{when}; start a new game or let the others play")
    if not 1 <= len(picks) <= clicks:
        raise ConfigError(f"{len(picks)} picks; a round is 1 to {clicks} clicks")
    for pick in picks:
        index, region = pick
        if index not in game.partitions or not 0 <= region <= game.partitions[index].max():
            raise ConfigError(f"no superpixel {region} in image {index}; on offer are images {list(game.images)}")
        if pick in player.asked or list(picks).count(pick) > 1:
            raise ConfigError(f"superpixel {region} of image {index} is asked for twice; each is answered once")
    return player
