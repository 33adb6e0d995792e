"""Learning from images without annotations: pseudo-labels, ClassMix, the loss, the teacher's average."""

import copy
import dataclasses
import math

import pytest
import torch
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

from segxal.core.labels import VOID
from segxal.models import build_model
from segxal.models.settings import ModelConfig
from segxal.training.engine import fit
from segxal.training.objectives import s4al
from segxal.training.objectives.s4al import (
    PseudoLabelled,
    class_mix,
    pseudo_labelled,
    ramped_average,
    unlabelled,
    unsupervised_loss,
)
from segxal.training.settings import TrainConfig
from segxal.training.task import Task

S4AL = TrainConfig(epochs=1, batch=2, evaluations=1, amp="off", objective="s4al")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def unet():
    return build_model(ModelConfig(base=4, depth=2, dropout=0.2), 19, seeded())


def trained(frames, config=S4AL, indices=(0, 3), labels=None, seed=0, steps=5):
    indices = list(indices)
    labels = frames.labels[indices] if labels is None else labels
    return fit(unet(), Task(frames, tuple(indices), labels, frames, steps, seeded(seed)), config)


def weights_of(result):
    return [value.clone() for part in (result.model, result.teacher) for value in part.state_dict().values()]


def equal(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


# which images


def test_unlabelled_are_the_rest_and_what_is_annotated_for_less_than_half():
    labels = torch.zeros(3, 2, 4, dtype=torch.uint8)
    labels[1, :, 1:], labels[2, :, :2] = VOID, VOID  # a quarter and a half annotated
    positions, annotation = unlabelled(6, [4, 0, 2], labels)
    assert positions == [1, 3, 5, 0]
    assert annotation.dtype == torch.uint8 and annotation[:3].eq(VOID).all() and torch.equal(annotation[3], labels[1])


def test_nothing_is_unlabelled_when_all_is_annotated():
    positions, annotation = unlabelled(2, [1, 0], torch.zeros(2, 2, 4, dtype=torch.uint8))
    assert positions == [] and annotation.shape == (0, 2, 4)


# the teacher


def test_the_ramped_average_by_hand():
    model = torch.nn.Linear(1, 1, bias=False)
    teacher = AveragedModel(model, multi_avg_fn=ramped_average(0.6))
    seen = []
    for value in (1.0, 3.0, 5.0, 9.0):
        with torch.no_grad():
            model.weight.fill_(value)
        teacher.update_parameters(model)
        seen.append(teacher.module.weight.item())
    # copy; decay 1 - 1/2; then 1 - 1/3 and 1 - 1/4 are above 0.6
    assert seen == pytest.approx([1, 2, 0.6 * 2 + 0.4 * 5, 0.6 * 3.2 + 0.4 * 9])


def test_the_annotation_stands_and_the_teacher_fills_in():
    probs = torch.tensor([[0.7, 0.2, 0.4], [0.3, 0.8, 0.6]]).view(1, 2, 1, 3)
    annotation = torch.tensor([[[VOID, VOID, 0]]])
    batch = pseudo_labelled(torch.zeros(1, 3, 1, 3, dtype=torch.uint8), annotation, probs)
    assert batch.labels.tolist() == [[[0, 1, 0]]] and batch.labels.dtype == torch.int64
    assert torch.allclose(batch.confidence, torch.tensor([[[0.7, 0.8, 1.0]]]))


# ClassMix


def three():
    """Images of one colour each: 10, 20, 30; classes 0 | 1, 2 | 3, and 5 everywhere."""
    labels = torch.tensor([[[0, 0, 1, 1]], [[2, 2, 2, 3]], [[5, 5, 5, 5]]])
    images = torch.tensor([10, 20, 30], dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 3, 1, 4)
    confidence = torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1).expand(3, 1, 4)
    return PseudoLabelled(images, labels, confidence)


def test_half_of_the_classes_go_onto_the_next_image():
    batch, kept = three(), copy.deepcopy(three())
    first, second = set(), set()
    for seed in range(20):
        mix = class_mix(batch, seeded(seed))
        assert torch.equal(mix.images[0], batch.images[0])  # the last image has one class: half of one is none
        first.add((tuple(mix.images[1, 0, 0].tolist()), tuple(mix.labels[1, 0].tolist())))
        second.add(tuple(mix.labels[2, 0].tolist()))
        for k in range(3):  # pixel, label and confidence travel together, in all channels
            assert torch.allclose(mix.confidence[k], mix.images[k, 0].float() / 100)
            assert mix.images[k].eq(mix.images[k, :1]).all()
    assert first == {((10, 10, 20, 20), (0, 0, 2, 3)), ((20, 20, 10, 10), (2, 2, 1, 1))}
    assert second == {(2, 2, 2, 5), (5, 5, 5, 3)}
    assert torch.equal(batch.images, kept.images) and torch.equal(batch.labels, kept.labels)


def test_five_classes_give_two():
    labels = torch.stack([torch.arange(5).view(1, 5), torch.full((1, 5), 9)])
    batch = PseudoLabelled(torch.zeros(2, 3, 1, 5, dtype=torch.uint8), labels, torch.ones(2, 1, 5))
    assert int((class_mix(batch, seeded()).labels[1] != 9).sum()) == 2


def test_one_image_stays_what_it_is():
    batch = PseudoLabelled(*(getattr(three(), name)[:1] for name in ("images", "labels", "confidence")))
    mix = class_mix(batch, seeded())
    assert torch.equal(mix.images, batch.images) and torch.equal(mix.labels, batch.labels)


# loss


def test_the_loss_by_hand():
    logits = torch.zeros(2, 2, 1, 2)  # cross-entropy ln 2 everywhere ...
    logits[0, 0, 0, 0] = 200.0  # ... but 0 here: not counted
    confidence = torch.tensor([[[0.98, 0.5]], [[0.97, 1.0]]])
    batch = PseudoLabelled(
        torch.zeros(2, 3, 1, 2, dtype=torch.uint8), torch.zeros(2, 1, 2, dtype=torch.int64), confidence
    )
    ln2 = math.log(2)
    expected = (0.5 * 0.5 * ln2 + 1.0 * 0.97 * ln2 + 1.0 * 1.0 * ln2) / 3
    assert unsupervised_loss(logits, batch).item() == pytest.approx(expected, abs=1e-6)


def test_a_sure_teacher_gives_plain_cross_entropy():
    logits = torch.randn(2, 4, 3, 5, generator=seeded())
    labels = torch.randint(0, 4, (2, 3, 5), generator=seeded(1))
    batch = PseudoLabelled(torch.zeros(2, 3, 3, 5, dtype=torch.uint8), labels, torch.ones(2, 3, 5))
    assert unsupervised_loss(logits, batch).item() == pytest.approx(F.cross_entropy(logits, labels).item(), rel=1e-5)


def test_the_loss_of_nothing_is_zero_with_zero_gradients():
    logits = torch.zeros(1, 2, 1, 2)
    logits[:, 0] = 200.0
    logits.requires_grad_()
    batch = PseudoLabelled(torch.zeros(1, 3, 1, 2, dtype=torch.uint8), torch.zeros(1, 1, 2, dtype=torch.int64),
                   torch.ones(1, 1, 2))  # fmt: skip
    loss = unsupervised_loss(logits, batch)
    loss.backward()
    assert loss.item() == 0 and logits.grad.eq(0).all()


# training


def test_the_same_generator_gives_the_same_weights(frames):
    state, images = torch.random.get_rng_state(), frames.images.clone()
    one, again, other = (trained(frames, seed=seed) for seed in (0, 0, 1))
    assert equal(weights_of(one), weights_of(again)) and one.history == again.history
    assert not equal(weights_of(one), weights_of(other))
    assert torch.equal(torch.random.get_rng_state(), state) and torch.equal(frames.images, images)
    assert not any(module.training for part in (one.model, one.teacher) for module in part.modules())


def test_labels_of_unlabelled_images_are_not_looked_at(frames):
    blind = dataclasses.replace(frames, labels=torch.full_like(frames.labels, VOID))
    tasks = [Task(part, (0, 3), frames.labels[[0, 3]], blind, 5, seeded()) for part in (frames, blind)]
    results = [fit(unet(), task, S4AL) for task in tasks]
    assert equal(*map(weights_of, results))


def test_unlabelled_images_change_what_is_learned(frames):
    dark = dataclasses.replace(frames, images=frames.images.clone())
    dark.images[1:3] //= 2
    config = dataclasses.replace(S4AL, objective="supervised")
    assert not equal(weights_of(trained(frames)), weights_of(trained(dark)))
    tasks = (Task(part, (0, 3), frames.labels[[0, 3]], frames, 5, seeded()) for part in (frames, dark))
    one, other = (fit(unet(), task, config) for task in tasks)
    assert equal(weights_of(one), weights_of(other))


def test_with_everything_annotated_only_the_teacher_differs(frames):
    results = [trained(frames, dataclasses.replace(S4AL, objective=name), range(8)) for name in ("s4al", "supervised")]
    one, other = ([*result.model.state_dict().values()] for result in results)
    assert equal(one, other) and results[0].history == results[1].history


def test_all_void_annotations_still_give_a_finite_loss(frames):
    result = trained(frames, labels=torch.full_like(frames.labels[:2], VOID))
    assert math.isfinite(result.history[-1]["loss"])
    assert all(torch.isfinite(weight).all() for weight in weights_of(result))


def test_the_first_fifth_is_supervised_alone_and_counts_half_more(frames, monkeypatch):
    monkeypatch.setattr(s4al, "unsupervised_loss", lambda logits, batch: logits.sum() * 0 + 100)
    plain = dataclasses.replace(S4AL, lr=1e-12, evaluations=5, flip=False, crop=1.0, jitter=0.0)
    rows = [
        fit(build_model(ModelConfig(base=4, depth=2), 19, seeded()),
            Task(frames, (0, 3), frames.labels[[0, 3]], frames, 5, seeded()), config).history
        for config in (plain, dataclasses.replace(plain, objective="supervised"))
    ]  # fmt: skip
    mixed, alone = ([row["loss"] for row in history] for history in rows)
    expected = [1.5 * alone[0], *(loss + 100 for loss in alone[1:])]
    assert mixed == pytest.approx(expected, rel=1e-4)


def test_the_teacher_sees_annotated_pixels_of_partly_annotated_images(frames, monkeypatch):
    seen = []

    def watch(images, annotation, probs):
        seen.append(annotation)
        return pseudo_labelled(images, annotation, probs)

    monkeypatch.setattr(s4al, "pseudo_labelled", watch)
    labels = torch.full_like(frames.labels, VOID)
    labels[:, :8, :8] = frames.labels[:, :8, :8]
    trained(frames, dataclasses.replace(S4AL, flip=False, crop=1.0), range(8), labels)
    assert len(seen) == 4  # of five steps the first is supervised
    assert all((part != VOID).any() and (part[:, 8:] == VOID).all() for part in seen)
