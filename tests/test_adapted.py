"""Losses of AdvEnt, MinEnt and RIPU, and of labels of several makers: closed forms, gradients, what counts."""

import dataclasses
import math

import pytest
import torch
from torch.nn import functional as F

from segxal.core.entropy import entropy_map
from segxal.core.errors import ConfigError
from segxal.models import build_model
from segxal.models.settings import ModelConfig
from segxal.training.engine import fit
from segxal.training.objectives import get_objective
from segxal.training.objectives.adapted import grid_of, weighted_cross_entropy, whole
from segxal.training.objectives.advent import discriminator, information, told
from segxal.training.objectives.ripu import borders, consistency, negative
from segxal.training.objectives.supervised import cross_entropy
from segxal.training.predict import logits
from segxal.training.settings import TrainConfig
from segxal.training.task import MachineLabels, Task

CONFIG = TrainConfig(
    steps=1, cycle_steps=1, batch=2, evaluations=1, amp="off", crop=1.0, jitter=0.0, flip=False, stride=1,
    discriminator=4, class_weights="none",
)  # fmt: skip


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def unet(classes=19):
    return build_model(ModelConfig(base=4, depth=2), classes, seeded())


def task_of(frames, **changes):
    """Source: the first four images; target: all; nobody has labelled any."""
    task = Task(frames, (), frames.labels[:0], frames, 2, seeded(), source=frames.select([0, 1, 2, 3]))
    return dataclasses.replace(task, **changes)


def started(name, frames, config=CONFIG, **changes):
    objective, model = get_objective(name), unet()
    model.ready().train()
    objective.setup(model, task_of(frames, **changes), dataclasses.replace(config, objective=name))
    return objective


@pytest.mark.parametrize("stride", [1, 3, 4])
def test_predictions_are_read_at_every_so_many_pixels(frames, stride):
    model = unet().eval()
    found = whole(model, frames.images[:2], stride, "off")
    image, row, column = grid_of(2, (32, 64), stride)
    expected = logits(model, frames.images[:2], "off").permute(0, 2, 3, 1)[image, row, column].permute(0, 3, 1, 2)
    torch.testing.assert_close(found, expected)
    assert found.shape[-2:] == (math.ceil(32 / stride), math.ceil(64 / stride))


def test_source_people_and_machine_have_a_mean_of_their_own(frames):
    labels = torch.full_like(frames.labels[:1], 255)
    labels[0, 3, 4] = 2  # one pixel of people
    machine = MachineLabels((5,), frames.labels[5:6], torch.full_like(frames.labels[5:6], 100))
    config = dataclasses.replace(CONFIG, batch=1, machine_weight=0.5)
    source = frames.select([6])
    objective = started("adapted", frames, config, source=source, annotated=(0,), labels=labels, machine=machine)
    found = objective.loss(1)
    said = [logits(objective.model, frames.images[[k]], "off") for k in (6, 0, 5)]
    expected = [
        cross_entropy(one, part.long(), None)
        for one, part in zip(said, (frames.labels[[6]], labels, frames.labels[[5]]), strict=True)
    ]
    torch.testing.assert_close(found, expected[0] + expected[1] + 0.5 * expected[2])
    torch.testing.assert_close(expected[1], -said[1].log_softmax(1)[0, 2, 3, 4])


def test_pixels_that_count_twice_are_like_two_pixels():
    found = torch.randn(4, 5, generator=seeded())
    labels, counts = torch.tensor([0, 3, 255, 2]), torch.tensor([1.0, 2.0, 7.0, 1.0])
    doubled = torch.cat([found, found[1:2]])
    expected = F.cross_entropy(doubled, torch.tensor([0, 3, 255, 2, 3]), ignore_index=255)
    torch.testing.assert_close(weighted_cross_entropy(found, labels, None, counts), expected)
    weights = torch.rand(5, generator=seeded())
    expected = F.cross_entropy(doubled, torch.tensor([0, 3, 255, 2, 3]), weights, ignore_index=255)
    torch.testing.assert_close(weighted_cross_entropy(found, labels, weights, counts), expected)


@pytest.mark.parametrize("name", ["adapted", "ripu", "stal", "minent", "advent"])
def test_void_alone_gives_finite_losses_and_gradients(frames, name):
    void = dataclasses.replace(frames.select([0, 1]), labels=torch.full_like(frames.labels[:2], 255))
    objective = started(name, frames, source=void)
    loss = objective.loss(1)
    loss.backward()
    assert loss.isfinite() and all(w.grad is None or w.grad.isfinite().all() for w in objective.model.parameters())
    assert name != "adapted" or loss == 0


@pytest.mark.parametrize("name", ["adapted", "minent", "advent", "ripu", "stal"])
def test_nothing_to_learn_from_is_refused(frames, name):
    with pytest.raises(ConfigError, match=r"name a data.source, or label images first"):
        started(name, frames, source=None)


@pytest.mark.parametrize("name", ["minent", "advent", "ripu", "stal"])
def test_images_without_labels_change_what_is_learned_and_a_seed_gives_it_again(frames, name):
    config = dataclasses.replace(CONFIG, objective=name, adversarial=0.1, target_entropy=0.1)
    plain = dataclasses.replace(config, objective="adapted")
    weights = [
        torch.cat([w.flatten() for w in fit(unet(), task_of(frames), one).model.parameters()])
        for one in (config, config, plain)
    ]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_information_adds_up_to_entropy_and_is_finite_where_a_class_has_no_probability():
    probs = torch.randn(2, 5, 3, 4, generator=seeded()).softmax(1)
    torch.testing.assert_close(information(probs).sum(1), entropy_map(probs))
    certain = F.one_hot(torch.tensor([[[0, 4]]]), 5).permute(0, 3, 1, 2).float().requires_grad_()
    information(certain).sum().backward()
    assert information(certain).sum() == 0 and not certain.grad.isnan().any()


def test_the_discriminator_has_one_cell_for_32_pixels_and_says_what_it_is_told():
    assert discriminator(11, 4)(torch.zeros(1, 11, 96, 64)).shape == (1, 1, 3, 2)
    assert told(torch.zeros(1, 1, 2, 2), 1.0) == pytest.approx(math.log(2))
    assert told(torch.full((1, 1, 2, 2), 50.0), 0.0) == pytest.approx(50)


def test_too_small_maps_for_the_discriminator_are_refused(frames):
    with pytest.raises(ConfigError, match=r"entropy maps of 8 x 16 .*lower train.stride"):
        started("advent", frames, dataclasses.replace(CONFIG, stride=4))


def test_the_network_learns_to_deceive_and_the_discriminator_to_tell_apart_each_alone(frames):
    objective = started("advent", frames, dataclasses.replace(CONFIG, adversarial=1.0))
    critic = list(objective.discriminator.parameters())
    objective.loss(1).backward()
    assert all(w.grad is None for w in critic), "the network's step leaves the discriminator alone"
    before = [w.grad.clone() for w in objective.model.parameters()]
    weights = [w.clone() for w in critic]
    objective.after_step(1)
    assert all(torch.equal(a, w.grad) for a, w in zip(before, objective.model.parameters(), strict=True))
    assert any(not torch.equal(a, w) for a, w in zip(weights, critic, strict=True))
    assert all(w.requires_grad for w in critic)


def test_a_discriminator_that_may_learn_tells_two_kinds_of_maps_apart(frames):
    objective = started("advent", frames, dataclasses.replace(CONFIG, discriminator_lr=0.01), steps=60)
    objective.maps = torch.full((2, 19, 32, 64), 0.01), torch.full((2, 19, 32, 64), 0.04)
    for step in range(1, 61):
        objective.after_step(step)
    low, high = (objective.discriminator(part).mean() for part in objective.maps)
    assert low < 0 < high


def test_negative_learning_is_minus_log_of_one_minus_p_of_improbable_classes():
    probs = torch.tensor([0.9, 0.06, 0.04, 0.0]).view(1, 4, 1, 1)
    assert negative(probs) == pytest.approx(-(math.log(0.96 + 1e-6) + math.log(1 + 1e-6)) / 2, abs=1e-6)
    assert negative(torch.full((1, 4, 2, 2), 0.25)) == 0


def test_borders_have_another_label_beside_them_and_void_has_none():
    labels = torch.tensor([[[1, 1, 1, 2], [1, 1, 1, 2], [1, 1, 1, 255]]])
    expected = [[False, False, True, True], [False, False, True, True], [False, False, True, False]]
    assert borders(labels)[0].tolist() == expected
    assert not borders(torch.full((1, 4, 4), 3)).any(), "the rim is no border"


def test_consistency_is_the_distance_to_the_mean_of_nine_at_borders():
    probs = torch.randn(1, 3, 5, 6, generator=seeded()).softmax(1)
    labels = torch.zeros(1, 5, 6, dtype=torch.long)
    labels[0, 2, 3] = 1
    expected = []
    for row in range(1, 4):
        for column in range(2, 5):
            around = probs[0, :, row - 1 : row + 2, column - 1 : column + 2].mean((1, 2))
            expected.append(float((probs[0, :, row, column] - around).abs().sum()))
    assert consistency(probs, labels) == pytest.approx(sum(expected) / 9, abs=1e-6)
    assert consistency(probs, torch.zeros_like(labels)) == 0


def test_labels_of_a_machine_belong_to_images(frames):
    with pytest.raises(ConfigError, match="2 images, labels of 1 and weights of 1"):
        MachineLabels((0, 1), frames.labels[:1], frames.labels[:1])
