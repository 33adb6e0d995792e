"""Noise on the answers of people: how much, where, and nothing else."""

import numpy as np
import pytest

from segxal.acquisition.oracles import ORACLES, get_oracle
from segxal.acquisition.oracles.base import Query, check_annotation
from segxal.acquisition.oracles.noisy import NoisyOracle, across, confuse_pieces, flip_across
from segxal.acquisition.oracles.pixel import PixelOracle
from segxal.acquisition.oracles.region import RegionOracle
from segxal.acquisition.oracles.whole_image import WholeImageOracle
from segxal.acquisition.settings import OracleConfig
from segxal.core.errors import ConfigError
from segxal.core.labels import VOID
from segxal.core.regions import grid
from segxal.core.seeds import rng


def query_of(truth, partition):
    """A query for regions, as the loop makes it."""
    partition, asked = np.asarray(partition, np.int32), np.asarray(partition) >= 0
    image, prediction = np.zeros((3, *truth.shape), np.uint8), np.zeros_like(truth)
    return Query("street", image, prediction, asked, truth, asked.astype(float), partition)


def quarters(*numbers):
    """Labels of a 4x4 image in four cells of 2x2."""
    return np.array(numbers, np.uint8)[grid(4, 4, 2)]


def scene(size=(64, 96), seed=0):
    """Random blocks of five classes and some void."""
    blocks = rng(seed, "scene").integers(0, 6, (size[0] // 8, size[1] // 8)).astype(np.uint8)
    blocks[blocks == 5] = VOID
    return np.kron(blocks, np.ones((8, 8), np.uint8))


def test_across_by_hand():
    row = np.array([[0, 0, 0, 0, 1, VOID, 2]], np.uint8)
    assert across(row).tolist() == [[VOID, VOID, 1, 1, 0, VOID, 1]]
    far = np.array([[0, VOID, VOID, 1]], np.uint8)
    assert (across(far) == VOID).all()
    corner = np.array([[0, 0], [0, 1]], np.uint8)
    assert across(corner).tolist() == [[1, 1], [1, 0]]
    nearest = np.array([[3, 0, 0, 5]], np.uint8)
    assert across(nearest).tolist() == [[0, 3, 5, 0]]


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_boundary_pixels_flip_at_their_rate(share):
    labels = scene()
    noisy = flip_across(labels, labels, share, rng(1, "noise"))
    beside = across(labels) != VOID
    changed = noisy != labels
    assert beside.sum() > 2000 and not (changed & ~beside).any()
    assert changed[beside].mean() == pytest.approx(share, abs=0.04)
    assert np.array_equal(noisy[changed], across(labels)[changed]) and (noisy[labels == VOID] == VOID).all()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_pieces_get_a_wrong_class_at_their_rate(share):
    labels = np.full((60, 80), VOID, np.uint8)
    labels[::2, ::2] = rng(0, "pixels").integers(0, 4, (30, 40))  # 1200 pieces of one pixel
    noisy = confuse_pieces(labels, np.arange(4), share, rng(1, "noise"))
    given, changed = labels != VOID, noisy != labels
    assert changed[given].mean() == pytest.approx(share, abs=0.04) and not changed[~given].any()
    if share == 1:
        drawn = [(noisy[labels == 0] == category).mean() for category in range(4)]
        assert drawn == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3], abs=0.1)


def test_a_wrong_piece_is_wrong_everywhere_and_one_class_has_no_other():
    labels = np.array([[0, 0, VOID, 0], [0, 0, VOID, 0]], np.uint8)
    found = {tuple(confuse_pieces(labels, np.array([0, 7]), 0.5, rng(seed, "n"))[0].tolist()) for seed in range(30)}
    assert found == {(a, a, VOID, b) for a in (0, 7) for b in (0, 7)}
    assert np.array_equal(confuse_pieces(labels, np.array([0]), 1.0, rng(0, "n")), labels)


@pytest.mark.parametrize(("boundary", "wrong"), [(0.5, 0.0), (0.0, 0.5), (0.4, 0.2)])
@pytest.mark.parametrize("name", [name for name in ORACLES if name != "pseudo"])
def test_noise_changes_labels_and_nothing_else(name, boundary, wrong, unet):
    truth, models = scene(), {"model": unet, "teacher": unet}
    question = query_of(truth, np.where(grid(64, 96, 16) % 2 == 0, grid(64, 96, 16), -1))
    plain = get_oracle(name, OracleConfig(), models, "off").annotate(question)
    config = OracleConfig(noise_boundary=boundary, noise_class=wrong)
    once, again, other = (get_oracle(name, config, models, "off", rng(seed, "noise")) for seed in (0, 0, 1))
    answer = check_annotation(once.annotate(question), question, 5)
    assert (answer.pixels, answer.clicks) == (plain.pixels, plain.clicks) and answer.labels.dtype == np.uint8
    assert np.array_equal(answer.labels == VOID, plain.labels == VOID)
    assert np.array_equal(answer.undecided, plain.undecided)
    assert (answer.labels != plain.labels).any()
    assert np.array_equal(answer.labels, again.annotate(question).labels)
    assert not np.array_equal(answer.labels, other.annotate(question).labels)
    assert np.array_equal(question.truth, truth)


def test_a_single_pixel_flips_to_what_the_person_sees_beside_it():
    partition = np.full((4, 4), -1)
    partition[0, 1] = 0
    question = query_of(quarters(3, 8, 3, 8), partition)
    answer = NoisyOracle(PixelOracle(), 1.0, 0.0, rng(0, "noise")).annotate(question)
    assert answer.labels[0, 1] == 8 and (answer.labels != VOID).sum() == 1
    confused = NoisyOracle(PixelOracle(), 0.0, 1.0, rng(0, "noise")).annotate(question)
    assert confused.labels[0, 1] == 8, "the only other class of the image"


def test_a_wrong_piece_does_not_flip_back():
    question = query_of(quarters(3, 8, 3, 8), grid(4, 4, 4))
    answer = NoisyOracle(RegionOracle(), 1.0, 1.0, rng(0, "noise")).annotate(question)
    assert np.array_equal(answer.labels, quarters(8, 3, 8, 3))


@pytest.mark.parametrize("name", ORACLES)
def test_without_noise_the_oracle_is_bare_and_the_machine_always_is(name, unet):
    models, generator = {"model": unet, "teacher": unet}, rng(0, "noise")
    assert not isinstance(get_oracle(name, OracleConfig(), models, "off", generator), NoisyOracle)
    noisy = OracleConfig(noise_boundary=0.5, noise_class=0.1)
    assert isinstance(get_oracle(name, noisy, models, "off", generator), NoisyOracle) == (name != "pseudo")
    identity = NoisyOracle(WholeImageOracle(), 0.0, 0.0, generator).annotate(query_of(scene(), grid(64, 96, 64)))
    assert np.array_equal(identity.labels, scene())


def test_noise_without_a_generator_is_refused(unet):
    models = {"model": unet, "teacher": unet}
    with pytest.raises(ConfigError, match="the oracle human must make errors, but got no generator"):
        get_oracle("human", OracleConfig(noise_class=0.1), models, "off")
    get_oracle("pseudo", OracleConfig(noise_class=0.1), models, "off")
