"""One seed gives every purpose its own stream, and touches no global one."""

import json

import numpy as np
import pytest
import torch

from segxal.core.seeds import generator, rng


def test_same_seed_and_purpose_same_stream():
    assert rng(3, "pool", 1).random(4).tolist() == rng(3, "pool", 1).random(4).tolist()
    assert torch.equal(torch.rand(4, generator=generator(3, "a")), torch.rand(4, generator=generator(3, "a")))


@pytest.mark.parametrize("other", [(4, "pool", 1), (3, "pool", 2), (3, "gate", 1), (3, "pool"), (3, 1, "pool")])
def test_other_seed_or_purpose_other_stream(other):
    assert rng(3, "pool", 1).random() != rng(*other).random()
    assert generator(3, "pool", 1).initial_seed() != generator(*other).initial_seed()


def test_streams_do_not_touch_the_global_ones():
    torch_before, numpy_before = torch.get_rng_state(), json.dumps(np.random.get_state()[1].tolist())  # noqa: NPY002
    rng(0, "a").random(10)
    torch.rand(10, generator=generator(0, "a"))
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert json.dumps(np.random.get_state()[1].tolist()) == numpy_before  # noqa: NPY002


def test_streams_are_the_same_on_every_machine():
    assert rng(0, "pool", 1).integers(1_000_000) == 369_074
    assert generator(0, "pool", 1).initial_seed() == 7_222_606_077_929_341_988
