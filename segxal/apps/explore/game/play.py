"""The labelling game: you, chance, entropy and SegXAL spend the same clicks, and real training keeps the score.

All players start from one network and the same annotated images. In a turn a player picks superpixels of the images on
offer, an oracle names the most frequent true class of each for one click, and the player's network is trained for a
few dozen steps on all it has been told. Whoever knows better where to look ends with the better network.

    game = new_game(learner, splits, Rules(clicks=20, rounds=3))
    game = play_round(game, autopilot(game))  # your picks, or the autopilot's
    standings(game)

A game is one seed of one small training: it shows how the thing works, not which strategy is better.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from segxal.acquisition.oracles.base import Annotation, check_annotation
from segxal.acquisition.oracles.superpixel import SuperpixelOracle
from segxal.acquisition.pool import random_subset
from segxal.acquisition.query import asks_about, predictions_of
from segxal.acquisition.strategies.base import Learner
from segxal.apps.explore.game.state import MACHINES, PLAYERS, YOU, Game, Pick, Player, Rules, asked_part
from segxal.core import seeds
from segxal.core.errors import ConfigError
from segxal.core.labels import VOID
from segxal.core.regions import regions_in, superpixels
from segxal.data.splits import Splits
from segxal.methods.purchase import Offer, Purchase, buy
from segxal.methods.retraining import retrained, score
from segxal.results.figures.view import picture


def new_game(learner: Learner, splits: Splits, rules: Rules | None = None) -> Game:
    """A game before its first round.

    Args:
        learner: the network all players start from, with the annotations it was trained on: of a finished cycle
            (:func:`segxal.methods.learner.learner_of`), or one that was loaded.
        splits: the data it was trained on; scores are of the test split.
        rules: how to play; the default rules if None.

    Raises:
        ConfigError: if fewer images are free than the rules need.
    """
    rules = rules or Rules()
    train = splits.train
    free = [i for i, known in enumerate(train.labelled) if known and i not in learner.labelled]
    if len(free) < rules.images:
        raise ConfigError(
            f"the rules offer {rules.images} images, but only {len(free)} of {len(train)} are free; lower images"
        )
    images = random_subset(free, rules.images / len(free), rules.images, seeds.rng(rules.seed, "game"))
    partitions = {i: superpixels(picture(train, i), rules.pieces) for i in images}
    learner = replace(learner, strategy=replace(learner.strategy, pieces=rules.pieces))
    start = Player(learner, (), (score(learner, splits.test),))
    return Game(rules, splits, partitions, dict.fromkeys(PLAYERS, start))


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
    picks = tuple(picks)  # what is recorded is what was trained on, whatever happens to a list meanwhile
    player = _checked(game, name, picks)
    answers = {game.splits.train.ids[i]: answer.labels for i, answer in answers_to(game, name, picks).items()}
    stream = seeds.generator(game.rules.seed, "game", player.rounds + 1)
    learner = retrained(player.learner, game.splits.train, game.splits.val, answers, game.rules.steps, stream)
    after = Player(learner, (*player.picks, picks), (*player.scores, score(learner, game.splits.test)))
    return replace(game, players={**game.players, name: after})


def play_round(game: Game, picks: Sequence[Pick]) -> Game:
    """A whole round: your turn, then every machine player's.

    Args:
        game: before the round.
        picks: yours; see :func:`autopilot` for a simulated person's.
    """
    game = turn(game, YOU, picks)
    for name in MACHINES:
        game = turn(game, name, machine_picks(game, name))
    return game


def machine_picks(game: Game, name: str) -> list[Pick]:
    """What a machine player asks for in its next turn: its strategy's own choice (:mod:`segxal.acquisition.query`)."""
    player, train = game.players[name], game.splits.train
    asked = np.zeros(tuple(train.labels.shape), dtype=bool)
    for index in game.images:
        asked[index] = asked_part(game, player.asked, index)
    offer = Offer(player.learner, train, game.images, asked, game.rules.seed, player.rounds + 1)
    return picks_in(buy(offer, MACHINES[name], game.rules.clicks, "clicks"))


def picks_in(purchase: Purchase) -> list[Pick]:
    """The superpixels of a purchase, image by image, best image first."""
    parts = [(one.index, one.query.partition) for one in purchase.asks]
    return [(index, int(region)) for index, part in parts if part is not None for region in regions_in(part)[0]]


def autopilot(game: Game, count: int | None = None) -> list[Pick]:
    """Picks of a simulated person, who sees what is wrong: the superpixels with the most wrongly predicted pixels.

    Like every simulated person it looks at the truth; ties go to the earlier image and superpixel.

    Args:
        game: before your turn.
        count: of picks; as many as a round has clicks if None.
    """
    train = game.splits.train
    errors: dict[Pick, int] = {}
    for index, prediction in predictions(game, YOU).items():
        truth, partition = train.labels[index].numpy(), game.partitions[index]
        wrong = (prediction != truth) & (truth != VOID)
        counts = np.bincount(partition.ravel(), wrong.ravel())
        errors |= {(index, region): int(count) for region, count in enumerate(counts)}
    free = [pick for pick in sorted(errors) if pick not in game.players[YOU].asked]
    return sorted(free, key=lambda pick: -errors[pick])[: count or game.rules.clicks]


def predictions(game: Game, name: str) -> dict[int, np.ndarray]:
    """(H, W) uint8 train ids that a player's network predicts for each image on offer."""
    return predictions_of(game.players[name].learner, game.splits.train, list(game.images))


def answers_to(game: Game, name: str, picks: Sequence[Pick]) -> dict[int, Annotation]:
    """What the oracle answers to picks: per image an ordinary annotation, one click for each superpixel."""
    train, oracle = game.splits.train, SuperpixelOracle()
    chosen = {
        index: (0.0, np.where(asked_part(game, picks, index), game.partitions[index], -1))
        for index in sorted({image for image, _ in picks})
    }
    queries = {one.index: one.query for one in asks_about(train, chosen, predictions(game, name))}
    return {i: check_annotation(oracle.annotate(query), query, len(train.classes)) for i, query in queries.items()}


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
            raise ConfigError(f"no superpixel {region} in image {index}; the images on offer are {list(game.images)}")
        if pick in player.asked or list(picks).count(pick) > 1:
            raise ConfigError(f"superpixel {region} of image {index} is asked for twice; ask for each once")
    return player
