"""The pool: who is labelled since when, the first draw, the random subset."""

import pytest

from segxal.acquisition.pool import UNLABELLED, Pool, random_subset, start_pool
from segxal.core.errors import ConfigError
from segxal.core.seeds import rng

IDS = tuple("abcdef")


def test_adding_makes_a_new_pool():
    empty = Pool(IDS, (UNLABELLED,) * 6)
    one = empty.add([4, 1], 3)
    assert empty.labelled == [] and one.labelled == [1, 4] and one.unlabelled == [0, 2, 3, 5]
    assert one.since == (-1, 3, -1, -1, 3, -1)
    assert one.add([], 4) == one


def test_an_image_joins_once():
    with pytest.raises(ConfigError, match="b already labelled"):
        Pool(IDS, (UNLABELLED, 0, *[UNLABELLED] * 4)).add([0, 1], 1)


@pytest.mark.parametrize(("ids", "since"), [(("a", "a"), (0, 0)), (("a",), (0, 1))])
def test_a_pool_is_consistent(ids, since):
    with pytest.raises(ConfigError, match="one cycle per image and no image twice"):
        Pool(ids, since)


def test_round_trip(tmp_path):
    pool = Pool(IDS, (0, -1, 2, -1, 1, -1))
    pool.write(tmp_path / "pool.json")
    assert Pool.read(tmp_path / "pool.json") == pool


def test_the_first_draw_is_a_share_of_all_from_those_with_labels():
    pool = start_pool(IDS, [1, 3, 5], 0.5, rng(0, "start"))
    assert pool.labelled == [1, 3, 5] and set(pool.since) == {0, UNLABELLED}
    assert len(start_pool(IDS, list(range(6)), 1e-6, rng(0)).labelled) == 1
    assert start_pool(IDS, list(range(6)), 0.5, rng(7)) == start_pool(IDS, list(range(6)), 0.5, rng(7))


@pytest.mark.parametrize(("candidates", "share"), [([1, 3], 0.5), ([], 0.1)])
def test_too_few_labels_to_start(candidates, share):
    with pytest.raises(ConfigError, match=rf"only {len(candidates)} have labels; lower pool\.start or label more"):
        start_pool(IDS, candidates, share, rng(0))


def test_the_subset_is_a_sorted_share_and_never_below_the_query():
    free = list(range(10, 30))
    subset = random_subset(free, 0.5, 3, rng(0))
    assert len(subset) == 10 and subset == sorted(set(subset)) and set(subset) <= set(free)
    assert len(random_subset(free, 0.1, 7, rng(0))) == 7
    assert random_subset(free, 1.0, 1, rng(0)) == free
    assert random_subset(free, 0.5, 3, rng(0)) == subset != random_subset(free, 0.5, 3, rng(1))


@pytest.mark.parametrize("free", [[], [1, 2]])
def test_a_budget_larger_than_the_pool(free):
    with pytest.raises(
        ConfigError, match=f"budget larger than the pool: 3 images are to be queried, but only {len(free)} are"
    ):
        random_subset(free, 0.5, 3, rng(0))
