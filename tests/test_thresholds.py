"""Thresholds of doubt against sorting, the rules of ESL and BDL, and who may overwrite whose labels."""

import numpy as np
import pytest

from segxal.core.errors import ConfigError, ShapeError
from segxal.core.label_store import MACHINE, NOBODY, PEOPLE, LabelStore
from segxal.core.thresholds import HIGH, class_thresholds, kept


def pool(seed=0, images=6, classes=4):
    """Predictions and doubts of some images, in batches of two; class 3 is never predicted."""
    rng = np.random.default_rng(seed)
    prediction = rng.integers(0, classes - 1, (images, 9, 11)).astype(np.uint8)
    doubt = rng.random((images, 9, 11), dtype=np.float32) ** 3
    prediction[0, 0] = 255
    return prediction, doubt, lambda: ((prediction[i : i + 2], doubt[i : i + 2]) for i in range(0, images, 2))


def by_sorting(prediction, doubt, category, share, floor):
    """Another way: the element at index round(share n) of the sorted doubts (ESL's line)."""
    values = np.sort(doubt[prediction == category])
    return max(values[min(round(share * len(values)), len(values) - 1)], np.float32(floor)) if len(values) else floor


@pytest.mark.parametrize("share", [0, 0.3, 0.5, 1])
@pytest.mark.parametrize("floor", [0, 0.1, 0.9])
def test_exact_thresholds_are_those_of_sorting(share, floor):
    prediction, doubt, stream = pool()
    found = class_thresholds(stream, 4, share, floor)
    for category in range(4):
        assert found[category] == np.float32(by_sorting(prediction, doubt, category, share, floor))


def test_thresholds_by_histogram_are_at_most_one_bucket_too_high():
    _, _, stream = pool(1, images=30)
    exact = class_thresholds(stream, 4, 0.5, 0)
    rough = class_thresholds(stream, 4, 0.5, 0, exact=False)
    assert (rough >= exact).all() and (rough <= exact * (1 + 1 / 128) + 1e-12).all()
    assert ((rough.view(np.uint32) >> 16) == (exact.view(np.uint32) >> 16)).all(), "the same bucket"


@pytest.mark.parametrize("exact", [True, False])
def test_at_least_the_share_of_every_class_is_kept_and_all_of_little_doubt(exact):
    prediction, doubt, stream = pool(2)
    labels = kept(prediction, doubt, class_thresholds(stream, 4, 0.5, 0.1, exact))
    for category in range(3):
        assert (labels == category).sum() >= 0.5 * (prediction == category).sum()
    assert (labels != 255)[(doubt <= 0.1) & (prediction != 255)].all()
    assert set(np.unique(labels)) == {0, 1, 2, 255} and (labels[prediction == 255] == 255).all()
    assert (labels == prediction)[labels != 255].all()


def test_bdl_is_the_same_rule_with_one_minus_the_largest_probability():
    prediction, doubt, _ = pool(3)
    confidence = 1 - doubt.astype(np.float64)
    found = class_thresholds(lambda: [(prediction, 1 - confidence)], 4, 0.5, 0.1)
    for category in range(3):
        values = np.sort(confidence[prediction == category])[::-1]
        tau = min(values[min(round(0.5 * len(values)), len(values) - 1)], 0.9)
        mine = kept(prediction, 1 - confidence, found)
        theirs = (prediction == category) & (confidence >= tau - 1e-7)
        assert ((mine == category) == theirs).all()


def test_the_order_of_the_images_and_the_batches_plays_no_part():
    prediction, doubt, stream = pool(4)
    other = [(prediction[::-1], doubt[::-1])]
    assert (class_thresholds(stream, 4, 0.4, 0.05) == class_thresholds(lambda: other, 4, 0.4, 0.05)).all()


def test_certain_and_uniform_pixels_have_buckets_too():
    prediction = np.zeros((1, 2, 2), dtype=np.uint8)
    for value in (0.0, -0.0, 1.0, 1 + 1e-6):
        found = class_thresholds(lambda v=value: [(prediction, np.full((1, 2, 2), v))], 2, 0.5, 0)
        assert found[0] == np.float32(min(max(value, 0), 1))
    assert np.float32(1).view(np.uint32) >> 16 < HIGH


def test_a_pool_that_says_nothing_gives_the_floor():
    nothing = np.full((1, 3, 3), 255, dtype=np.uint8)
    assert class_thresholds(lambda: [(nothing, np.zeros((1, 3, 3)))], 3, 0.5, 0.2).tolist() == pytest.approx([0.2] * 3)
    assert class_thresholds(lambda: [], 3, 0.5, 0.2).tolist() == pytest.approx([0.2] * 3)


@pytest.mark.parametrize("value", [np.nan, 1.1, -0.1])
def test_doubt_outside_its_range_is_refused(value):
    prediction = np.zeros((1, 2, 2), dtype=np.uint8)
    with pytest.raises(ConfigError, match="NaN or outside"):
        class_thresholds(lambda: [(prediction, np.full((1, 2, 2), value))], 2, 0.5, 0.1)


def test_errors_say_what_was_given():
    prediction = np.zeros((1, 2, 2), dtype=np.uint8)
    with pytest.raises(ShapeError, match="give one per pixel"):
        class_thresholds(lambda: [(prediction, np.zeros((1, 2, 3)))], 2, 0.5, 0.1)
    with pytest.raises(ConfigError, match="share = 2"):
        class_thresholds(lambda: [], 2, 2, 0.1)
    passes = iter([0.2, 0.8])
    with pytest.raises(ConfigError, match="second pass"):
        class_thresholds(lambda: [(prediction, np.full((1, 2, 2), next(passes)))], 2, 0.5, 0.1)


def test_people_beat_the_machine_whoever_comes_first():
    asked = np.zeros((2, 3), dtype=bool)
    asked[0] = True
    answer, machine = np.full((2, 3), 4, dtype=np.uint8), np.full((2, 3), 7, dtype=np.uint8)
    answer[0, 0] = 255  # void, paid for all the same
    machine[1, 2] = 255
    expected = [[255, 4, 4], [7, 7, 255]]
    for store in (
        LabelStore.empty(2, 3).answered(answer, asked).rewritten(machine),
        LabelStore.empty(2, 3).rewritten(machine).answered(answer, asked),
    ):
        assert store.labels.tolist() == expected and (store.maker == PEOPLE).sum() == asked.sum()
        assert store.maker.tolist() == [[PEOPLE] * 3, [MACHINE, MACHINE, NOBODY]]
        assert store.weights.tolist() == [[0, 1, 1], [1, 1, 0]]
        assert store.of(PEOPLE).tolist() == [[255, 4, 4], [255] * 3]
        assert store.of(MACHINE).tolist() == [[255] * 3, [7, 7, 255]]


def test_what_a_machine_said_before_is_gone():
    first, second = np.full((1, 2), 1, np.uint8), np.array([[255, 2]], np.uint8)
    store = LabelStore.empty(1, 2).rewritten(first).rewritten(second, np.array([[9, 1.5]], np.float32))
    assert store.labels.tolist() == [[255, 2]] and store.maker.tolist() == [[NOBODY, MACHINE]]
    assert store.weights.tolist() == [[0, 1.5]]
    with pytest.raises(ShapeError, match="one for each pixel"):
        store.rewritten(np.zeros((2, 2), np.uint8))
