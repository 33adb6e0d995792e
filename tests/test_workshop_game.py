"""Part 4: your recipe becomes picks, plays the game and is scored; prices, winners, and what is said of a recipe."""

import numpy as np
import pytest

from segxal.acquisition.settings import StrategyConfig
from segxal.acquisition.strategies.base import Learner
from segxal.apps.explore.game.play import autopilot, new_game
from segxal.apps.explore.game.state import YOU, Rules, asked_part
from segxal.apps.workshop import part4
from segxal.apps.workshop.checkpoints import RECIPES, SIZE, load_images
from segxal.data.splits import Splits
from segxal.models.settings import MaskConfig
from segxal.training.settings import TrainConfig

RULES = Rules(clicks=2, rounds=1, images=2, pieces=8, steps=1)


@pytest.fixture(scope="module")
def game(frames):
    import torch

    from segxal.models import build_model
    from segxal.models.settings import ModelConfig

    unet = build_model(ModelConfig(base=4, depth=2), 19, torch.Generator().manual_seed(3)).eval()
    train = TrainConfig(steps=1, cycle_steps=1, batch=2, evaluations=1, amp="off")
    mask = MaskConfig(depth="dataset")
    learner = Learner(unet, mask, StrategyConfig(), train, (0, 1), frames.labels[:2])
    return new_game(learner, Splits(frames, frames, frames), RULES)


def test_maps_are_named_as_they_are_explained_and_lie_in_0_1(game):
    maps = part4.maps_of(game)
    assert set(maps) == set(part4.MAPS)
    for values in (part for each in maps.values() for part in each.values()):
        assert values.shape == (32, 64) and 0 <= values.min() and values.max() <= 1
    assert all(set(each) == set(game.images) for each in maps.values())


def test_a_recipe_adds_maps_and_its_picks_are_the_highest(game):
    maps = part4.maps_of(game)
    mixed = part4.mixed(game, {"entropy": 2, "near": -1})
    for i in game.images:
        np.testing.assert_allclose(mixed[i], 2 * maps["entropy"][i] - maps["near"][i])
    first, second = game.images
    values = {first: np.zeros((32, 64)), second: (game.partitions[second] == 3).astype(float)}
    picks = part4.picks_of(game, values)
    assert picks[0] == (second, 3) and len(picks) == RULES.clicks == len(set(picks))
    inside = asked_part(game, picks[:1], second)
    assert (inside == (game.partitions[second] == 3)).all() and not asked_part(game, picks[:1], first).any()


@pytest.mark.parametrize("given", [..., None, {"no map": 1}])
def test_without_a_recipe_a_simulated_person_plays(game, given):
    assert part4.first_picks(game, given) == autopilot(game)


def test_a_recipe_plays_and_everybody_pays_the_same(game):
    played = part4.play(game, {"edge": 1})
    assert played.over and list(played.players[YOU].picks[0]) == part4.first_picks(game, {"edge": 1})
    board = part4.board(played)
    assert set(board["player"]) == set(played.players) and board["rank"].min() == 1
    assert set(board["clicks"]) == {RULES.clicks} and board["mIoU (%)"].is_monotonic_decreasing
    best = board[board["rank"] == 1]["player"]
    assert part4.winners([played, played]) == [", ".join(best)] * 2
    assert not game.players[YOU].picks, "the game before is not changed"


def test_prices_keep_to_the_clicks_or_are_the_least_there_is(game):
    prices = part4.price_table(game, ["random", "random-pixel", "entropy-superpixel"], 4).set_index("method")
    assert prices.loc["random", "images"] == 1 and prices.loc["random", "pixels"] == 32 * 64
    assert (prices.loc[["random-pixel", "entropy-superpixel"], "clicks"] <= 4).all()
    assert prices.loc["random-pixel", "pixels"] == prices.loc["random-pixel", "clicks"]


def test_the_workshops_game_starts_from_its_network_and_offers_other_images():
    opened = part4.open_game(Rules(images=2, pieces=16))
    learner = opened.players[YOU].learner
    assert learner.labelled == tuple(range(RECIPES["start"].images)) and not set(learner.labelled) & set(opened.images)
    assert learner.train.lr < RECIPES["start"].train.lr and tuple(opened.splits.test.images.shape[2:]) == SIZE
    assert (learner.labels == load_images("train", len(learner.labelled)).labels).all()


@pytest.mark.parametrize(
    ("given", "state", "word"),
    [
        ({"entropy": 1}, "right", "entropy x 1"),
        ({"near": -0.5, "rare": 2}, "right", "near x -0.5"),
        (..., "blank", "plays for you"),
        ({"entropy": ...}, "blank", "plays for you"),
        ({}, "not yet", "recipe such as"),
        ("entropy", "not yet", "the text 'entropy'"),
        (None, "not yet", "nothing"),
        ({"colour": 1}, "not yet", "colour"),
        ({"entropy": "much"}, "not yet", "no number"),
        ({"entropy": float("nan")}, "not yet", "no number"),
        ({"entropy": float("inf")}, "not yet", "no number"),
        ({"entropy": True}, "not yet", "no number"),
        ({"entropy": 0}, "not yet", "all 0"),
    ],
)
def test_what_is_said_of_a_recipe(given, state, word):
    verdict = part4.check_recipe(given)
    assert verdict.state == state and word in verdict.text


@pytest.mark.parametrize(
    ("given", "state", "word"),
    [
        (4 / 3, "right", "1.3"),
        (80, "not yet", "60"),
        (2 / 3, "not yet", "image"),
        (..., "blank", ""),
        ("1", "not yet", ""),
    ],
)
def test_minutes(given, state, word):
    verdict = part4.check_minutes(given, images=4, clicks=20)
    assert verdict.state == state and word in verdict.text


def test_one_game_concludes_nothing():
    assert part4.check_conclusion("cannot say").state == "right"
    assert "seed" in part4.check_conclusion("yes").text and "one game" in part4.check_conclusion("no").text
    assert part4.check_conclusion(...).state == "blank" and part4.check_conclusion(True).state == "not yet"
