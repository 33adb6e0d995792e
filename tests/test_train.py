"""Loss, augmentation and training of the network."""

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from segxal.core.errors import ConfigError, TrainingDiverged
from segxal.core.labels import VOID
from segxal.models import build_model
from segxal.models.settings import ModelConfig
from segxal.training import engine, objectives
from segxal.training.augment import Augmentation
from segxal.training.batches import order
from segxal.training.engine import fit
from segxal.training.objectives.supervised import class_weights, cross_entropy
from segxal.training.predict import evaluate
from segxal.training.settings import TrainConfig
from segxal.training.task import Task

QUICK = TrainConfig(epochs=1, batch=4, evaluations=2, amp="off")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def unet(base=4, depth=2, seed=0):
    return build_model(ModelConfig(base=base, depth=depth), 19, seeded(seed))


def part(frames, indices):
    return dataclasses.replace(
        frames, ids=tuple(frames.ids[i] for i in indices), images=frames.images[indices], labels=frames.labels[indices],
        depth=None,
    )  # fmt: skip


def trained(frames, config=QUICK, steps=4, model=None, seed=0):
    model = model or unet()
    task = Task(frames, (0, 3, 5), frames.labels[[0, 3, 5]], part(frames, [1, 2]), steps, seeded(seed))
    return fit(model, task, config)


def weights_of(model):
    return [value.clone() for value in model.state_dict().values()]


def equal(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


# loss


@pytest.mark.parametrize("weighted", [False, True])
def test_loss_equals_torch(weighted):
    logits = torch.randn(2, 4, 5, 6, generator=seeded())
    labels = torch.randint(0, 4, (2, 5, 6), generator=seeded(1))
    labels[0, :2] = VOID
    weights = torch.tensor([1.0, 2.0, 0.5, 3.0]) if weighted else None
    expected = F.cross_entropy(logits, labels, weights, ignore_index=VOID)
    assert cross_entropy(logits, labels, weights).item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("weights", [None, torch.ones(4)])
def test_loss_of_nothing_is_zero_with_zero_gradients(weights):
    logits = torch.randn(2, 4, 5, 6, requires_grad=True)
    loss = cross_entropy(logits, torch.full((2, 5, 6), VOID), weights)
    loss.backward()
    assert loss.item() == 0 and logits.grad.eq(0).all()


def test_class_weights_closed_form():
    labels = torch.tensor([[[0] * 9 + [1], [VOID] * 10]], dtype=torch.uint8)
    assert class_weights(labels, 3, "none") is None
    # 1 / sqrt(0.9) : 1 / sqrt(0.1) = 1 : 3, scaled to mean 1; the absent class gets 1
    assert torch.allclose(class_weights(labels, 3, "sqrt-frequency"), torch.tensor([0.5, 1.5, 1.0]))
    assert class_weights(torch.full((1, 2, 2), VOID, dtype=torch.uint8), 3, "sqrt-frequency").tolist() == [1, 1, 1]


# augmentation


def pictures(count=6, height=16, width=24):
    """Images whose red channel is the label, so that a wrong geometry shows."""
    labels = torch.randint(0, 5, (count, height // 4, width // 4), generator=seeded(), dtype=torch.uint8)
    labels = labels.repeat_interleave(4, 1).repeat_interleave(4, 2) * 40
    return labels.unsqueeze(1).repeat(1, 3, 1, 1), labels


def test_flips_move_image_and_labels_together():
    images, labels = pictures()
    x, y = Augmentation(dataclasses.replace(QUICK, crop=1.0, jitter=0.0), (16, 24))(images, labels, seeded())
    assert torch.equal(x[:, 0], y)
    flipped = [torch.equal(new, old.flip(-1)) for new, old in zip(y, labels, strict=True)]
    kept = [torch.equal(new, old) for new, old in zip(y, labels, strict=True)]
    assert all(a != b for a, b in zip(flipped, kept, strict=True)) and any(flipped) and any(kept)


def test_crops_move_image_and_labels_together_and_invent_no_id():
    images, labels = pictures()
    x, y = Augmentation(dataclasses.replace(QUICK, crop=0.4, jitter=0.0), (16, 24))(images, labels, seeded())
    assert x.shape == images.shape and y.shape == labels.shape and x.dtype == y.dtype == torch.uint8
    assert set(y.unique().tolist()) <= set(labels.unique().tolist())
    assert not torch.equal(y, labels)
    assert ((x[:, 0].int() - y.int()).abs() < 30).float().mean() > 0.8  # apart from the blur at borders


def test_jitter_leaves_labels_alone():
    images, labels = pictures()
    x, y = Augmentation(dataclasses.replace(QUICK, crop=1.0, flip=False), (16, 24))(images, labels, seeded())
    assert torch.equal(y, labels) and not torch.equal(x, images)


def test_augmentation_is_repeatable_and_changes_nothing_else():
    images, labels = pictures()
    kept, state = (images.clone(), labels.clone()), torch.random.get_rng_state()
    augment = Augmentation(QUICK, (16, 24))
    one, again, other = (augment(images, labels, seeded(seed)) for seed in (0, 0, 1))
    assert equal(one, again) and not equal(one, other)
    assert torch.equal(images, kept[0]) and torch.equal(labels, kept[1])
    assert torch.equal(torch.random.get_rng_state(), state) and type(one[0]) is type(one[1]) is torch.Tensor


def test_no_augmentation_is_the_identity():
    images, labels = pictures()
    plain = dataclasses.replace(QUICK, crop=1.0, flip=False, jitter=0.0)
    assert equal(Augmentation(plain, (16, 24))(images, labels, seeded()), (images, labels))


# training


def test_two_images_are_learned_by_heart(frames):
    config = TrainConfig(epochs=1, batch=2, lr=1e-2, crop=1.0, flip=False, jitter=0.0, evaluations=1, amp="off")
    two = part(frames, [0, 5])
    result = fit(unet(8), Task(two, (0, 1), two.labels, two, 120, seeded()), config)
    assert evaluate(result.model, two, "off").confusion.accuracy > 0.93
    assert result.history[-1]["step"] == 120


def test_the_same_generator_gives_the_same_weights(frames):
    state, images, labels = torch.random.get_rng_state(), frames.images.clone(), frames.labels.clone()
    np_state = np.random.get_state()[1].copy()  # noqa: NPY002
    one, again, other = (trained(frames, seed=seed) for seed in (0, 0, 1))
    assert equal(weights_of(one.model), weights_of(again.model)) and one.history == again.history
    assert equal(weights_of(one.teacher), weights_of(again.teacher))
    assert not equal(weights_of(one.model), weights_of(other.model))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], np_state)  # noqa: NPY002
    assert torch.equal(frames.images, images) and torch.equal(frames.labels, labels)


def test_dropout_follows_the_generator_too(frames):
    def run():
        model = build_model(ModelConfig(base=4, depth=2, dropout=0.5), 19, seeded())
        return weights_of(trained(frames, steps=3, model=model).model)

    state = torch.random.get_rng_state()
    one = run()
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.rand(3)  # moves the global generator
    assert equal(one, run())


def test_the_teacher_is_the_moving_average(frames, monkeypatch):
    monkeypatch.setattr(objectives.base, "EMA_DECAY", 0.0)
    config = dataclasses.replace(QUICK, evaluations=1)
    result = trained(frames, config)
    assert equal(weights_of(result.teacher), weights_of(result.model))
    assert not any(module.training for part in (result.model, result.teacher) for module in part.modules())


def test_validation_picks_the_weights(frames, monkeypatch):
    scores, seen = iter([0.2, 0.6, 0.1, 0.6]), []

    def scripted(model, val, amp):
        seen.append(weights_of(model))
        return SimpleNamespace(miou=next(scores))

    monkeypatch.setattr(engine, "confusion_of", scripted)
    result = trained(frames, dataclasses.replace(QUICK, evaluations=4), steps=8)
    assert [row["val_miou"] for row in result.history] == [0.2, 0.6, 0.1, 0.6]
    assert [row["step"] for row in result.history] == [2, 4, 6, 8]
    assert equal(weights_of(result.model), seen[1])  # the first of the best


def test_without_validation_labels_the_last_weights_are_kept(frames):
    blind = dataclasses.replace(part(frames, [1]), labels=torch.full_like(frames.labels[:1], VOID))
    result = fit(unet(), Task(frames, (0,), frames.labels[:1], blind, 3, seeded()), QUICK)
    assert all(math.isnan(row["val_miou"]) for row in result.history)
    assert not equal(weights_of(result.model), weights_of(unet()))


@pytest.mark.parametrize(("epochs", "images", "steps"), [(1, 3, 1), (2, 5, 4), (3, 8, 6)])
def test_epochs_are_passes(frames, epochs, images, steps):
    config = dataclasses.replace(QUICK, epochs=epochs, evaluations=1)
    chosen = list(range(images))
    result = fit(unet(), Task(frames, tuple(chosen), frames.labels[chosen], part(frames, [1]), 0, seeded()), config)
    assert result.history[-1]["step"] == steps


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
@pytest.mark.parametrize("schedule", ["one-cycle", "poly", "constant"])
def test_every_optimiser_and_schedule_runs(frames, optimizer, schedule):
    before = weights_of(unet())
    result = trained(frames, dataclasses.replace(QUICK, optimizer=optimizer, schedule=schedule), steps=1)
    assert not equal(weights_of(result.model), before) and math.isfinite(result.history[-1]["loss"])


@pytest.mark.parametrize("steps", range(1, 9))
def test_one_cycle_takes_any_length(steps):
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), QUICK.lr)
    schedule = engine._schedule(optimizer, QUICK, steps)
    for _ in range(steps):
        optimizer.step()
        assert 0 < schedule.get_last_lr()[0] <= QUICK.lr + 1e-9
        schedule.step()


def test_an_all_void_annotation_changes_no_score_and_does_not_fail(frames):
    void = torch.full_like(frames.labels[:1], VOID)
    result = fit(unet(), Task(frames, (0,), void, part(frames, [1]), 2, seeded()), QUICK)
    assert result.history[-1]["loss"] == 0


def test_bf16_trains_like_float32(frames):
    losses = {}
    for amp in ("off", "bf16"):
        result = trained(frames, dataclasses.replace(QUICK, amp=amp), steps=6)
        losses[amp] = result.history[-1]["loss"]
        assert all(weight.dtype == torch.float32 for weight in result.model.parameters())
    assert losses["bf16"] == pytest.approx(losses["off"], rel=0.05)


@pytest.mark.parametrize("steps", [1, 6])
def test_a_diverging_training_stops(frames, steps):
    config = dataclasses.replace(QUICK, lr=1e30, schedule="constant", evaluations=1)
    with pytest.raises(TrainingDiverged, match=r"lower train\.lr or set train\.amp to off\. The state of the last"):
        trained(frames, config, steps=steps)


def test_nothing_to_train_on(frames):
    with pytest.raises(ConfigError, match="no annotated images to train on; label at least one"):
        fit(unet(), Task(frames, (), frames.labels[:0], part(frames, [1]), 2, seeded()), QUICK)


def test_sampling_by_the_root_of_annotated_pixels():
    labels = torch.full((3, 10, 10), VOID, dtype=torch.uint8)
    labels[0] = 1  # 100 pixels, odds 10
    labels[1, 0, :4] = 1  # 4 pixels, odds 2; nothing in the third
    draws = torch.cat([order(labels, "sqrt-pixels", seeded(k)) for k in range(2000)])
    shares = torch.bincount(draws, minlength=3) / len(draws)
    assert torch.allclose(shares, torch.tensor([10 / 12, 2 / 12, 0.0]), atol=0.02)
    assert sorted(order(labels, "image", seeded(0)).tolist()) == [0, 1, 2]
