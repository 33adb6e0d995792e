"""A person's corrections: price, undo, ordinary annotations; the view does what the pure functions say."""

import itertools

import numpy as np
import pytest

from segxal.acquisition.oracles.base import Query, check_annotation
from segxal.acquisition.oracles.superpixel import SuperpixelOracle, dominant_labels
from segxal.apps.explore.annotator import explorer
from segxal.apps.explore.annotator.corrections import Corrections, corrections_of, lesson
from segxal.apps.explore.annotator.explorer import Annotator, labels_picture, mask_view
from segxal.apps.explore.picture import png
from segxal.core import seeds
from segxal.core.errors import AnnotationError, ConfigError
from segxal.core.labels import CAMVID, VOID
from segxal.methods.annotations import merge
from segxal.methods.learner import learner_of
from segxal.methods.retraining import retrained, score

ROAD, CAR = CAMVID.index("road"), CAMVID.index("car")


@pytest.fixture
def given():
    """Four superpixels of 2x2 pixels in an image of 4x4, predicted as road; suspicion grows with the number."""
    partition = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]], dtype=np.int32)
    truth = np.where(partition == 3, CAR, ROAD).astype(np.uint8)
    query = Query(
        "street", np.zeros((3, 4, 4), np.uint8), np.full((4, 4), ROAD, np.uint8), np.ones((4, 4), bool),
        truth, partition / 4, partition,
    )  # fmt: skip
    return Corrections(query, CAMVID)


def test_the_price_of_a_click_sequence(given):
    assert given.clicks == 0 and given.annotation().pixels == 0
    once = given.relabelled(3, CAR).relabelled(0, ROAD)
    assert (once.clicks, once.annotation().pixels) == (2, 8)
    again = once.relabelled(3, ROAD)
    assert (again.clicks, again.annotation().clicks) == (2, 2), "to think again costs nothing"
    assert again.answers == {3: ROAD, 0: ROAD}


def test_labels_by_hand(given):
    answered = given.relabelled(3, CAR).relabelled(1, VOID)
    answer = answered.annotation()
    assert (answer.labels[2:, 2:] == CAR).all() and (answer.labels != VOID).sum() == 4
    assert answer.undecided[:2, 2:].all() and answer.undecided.sum() == 4 and answer.pixels == 8
    assert (answered.corrected[:2, 2:] == VOID).all() and (answered.corrected[2:, :2] == ROAD).all()


def test_undo_restores_the_bytes(given):
    states = [given, given.relabelled(3, CAR)]
    states.append(states[-1].relabelled(3, VOID))
    states.append(states[-1].relabelled(0, CAR))
    for before, after in itertools.pairwise(states):
        assert after.undone() == before
        for part in ("labels", "answered", "corrected"):
            assert getattr(after.undone(), part).tobytes() == getattr(before, part).tobytes()
    with pytest.raises(AnnotationError, match="nothing to undo in street"):
        given.undone()


def test_a_person_who_knows_gives_the_superpixel_oracles_answer(given):
    expected = SuperpixelOracle().annotate(given.query)
    dominant = dominant_labels(given.query.truth, given.partition)
    told = given
    for region in range(4):
        told = told.relabelled(region, int(dominant[told.partition == region][0]))
    answer = check_annotation(told.annotation(), given.query, len(CAMVID))
    assert np.array_equal(answer.labels, expected.labels) and np.array_equal(answer.undecided, expected.undecided)
    assert (answer.pixels, answer.clicks) == (expected.pixels, expected.clicks) == (16, 4)


def test_answers_merge_like_all_others(given):
    old = {"street": np.full((4, 4), ROAD, np.uint8)}
    merged = merge(old, {"street": given.relabelled(3, CAR).labels})
    assert np.array_equal(merged["street"], given.query.truth)


def test_the_most_suspicious_comes_first(given):
    assert given.suspicious() == [3, 2, 1, 0]
    assert given.relabelled(2, ROAD).suspicious() == [3, 1, 0]


@pytest.mark.parametrize(
    ("region", "category", "words"), [(4, 0, "no superpixel 4; choose one of 0..3"), (0, 11, "11 is not a class")]
)
def test_what_is_no_answer_is_refused(given, region, category, words):
    with pytest.raises(AnnotationError, match=words):
        given.relabelled(region, category)


@pytest.fixture(scope="module")
def learner(tiny_run, tiny_splits):
    return learner_of(tiny_run[0], tiny_run[0].settings)


def test_a_lesson_trains_a_copy_and_is_the_same_twice(learner, tiny_splits):
    fresh = next(i for i in range(12) if i not in learner.labelled)
    told = corrections_of(learner, tiny_splits.train, fresh, 8)
    with pytest.raises(AnnotationError, match="has a class yet"):
        lesson(learner, tiny_splits, told.relabelled(0, VOID), 2, 0)
    for region in range(3):
        told = told.relabelled(region, region)
    before = {name: value.clone() for name, value in learner.model.state_dict().items()}
    first, second = (lesson(learner, tiny_splits, told, 3, 0) for _ in range(2))
    assert all((value == before[name]).all() for name, value in learner.model.state_dict().items())
    assert np.array_equal(first.after, second.after) and first.miou == second.miou
    bare = retrained(learner, tiny_splits.train, tiny_splits.val, {}, 3, seeds.generator(0, "lesson"))
    assert first.without == score(bare, tiny_splits.test), "what the steps alone bring"
    assert np.array_equal(first.before, told.query.prediction)


@pytest.mark.parametrize(
    ("answers", "steps", "words"), [({"nowhere": None}, 3, "answer for nowhere"), ({}, 0, "0 steps")]
)
def test_what_cannot_be_trained_on_is_refused(learner, tiny_splits, answers, steps, words):
    with pytest.raises(ConfigError, match=words):
        retrained(learner, tiny_splits.train, tiny_splits.val, answers, steps, seeds.generator(0, "lesson"))


@pytest.fixture
def view(learner, tiny_splits):
    ticks = itertools.count(100)
    return Annotator(learner, tiny_splits, pieces=8, steps=2, clock=lambda: float(next(ticks)))


def test_a_click_does_what_the_pure_function_says(view):
    start, before = view.given, view.labels.value
    view.category.value = 5
    view.pointer.pixel = [3, 20]
    region = int(start.partition[3, 20])
    assert view.given == start.relabelled(region, 5)
    assert view.labels.value == png(labels_picture(start.relabelled(region, 5), region, 0.5)) != before
    assert view.mask.value == png(mask_view(view.given, region))
    assert view.region.value == region and "<b>1 click</b> for 1 superpixel," in view.status.value


def test_a_second_click_on_the_same_pixel_counts(view):
    view.pointer.pixel = [3, 20]
    view.category.value = 7
    view.pointer.pixel = [3, 20]
    assert [category for _, category in view.given.acts] == [0, 7]


def test_the_keyboard_reaches_what_the_pointer_reaches(view):
    before = view.labels.value
    view.region.value, view.category.value = 2, 10
    view.buttons["relabel"].click()
    assert view.given.acts == ((2, 10),)
    view.buttons["next"].click()
    assert view.region.value == view.given.suspicious()[0]
    view.region.value = 2
    view.buttons["undo"].click()
    assert view.given.acts == () and view.buttons["undo"].disabled
    view.region.value = view.given.suspicious()[0]
    assert view.labels.value == before


def test_the_time_runs_from_the_first_answer_to_the_last(view):
    assert view.annotation.lead_time == 0
    for region in range(3):
        view.relabel(region)
    assert view.annotation.lead_time == 2 and view.annotation.clicks == 3


def test_retraining_shows_the_change_and_refuses_without_an_answer(view):
    view.buttons["retrain"].click()
    assert "has a class yet" in view.message.value and view.learnt is None
    view.relabel(1)
    view.buttons["retrain"].click()
    assert view.message.value == "" and "After 2 steps: mIoU on the test split" in view.result.value
    assert bytes(view.change.value).startswith(b"\x89PNG") and view.learnt is not None


def test_nothing_is_heard_while_a_network_is_trained(view, monkeypatch):
    def pressed(*given):
        for button in view.buttons.values():
            button.click()
        view.pointer.pixel = [3, 20]
        assert view.category.disabled and not view.pointer.listening and "Training for 2 steps" in view.result.value
        raise AnnotationError("no lesson today")

    view.relabel(1)
    before = view.given
    monkeypatch.setattr(explorer, "lesson", pressed)
    view.buttons["retrain"].click()
    assert view.given is before and "no lesson today" in view.message.value and view.result.value == ""
    assert view.pointer.listening and not view.category.disabled and not view.buttons["undo"].disabled


@pytest.mark.parametrize("number", [99999, -3])
def test_a_number_that_no_superpixel_has_relabels_nothing(view, number):
    view.region.value = number
    view.buttons["relabel"].click()
    assert not view.given.acts and f"no superpixel {number}; choose one of 0.." in view.status.value


def test_there_is_no_picture_before_there_is_a_result(view):
    assert view.change.layout.display == "none"
    view.relabel(1)
    view.retrain()
    assert view.change.layout.display is None


def test_an_image_that_is_not_there_is_refused(learner, tiny_splits):
    with pytest.raises(ConfigError, match="no image"):
        Annotator(learner, tiny_splits, "nowhere")
