"""Oracles: what they label, what they cannot label, and what it costs."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

from segxal.acquisition.oracles import ORACLES, get_oracle
from segxal.acquisition.oracles.base import Annotation, Query, check_annotation, polygon_clicks
from segxal.acquisition.oracles.gt_patch import GtPatchOracle
from segxal.acquisition.oracles.human import HumanOracle, touched_objects
from segxal.acquisition.oracles.pixel import PixelOracle
from segxal.acquisition.oracles.pseudo import PseudoOracle, flip_scale, teacher
from segxal.acquisition.oracles.region import RegionOracle
from segxal.acquisition.oracles.superpixel import SuperpixelOracle, dominant_labels
from segxal.acquisition.oracles.whole_image import WholeImageOracle
from segxal.acquisition.settings import OracleConfig
from segxal.core.errors import AnnotationError, ConfigError
from segxal.core.gate import dice_agreement
from segxal.core.labels import VOID
from segxal.core.regions import annotated_out, grid


def query(prediction, truth, asked=None, eem=None):
    prediction, truth = np.asarray(prediction, np.uint8), np.asarray(truth, np.uint8)
    asked = np.ones(truth.shape, bool) if asked is None else np.asarray(asked, bool)
    eem = asked.astype(float) if eem is None else np.asarray(eem, float)
    image = np.zeros((3, *truth.shape), np.uint8)
    return Query("street", image, prediction, asked, truth, eem)


def rectangle(height=12, width=16, rows=slice(2, 8), columns=slice(3, 11), value=1, back=0):
    labels = np.full((height, width), back, np.uint8)
    labels[rows, columns] = value
    return labels


# clicks


def test_a_rectangle_has_four_corners():
    labels = rectangle(back=VOID)
    assert polygon_clicks(labels, np.ones(labels.shape, bool)) == 4
    assert polygon_clicks(labels, labels == 1) == 4


def test_every_piece_and_every_hole_is_outlined():
    labels = rectangle(20, 20, slice(2, 18), slice(2, 18), back=VOID)
    labels[6:12, 6:12] = VOID
    assert polygon_clicks(labels, labels == 1) == 4 + 4
    two = rectangle(back=VOID)
    two[10:12, 13:16] = 1
    assert polygon_clicks(two, two == 1) == 4 + 4


def test_small_pieces_cost_three_clicks_and_void_none():
    labels = np.full((5, 5), VOID, np.uint8)
    assert polygon_clicks(labels, np.ones((5, 5), bool)) == 0
    labels[2, 2] = 0
    assert 3 <= polygon_clicks(labels, np.ones((5, 5), bool)) <= 4


def test_what_is_right_is_confirmed_with_one_click():
    labels = rectangle()
    everywhere = np.ones(labels.shape, bool)
    assert polygon_clicks(labels, everywhere, everywhere) == 2  # the rectangle and its surroundings
    almost = everywhere.copy()
    almost[4, 4] = False
    assert polygon_clicks(labels, everywhere, almost) == 4 + 1


# human


def test_objects_touched_far_enough_are_taken_whole():
    prediction = rectangle(10, 20, slice(0, 4), slice(0, 5))  # 20 pixels of class 1
    prediction[6:8, 10:20] = 1  # 20 more, not connected
    asked = np.zeros((10, 20), bool)
    asked[0, :5] = True  # 5 of the 20 pixels
    first = rectangle(10, 20, slice(0, 4), slice(0, 5)) == 1
    assert np.array_equal(touched_objects(prediction, asked, 0.25), first)
    assert np.array_equal(touched_objects(prediction, asked, 0.26), asked)


@pytest.mark.parametrize(("overlap", "pixels"), [(0.0, 20), (1.0, 1)])
def test_the_ends_of_overlap(overlap, pixels):
    prediction = rectangle(10, 20, slice(0, 4), slice(0, 5))
    asked = np.zeros((10, 20), bool)
    assert not touched_objects(prediction, asked, overlap).any()
    asked[1, 1] = True
    assert touched_objects(prediction, asked, overlap).sum() == pixels
    assert asked.sum() == 1  # not changed in place
    asked[:4, :5] = True
    assert touched_objects(prediction, asked, overlap).sum() == 20


def test_the_person_corrects_and_pays():
    truth, prediction = rectangle(), np.zeros((12, 16), np.uint8)
    asked = rectangle() == 1
    answer = HumanOracle(1.0).annotate(query(prediction, truth, asked))
    assert np.array_equal(answer.labels, np.where(asked, truth, VOID))
    assert answer.pixels == asked.sum() == 48 and answer.clicks == 4 and not answer.undecided.any()
    assert np.array_equal(answer.reannotated(prediction), truth)
    confirmed = HumanOracle(1.0).annotate(query(truth, truth, asked))
    assert confirmed.clicks == 1 and confirmed.pixels == 48


def test_void_is_paid_for_and_undecided():
    truth = rectangle(value=VOID)
    answer = HumanOracle(0.0).annotate(query(np.zeros((12, 16)), truth))
    assert answer.pixels == truth.size and np.array_equal(answer.undecided, truth == VOID)
    assert (answer.reannotated(np.zeros((12, 16), np.uint8)) == VOID).sum() == 48


# gt-patch


def test_the_best_patches_get_the_truth():
    eem = np.zeros((8, 16))
    eem[:4, 4:8], eem[4:, 12:] = 0.9, 0.8
    asked = np.zeros((8, 16), bool)
    asked[:4, 4:12] = True  # a quarter of the image: two of the eight patches
    truth = np.tile(np.arange(16, dtype=np.uint8) // 6, (8, 1))
    answer = GtPatchOracle(4).annotate(query(np.zeros((8, 16)), truth, asked, eem))
    inside = eem > 0
    assert np.array_equal(answer.labels, np.where(inside, truth, VOID))
    assert answer.pixels == 32 and answer.clicks == 2 + 1  # columns 4..7 hold classes 0 and 1, 12..15 class 2


@pytest.mark.parametrize(("size", "patch", "patches"), [((9, 10), 4, 9), ((3, 3), 8, 1), ((8, 8), 1, 64)])
def test_patch_counts_of_sizes_that_do_not_divide(size, patch, patches):
    everything = query(np.zeros(size), np.zeros(size))
    answer = GtPatchOracle(patch).annotate(everything)
    assert answer.pixels == size[0] * size[1] and answer.clicks == patches
    nothing = query(np.zeros(size), np.zeros(size), np.zeros(size, bool))
    assert GtPatchOracle(patch).annotate(nothing).clicks == 1  # at least one patch, the first of equals


# pseudo


def test_inside_the_mask_confidence_counts_outside_agreement():
    probs = torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.6, 0.4], [0.4, 0.6]]).T.view(1, 2, 1, 4)
    seen = []

    def labeller(images):
        seen.append(images)
        return probs

    question = query([[1, 0, 0, 0]], [[VOID] * 4], [[True, True, False, False]])
    answer = PseudoOracle(labeller, 0.8).annotate(question)
    assert answer.labels.tolist() == [[0, VOID, 0, VOID]]  # sure; unsure; agrees; disagrees
    assert answer.undecided.tolist() == [[False, True, False, True]]
    assert (answer.pixels, answer.clicks) == (0, 0)
    assert seen[0].shape == (1, 3, 1, 4) and seen[0].dtype == torch.uint8
    assert dice_agreement(question.prediction, answer.reannotated(question.prediction)) < 1


@pytest.mark.parametrize("labeller", [flip_scale, teacher])
def test_labellers_give_probabilities_at_odd_sizes(unet, labeller):
    images = torch.randint(0, 256, (2, 3, 19, 26), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    probs = labeller(unet, "off")(images)
    assert probs.shape == (2, 19, 19, 26) and not probs.requires_grad
    assert torch.allclose(probs.sum(1), torch.ones(2, 19, 26), atol=1e-5)


def test_flip_scale_answers_a_mirrored_image_with_mirrored_labels(unet):
    images = torch.randint(0, 256, (1, 3, 16, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    label = flip_scale(unet, "off")
    assert torch.allclose(label(images.flip(-1)), label(images).flip(-1), atol=1e-5)


# whole image, and all of them


def test_the_whole_image_is_priced_as_polygons():
    truth = rectangle(back=VOID)
    answer = WholeImageOracle().annotate(query(np.zeros((12, 16)), truth))
    assert np.array_equal(answer.labels, truth) and answer.labels is not truth
    assert answer.pixels == truth.size and answer.clicks == 4
    assert np.array_equal(answer.undecided, truth == VOID)


@pytest.mark.parametrize("truth", [np.full((12, 16), VOID), np.zeros((12, 16))], ids=["void", "one-class"])
@pytest.mark.parametrize("name", ORACLES)
def test_plain_images_get_a_plain_answer(name, truth, unet):
    question = query(np.zeros((12, 16)), truth, rectangle() == 1)
    before = dataclasses.replace(question, prediction=question.prediction.copy(), truth=question.truth.copy())
    answer = get_oracle(name, OracleConfig(), {"model": unet, "teacher": unet}, "off").annotate(question)
    check_annotation(answer, question, 19)
    assert answer.labels.dtype == np.uint8 and answer.undecided.dtype == bool
    assert isinstance(answer.pixels, int) and isinstance(answer.clicks, int)
    if name == "pseudo":
        assert answer.pixels == answer.clicks == 0
    else:
        known = answer.labels != VOID
        assert np.array_equal(answer.labels[known], question.truth[known]) and known.any() == (truth[0, 0] != VOID)
    assert 0 <= dice_agreement(question.prediction, answer.reannotated(question.prediction)) <= 1
    assert np.array_equal(question.prediction, before.prediction) and np.array_equal(question.truth, before.truth)


def test_unknown_oracle_lists_the_names(unet):
    with pytest.raises(ConfigError, match="no oracle 'me'; choose one of pseudo, gt-patch, human, whole-image"):
        get_oracle("me", OracleConfig(), {"model": unet, "teacher": unet}, "off")


@pytest.mark.parametrize("labeller", ["flip-scale", "teacher"])
def test_the_teacher_labels_when_it_is_asked_to(unet, labeller):
    used, models = [], {name: copy.deepcopy(unet) for name in ("model", "teacher")}
    for name, model in models.items():
        model.register_forward_hook(lambda *_, name=name: used.append(name))
    oracle = get_oracle("pseudo", OracleConfig(labeller=labeller), models, "off")
    oracle.annotate(query(np.zeros((8, 8)), np.zeros((8, 8))))
    assert set(used) == {"teacher" if labeller == "teacher" else "model"}


@pytest.mark.parametrize(
    ("labels", "words"),
    [(np.zeros((3, 4), np.uint8), r"is \(3, 4\), the image \(2, 2\)"), (np.full((2, 2), 7, np.uint8), r"holds \[7\]")],
)
def test_answers_that_do_not_fit_are_refused(labels, words):
    answer = Annotation(labels, np.zeros(labels.shape, bool), 0, 0)
    with pytest.raises(AnnotationError, match=f"annotation of street {words}"):
        check_annotation(answer, query(np.zeros((2, 2)), np.zeros((2, 2))), 3)


# regions, superpixels and pixels


def query_of(truth, partition):
    """A query for regions, as the loop makes it."""
    partition = np.asarray(partition, np.int32)
    return dataclasses.replace(query(np.zeros(partition.shape), truth, partition >= 0), partition=partition)


def quarters(*numbers):
    """Labels of a 4x4 image in four cells of 2x2."""
    return np.array(numbers, np.uint8)[grid(4, 4, 2)]


def test_regions_get_the_truth_and_are_priced_as_polygons():
    truth = rectangle(rows=slice(0, 12), columns=slice(4, 16))  # class 1 right of column 4
    cells = grid(12, 16, 4)
    asked = np.where(np.isin(cells, [1, 2]), cells, -1)  # two cells of class 1 that touch
    answer = RegionOracle().annotate(query_of(truth, asked))
    assert np.array_equal(answer.labels, np.where(asked >= 0, truth, VOID))
    assert (answer.pixels, answer.clicks) == (32, 4), "cells that touch are one rectangle"
    apart = np.where(np.isin(cells, [1, 3]), cells, -1)
    assert RegionOracle().annotate(query_of(truth, apart)).clicks == 8
    mixed = np.where(grid(12, 16, 8) == 0, 0, -1)  # half of class 0, half of class 1
    assert RegionOracle().annotate(query_of(truth, mixed)).clicks == 8


def test_void_in_a_region_is_paid_for_and_not_outlined():
    truth = quarters(0, VOID, 1, 1)
    answer = RegionOracle().annotate(query_of(truth, grid(4, 4, 4)))
    assert answer.pixels == 16 and np.array_equal(answer.undecided, truth == VOID)
    assert answer.clicks == polygon_clicks(truth, truth != VOID)
    void = RegionOracle().annotate(query_of(truth, np.where(grid(4, 4, 2) == 1, 1, -1)))
    assert (void.pixels, void.clicks) == (4, 0) and (void.labels == VOID).all()


def test_a_superpixel_gets_its_most_frequent_label():
    truth = [[0, 0, 2, 1], [0, 1, 1, 2], [VOID, VOID, VOID, VOID], [3, VOID, 4, 4]]
    expected = [[0, 0, 1, 1], [0, 0, 1, 1], [VOID, VOID, 4, 4], [VOID, VOID, 4, 4]]
    assert dominant_labels(np.array(truth, np.uint8), grid(4, 4, 2)).tolist() == expected  # ties: lower id, never void
    answer = SuperpixelOracle().annotate(query_of(truth, grid(4, 4, 2)))
    assert answer.labels.tolist() == expected and answer.labels.dtype == np.uint8
    assert (answer.pixels, answer.clicks) == (16, 4), "one click each, the void one too"
    assert np.array_equal(answer.undecided, grid(4, 4, 2) == 2)


def test_only_asked_superpixels_are_labelled_and_numbers_may_be_missing():
    truth, cells = quarters(0, 1, 2, 3), grid(4, 4, 2)
    truth[0, 2] = 5
    asked = annotated_out(np.where(np.isin(cells, [1, 3]), cells, -1), np.eye(4, dtype=bool))
    answer = SuperpixelOracle().annotate(query_of(truth, asked))
    assert (answer.labels[asked == 1] == 1).all() and (answer.labels[asked == 3] == 3).all()
    assert (answer.labels[asked < 0] == VOID).all() and not answer.undecided.any()
    assert (answer.pixels, answer.clicks) == (6, 2)
    nothing = SuperpixelOracle().annotate(query_of(truth, np.full((4, 4), -1)))
    assert nothing.pixels == nothing.clicks == 0 and (nothing.labels == VOID).all()


def test_without_a_partition_the_asked_part_is_one_superpixel():
    question = query(np.zeros((12, 16)), rectangle(), rectangle() == 1)
    told = dataclasses.replace(question, partition=np.where(question.asked, 0, -1))
    one, other = (SuperpixelOracle().annotate(q) for q in (question, told))
    assert np.array_equal(one.labels, other.labels) and (one.pixels, one.clicks) == (other.pixels, other.clicks)
    assert (one.pixels, one.clicks) == (48, 1)


def test_a_pixel_costs_a_click():
    truth = np.where(np.arange(16) == 15, VOID, np.arange(16)).reshape(4, 4)
    partition = np.diag([1, 2, 0, 3]) - 1
    answer = PixelOracle().annotate(query_of(truth, partition))
    assert np.diag(answer.labels).tolist() == [0, 5, VOID, VOID] and (answer.labels != VOID).sum() == 2
    assert (answer.pixels, answer.clicks) == (3, 3) and np.argwhere(answer.undecided).tolist() == [[3, 3]]
