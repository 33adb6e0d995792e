"""Part 4, who labels what: prices, the labelling game with a strategy of your own, and the checks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from segxal.acquisition.query import masks_of
from segxal.acquisition.strategies.base import Learner, region_scores
from segxal.apps.explore.game.play import autopilot, new_game, play_round
from segxal.apps.explore.game.state import YOU, Game, Pick, Rules, standings
from segxal.apps.workshop.answers import Verdict, blank, check_choice, check_number, kind_of
from segxal.apps.workshop.checkpoints import clear_bars, load_images, recipe_of
from segxal.apps.workshop.part1 import beside_boundary
from segxal.apps.workshop.seen import learner_of
from segxal.core.price import SECONDS_PER_CLICK, SECONDS_PER_IMAGE
from segxal.core.regions import regions_in
from segxal.data.splits import Splits
from segxal.methods.purchase import Offer, buy

COUNTS = (48, 4, 24)  # images of the game's splits
RATE, BATCH = 3e-3, 8  # of the trainings in the game: a dozen steps
MAPS = {
    "entropy": "how unsure the network is (EBU)",
    "attention": "what it looks at nearby (PAE)",
    "near": "1 in the nearer half of the image, less the farther a pixel is beyond it",
    "edge": "1 beside a border between predicted classes, 0 elsewhere",
    "rare": "1 where a class is predicted that few pixels are predicted as, 0 for the most frequent class",
    "chance": "a random number",
}


def open_game(rules: Rules) -> Game:
    """The labelling game with the workshop's network ``start`` and the images it has not seen."""
    train, val, test = (load_images(split, n) for split, n in zip(("train", "val", "test"), COUNTS, strict=True))
    splits = Splits(train, val, test)
    return new_game(start_learner(splits), splits, rules)


def start_learner(splits: Splits) -> Learner:
    """The network ``start`` with the images it was trained on; its masks take the exact depth."""
    recipe, learner = recipe_of("start"), learner_of("start", depth="dataset")
    labelled = tuple(range(recipe.images))
    labels = splits.train.labels[list(labelled)]
    return replace(learner, labelled=labelled, labels=labels, train=replace(recipe.train, lr=RATE, batch=BATCH))


def price_table(game: Game, methods: Sequence[str], clicks: int) -> pd.DataFrame:
    """What each method asks for on the images on offer when all may spend the same clicks.

    Returns:
        One row per method: what it costs in images, pixels, clicks and estimated minutes.
    """
    learner, train = game.players[YOU].learner, game.splits.train
    asked = np.zeros(tuple(train.labels.shape), dtype=bool)
    rows = []
    for method in methods:
        bought = buy(Offer(learner, train, game.images, asked, game.rules.seed), method, clicks, "clicks")
        rows.append((method, len(bought.asks), bought.pixels, bought.clicks, round(bought.minutes, 1)))
    return pd.DataFrame(rows, columns=["method", "images", "pixels", "clicks", "minutes"])


def maps_of(game: Game) -> dict[str, dict[int, np.ndarray]]:
    """What your network says about the images on offer: name of ``MAPS`` -> position -> (H, W) float in [0, 1]."""
    learner, train, images = game.players[YOU].learner, game.splits.train, list(game.images)
    masks = masks_of(learner, train, images)
    counts = torch.bincount(masks.prediction.flatten().long(), minlength=len(train.classes)).float()
    random = np.random.default_rng(game.rules.seed)
    found = {
        "entropy": masks.ebu, "attention": masks.pae, "near": masks.attention,
        "edge": beside_boundary(masks.prediction).float(),
        "rare": 1 - (counts / counts.max())[masks.prediction.long()],
        "chance": torch.from_numpy(random.random(tuple(masks.ebu.shape))),
    }  # fmt: skip
    return {name: dict(zip(images, part.double().numpy(), strict=True)) for name, part in found.items()}


def mixed(game: Game, recipe: Mapping[str, float]) -> dict[int, np.ndarray]:
    """Your map: the sum of maps, each times its weight; position -> (H, W)."""
    maps = maps_of(game)
    return {i: np.sum([w * maps[name][i] for name, w in recipe.items()], axis=0) for i in game.images}


def picks_of(game: Game, values: Mapping[int, np.ndarray]) -> list[Pick]:
    """The superpixels with the highest mean value that you have not asked for yet, as many as a round allows."""
    scored: list[tuple[float, Pick]] = []
    for index, partition in game.partitions.items():
        numbers = regions_in(partition)[0]
        scores = region_scores(values[index], partition, numbers, np.mean)
        scored += [(float(s), (index, int(n))) for s, n in zip(scores, numbers, strict=True)]
    free = [(score, pick) for score, pick in scored if pick not in game.players[YOU].asked]
    return [pick for _, pick in sorted(free, key=lambda one: -one[0])[: game.rules.clicks]]


def first_picks(game: Game, recipe: Any) -> list[Pick]:
    """What you ask for next: by your recipe or, as long as there is none, what a simulated person would click on."""
    return picks_of(game, mixed(game, recipe)) if check_recipe(recipe).state == "right" else autopilot(game)


def play(game: Game, recipe: Any) -> Game:
    """All rounds; you ask by your recipe, or, as long as there is no recipe, a simulated person asks for you.

    The simulated person sees the truth and clicks on the superpixels with the most wrong pixels.
    """
    for _ in tqdm(range(game.rules.rounds - game.round), desc="rounds", leave=False):
        game = play_round(game, first_picks(game, recipe))
    clear_bars()
    return game


def board(game: Game) -> pd.DataFrame:
    """The score board: rank, player, mIoU and gain in percent, clicks."""
    rows = [(s.rank, s.name, 100 * s.miou, 100 * s.gain, s.clicks) for s in standings(game)]
    return pd.DataFrame(rows, columns=["rank", "player", "mIoU (%)", "gain", "clicks"]).round(2)


def winners(games: Sequence[Game]) -> list[str]:
    """Who stands first in each game; level players are all named."""
    return [", ".join(s.name for s in standings(game) if s.rank == 1) for game in games]


def check_minutes(given: Any, images: int, clicks: int) -> Verdict:
    """Exercise 4.1: the estimated minutes of a query."""
    wanted = (clicks * SECONDS_PER_CLICK + images * SECONDS_PER_IMAGE) / 60
    return check_number(
        given, wanted, "minutes",
        f"{SECONDS_PER_CLICK:g} seconds per click and {SECONDS_PER_IMAGE:g} per image looked at, then minutes.",
        f"{wanted:.1f} minutes, of which {images * SECONDS_PER_IMAGE / 60:.1f} only to take in the images.",
        {
            "That is in seconds; divide by 60.": 60 * wanted,
            "The time to take in each image is missing.": clicks * SECONDS_PER_CLICK / 60,
        },
    )  # fmt: skip


def check_recipe(given: Any) -> Verdict:
    """Exercise 4.2: a strategy of your own, a weight for each map that it uses; there is no single right one."""
    names = ", ".join(MAPS)
    if blank(given) or (isinstance(given, dict) and any(blank(weight) for weight in given.values())):
        return Verdict("blank", "Until you write a recipe, a simulated person who sees the errors plays for you.")
    if not isinstance(given, dict) or not given:
        told = f'expected a recipe such as {{"entropy": 1, "near": 0.5}} with any of {names}'
        return Verdict("not yet", f"You gave {kind_of(given)}, {told}.")
    unknown = [str(name) for name in given if name not in MAPS]
    if unknown:
        return Verdict("not yet", f"You gave a recipe with {', '.join(unknown)}, expected any of {names}.")
    odd = [n for n, w in given.items() if isinstance(w, bool) or not isinstance(w, (int, float)) or not np.isfinite(w)]
    if odd or not any(given.values()):
        what = f"a weight of {odd[0]} that is no number" if odd else "weights that are all 0"
        return Verdict("not yet", f"You gave {what}, expected a number for each map, not all 0.")
    return Verdict("right", f"Your recipe plays: {', '.join(f'{name} x {w:g}' for name, w in given.items())}.")


def check_conclusion(given: Any) -> Verdict:
    """Exercise 4.3: does winning one game show that a strategy is the better one?"""
    return check_choice(
        given, "cannot say",
        {
            "yes": "The games above differ in nothing but the seed. Look at who wins each of them.",
            "no": "The winner may well be the better one; ask what one game can show.",
            "cannot say": "",
        },
        "One game is one seed of one small training. Part 5 says how many it takes.",
    )  # fmt: skip
