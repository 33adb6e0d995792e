"""The labelling game: rules, score board and determinism; the view plays what the engine plays."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from segxal.acquisition.oracles.superpixel import dominant_labels
from segxal.apps.explore.game import explorer as game_explorer
from segxal.apps.explore.game import play as engine
from segxal.apps.explore.game.board import asked_pictures, board_picture, layers_of, pick_at, score_chart, score_table
from segxal.apps.explore.game.explorer import GameView
from segxal.apps.explore.game.play import answers_to, autopilot, machine_picks, new_game, play_round, turn
from segxal.apps.explore.game.state import MACHINES, PLAYERS, YOU, Rules, standings
from segxal.apps.explore.picture import png
from segxal.core.errors import ConfigError
from segxal.core.labels import VOID
from segxal.methods.learner import learner_of
from segxal.methods.purchase import Offer, buy

RULES = Rules(clicks=4, rounds=2, images=4, pieces=8, steps=2)


@pytest.fixture(scope="module")
def game(tiny_run, tiny_splits):
    return new_game(learner_of(tiny_run[0], tiny_run[0].settings), tiny_splits, RULES)


@pytest.fixture(scope="module")
def played(game):
    return play_round(game, autopilot(game))


def with_scores(game, **scores):
    players = {name: replace(game.players[name], scores=(0.1, score)) for name, score in scores.items()}
    return replace(game, players=players)


def test_the_ranking_of_constructed_scores(game):
    board = standings(with_scores(game, you=0.3, random=0.1, entropy=0.3, SegXAL=0.4))
    assert [(one.rank, one.name) for one in board] == [(1, "SegXAL"), (2, "you"), (2, "entropy"), (4, "random")]
    assert [one.gain for one in board] == pytest.approx([0.3, 0.2, 0.2, 0.0])


def test_a_new_game_is_even_and_shows_nothing_annotated(game, tiny_run, tiny_splits):
    learner = learner_of(tiny_run[0], tiny_run[0].settings)
    assert tuple(game.players) == PLAYERS and game.round == 0 and not game.over
    assert len({player.scores for player in game.players.values()}) == 1
    assert len(game.images) == 4 and set(game.images).isdisjoint(learner.labelled)
    assert [one.rank for one in standings(game)] == [1, 1, 1, 1]


def test_a_click_buys_the_most_frequent_true_class(game):
    picks = autopilot(game)
    answers = answers_to(game, YOU, picks)
    assert sum(answer.clicks for answer in answers.values()) == len(picks) == 4
    for index, answer in answers.items():
        inside = np.isin(game.partitions[index], [region for image, region in picks if image == index])
        dominant = dominant_labels(game.splits.train.labels[index].numpy(), game.partitions[index])
        assert np.array_equal(answer.labels, np.where(inside, dominant, VOID))


@pytest.mark.parametrize("name", MACHINES)
def test_the_machines_ask_what_their_strategy_asks(game, name):
    learner = game.players[name].learner
    asked = np.zeros(tuple(game.splits.train.labels.shape), dtype=bool)
    bought = buy(Offer(learner, game.splits.train, game.images, asked, 0, 1), MACHINES[name], 4, "clicks")
    picks = machine_picks(game, name)
    assert len(set(picks)) == 4
    for one in bought.asks:
        regions = [region for index, region in picks if index == one.index]
        assert np.array_equal(np.isin(game.partitions[one.index], regions), one.query.asked)


def test_a_round_spends_the_same_clicks_and_changes_every_network(game, played):
    assert played.round == 1 and {player.clicks for player in played.players.values()} == {4}
    start = game.players[YOU].learner.model.state_dict()
    for player in played.players.values():
        assert len(player.scores) == 2
        assert any(not torch.equal(value, start[name]) for name, value in player.learner.model.state_dict().items())
    assert game.round == 0 and not game.players[YOU].picks, "the game before is left alone"


def test_the_same_seed_and_picks_give_the_same_game(game, played):
    again = play_round(game, autopilot(game))
    assert [player.scores for player in again.players.values()] == [p.scores for p in played.players.values()]
    assert [player.picks for player in again.players.values()] == [p.picks for p in played.players.values()]


def test_equal_picks_give_equal_scores(game):
    picks = autopilot(game)
    assert turn(game, YOU, picks).players[YOU].scores == turn(game, "random", picks).players["random"].scores


def test_a_turn_records_the_picks_it_was_made_with(game, monkeypatch):
    picks = autopilot(game, 2)

    def retrained(learner, *_):
        picks.append((game.images[0], 0))
        return learner

    monkeypatch.setattr(engine, "retrained", retrained)
    assert turn(game, YOU, picks).players[YOU].clicks == 2


def test_the_chart_has_room_for_all_rounds(game, played):
    for one in (game, played):
        (axes,) = score_chart(one).axes
        assert list(axes.get_xticks()) == [0, 4, 8] and -1 < axes.get_xlim()[0] < 0 and 8 < axes.get_xlim()[1] < 9


def test_nothing_is_asked_for_twice_over_the_rounds(played):
    for name in PLAYERS:
        picks = autopilot(played) if name == YOU else machine_picks(played, name)
        assert len(picks) == 4 and played.players[name].asked.isdisjoint(picks)


def test_moves_against_the_rules_are_refused(game, played):
    picks = autopilot(game)
    image = game.images[0]
    cases = [
        (game, YOU, [*picks, (image, 0)], "5 picks; a round is 1 to 4 clicks"),
        (game, YOU, [], "0 picks"),
        (game, YOU, [picks[0], picks[0]], "asked for twice"),
        (game, YOU, [(image, 999)], "no superpixel 999"),
        (game, YOU, [(-1, 0)], "no superpixel 0 in image -1"),
        (game, "nobody", picks, "no player 'nobody'"),
        (played, YOU, [played.players[YOU].picks[0][0]], "asked for twice"),
        (turn(game, YOU, picks), YOU, autopilot(turn(game, YOU, picks)), "the others have not"),
        (replace(played, rules=replace(RULES, rounds=1)), YOU, picks, "the game is over"),
    ]
    for before, name, moves, words in cases:
        with pytest.raises(ConfigError, match=words):
            turn(before, name, moves)


def test_rules_that_make_no_game_are_refused(game, tiny_run, tiny_splits):
    with pytest.raises(ConfigError, match="clicks = 0"):
        Rules(clicks=0)
    with pytest.raises(ConfigError, match="99 images, but only"):
        new_game(game.players[YOU].learner, tiny_splits, Rules(images=99))


def test_every_pixel_of_the_board_is_the_superpixel_it_shows(game):
    layers = layers_of(game)
    board = board_picture(game, layers["image"], [], (game.images[0], 0), width=64)
    seen = {pick_at(game, row, column, 64) for row in range(0, board.shape[0], 2) for column in range(board.shape[1])}
    everything = {(i, int(region)) for i, partition in game.partitions.items() for region in np.unique(partition)}
    assert seen - {None} == everything and None in seen
    assert pick_at(game, 3, 5, 64) == (game.images[0], int(game.partitions[game.images[0]][1, 2]))
    with pytest.raises(ConfigError, match="round 1 is not played yet"):
        asked_pictures(game, 1)


@pytest.fixture
def view(game):
    return GameView(game)


def test_a_click_picks_and_a_second_takes_back(view, game):
    empty = view.board.value
    view.pointer.pixel = [4, 4]
    assert view.picks == [pick_at(game, 4, 4)] and "3 clicks left" in view.status.value and view.board.value != empty
    view.pointer.pixel = [4, 4]
    assert view.picks == [] and view.board.value == png(
        board_picture(game, layers_of(game)["image"], [], pick_at(game, 4, 4))
    )


def test_the_budget_is_kept_and_said(view):
    view.buttons["autopilot"].click()
    assert view.picks == autopilot(view.game)
    left = next((i, r) for i in view.game.images for r in range(3) if (i, r) not in view.picks)
    view.pick(left)
    assert left not in view.picks and "all 4 clicks of this round are spent" in view.message.value
    view.buttons["undo"].click()
    view.pick(left)
    assert view.picks[-1] == left


def test_the_keyboard_picks_what_the_cursor_points_at(view, game):
    view.image.value = game.images[2]
    view.region.value = 1
    view.buttons["pick"].click()
    assert view.picks == [(game.images[2], 1)]


def test_playing_is_what_the_engine_plays(view, played):
    assert view.buttons["play"].disabled
    view.buttons["autopilot"].click()
    view.buttons["play"].click()
    scores = {name: player.scores for name, player in view.game.players.items()}
    assert scores == {name: player.scores for name, player in played.players.items()}
    assert view.scores.value == score_table(played) and view.picks == []
    assert view.asked.value == png(asked_pictures(played, 1))
    asked = view.game.players[YOU].picks[0][0]
    view.pick(asked)
    assert "you asked for this one before" in view.message.value
    view.fill()
    view.play()
    assert view.game.over and "Best:" in view.message.value and view.buttons["play"].disabled


def test_nothing_is_heard_while_networks_are_trained(view, monkeypatch):
    seen = []

    def pressed(game, name, picks):
        for button in view.buttons.values():
            assert button.disabled
            button.click()
        view.pointer.pixel = [4, 4]
        assert view.layer.disabled and view.region.disabled
        seen.append((name, list(picks)))
        if name != YOU:
            raise ConfigError("enough")
        return turn(game, name, picks)

    view.fill()
    view.undo()
    picks = list(view.picks)
    monkeypatch.setattr(game_explorer, "turn", pressed)
    view.buttons["play"].click()
    assert not seen and "1 of 4 clicks are unspent" in view.message.value, "who has clicks left is told first"
    view.buttons["play"].click()
    assert [name for name, _ in seen] == [YOU, "random"] and seen[0][1] == picks == view.picks
    assert view.game.players[YOU].clicks == 3 and "enough" in view.message.value
    assert view.pointer.listening and not view.layer.disabled and not view.buttons["play"].disabled


def test_other_picks_with_clicks_left_are_asked_about_again(view, game):
    view.pick((game.images[0], 0))
    view.buttons["play"].click()
    view.pick((game.images[0], 1))
    assert "unspent" not in view.message.value
    view.buttons["play"].click()
    assert "2 of 4 clicks are unspent" in view.message.value and view.game is game


@pytest.mark.parametrize("number", [99999, -3])
def test_a_number_that_no_superpixel_has_picks_nothing(view, game, number):
    view.region.value = number
    said = f"no superpixel {number} in this image; choose one of 0.."
    view.buttons["pick"].click()
    assert said in view.message.value and view.picks == []
    view.pick((game.images[0], number))
    assert said in view.message.value and view.picks == []
    view.region.value = 1
    view.buttons["pick"].click()
    assert view.picks == [(game.images[0], 1)] and said not in view.message.value


def test_there_is_no_picture_before_there_is_a_result(view):
    assert (view.asked.layout.display, view.key.layout.display, view.chart.layout.display) == ("none", "none", None)
    view.layer.value = "EEM"
    assert view.key.layout.display is None
