"""STAL's parts: teacher, hard pixels, the filter with both signs, mixing of pieces, contrast."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from segxal.core.errors import ConfigError
from segxal.models import build_model
from segxal.models.settings import ModelConfig
from segxal.training.objectives.contrast import Contrast, Pixels, embedding, not_of
from segxal.training.objectives.cutmix import PieceMix
from segxal.training.objectives.stal import MEMORY, START, Stal, hard_cross_entropy, joined, pixels_of, reliable
from segxal.training.settings import TrainConfig
from segxal.training.task import Task

CONFIG = TrainConfig(
    steps=1, cycle_steps=1, batch=4, evaluations=1, amp="off", crop=1.0, jitter=0.0, flip=False, stride=2,
    class_weights="none", objective="stal",
)  # fmt: skip


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def unet():
    return build_model(ModelConfig(base=4, depth=2), 19, seeded())


def started(frames, config=CONFIG):
    objective, model = Stal(), unet()
    model.ready().train()
    task = Task(frames, (0, 1), frames.labels[:2], frames, 10, seeded(), source=frames.select([4, 5, 6, 7]))
    objective.setup(model, task, config)
    return objective


def test_the_teacher_is_the_student_after_the_first_step(frames):
    objective = started(frames)
    loss = objective.loss(1)
    loss.backward()
    torch.optim.SGD(objective.model.parameters(), 0.1).step()
    objective.after_step(1)
    for ours, theirs in zip(objective.model.parameters(), objective.teacher.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert all(w.grad is None for w in objective.teacher.parameters()), "nothing flows into the teacher"


def test_the_bank_remembers_how_sure_the_network_is_and_absent_classes_count_as_not_at_all(frames):
    objective = started(frames)
    probs = torch.full((1, 19, 1, 2), 0.05)
    probs[0, 3] = torch.tensor([0.6, 0.8])
    objective._remember(probs, torch.tensor([[[3, 3]]]))
    expected = torch.full((19,), MEMORY * START)
    expected[3] += (1 - MEMORY) * 0.7
    torch.testing.assert_close(objective.bank, expected)


def test_easy_pixels_do_not_count_but_some_always_do():
    found = torch.tensor([[8.0, 0.0], [0.0, 0.0], [-1.0, 0.0]]).view(1, 3, 2, 1).permute(0, 2, 1, 3)  # (1, 2, 3, 1)
    labels = torch.zeros(1, 3, 1, dtype=torch.long)  # true class: 0.9997, 0.5, 0.27
    losses = F.cross_entropy(found, labels, reduction="none").flatten()
    assert hard_cross_entropy(found, labels, None) == pytest.approx(float(losses[1:].mean()))
    assert hard_cross_entropy(found[:, :, :1], labels[:, :1], None) == pytest.approx(float(losses[0])), "the only one"
    void = torch.full((1, 3, 1), 255)
    loss = hard_cross_entropy(found.requires_grad_(), void, None)
    loss.backward()
    assert loss == 0 and not found.grad.any()


@pytest.mark.parametrize(("rule", "dropped"), [("paper", range(80, 100)), ("faithful", range(20))])
def test_the_filter_drops_a_fifth_at_first_and_nothing_at_last(rule, dropped):
    entropy = torch.arange(100.0).view(1, 10, 10)
    kept = reliable(entropy, 0.0, rule).flatten()
    assert abs(int((~kept).sum()) - 20) <= 1
    assert not set((~kept).nonzero().flatten().tolist()) - {*dropped, 79, 80, 20}
    assert abs(int((~reliable(entropy, 0.5, rule)).sum()) - 10) <= 1
    assert reliable(entropy, 1.0, rule).all()


def test_a_piece_of_one_image_lies_on_the_other_with_its_probabilities(frames):
    mix = PieceMix(frames, dataclasses.replace(CONFIG, batch=2), seeded())
    mix.shown[3, 6] = True  # class 3 was seen in image 6
    bank = torch.ones(19)
    bank[3] = -200  # so weak that it is drawn for sure
    seen = {}

    def teach(images):
        seen["pair"] = images
        probs = torch.zeros(2, 19, 16, 32)
        probs[0, 5], probs[1, 7] = 1, 1
        probs[0, 5, 4:9, 10:21], probs[0, 3, 4:9, 10:21] = 0, 1  # the piece
        return images[:, :, ::2, ::2].float(), probs

    model = unet()
    shown, probs, taught = mix.next(model, teach, bank)
    donor, loaded = seen["pair"]
    expected = loaded.clone()
    expected[:, 8:18, 20:42] = donor[:, 8:18, 20:42]
    assert torch.equal(shown[0], expected) and shown.shape[0] == 1
    assert (probs[0, 3, 4:9, 10:21] == 1).all() and probs[0, 7].sum() == 16 * 32 - 5 * 11
    assert torch.equal(taught[0, :, 4:9, 10:21], donor[:, 8:18:2, 20:42:2].float())
    assert mix.shown[:, 6].nonzero().flatten().tolist() == [3, 5], "what image 6 shows is known now"


def test_without_a_large_piece_half_of_the_image_is_pasted(frames):
    rows, columns = PieceMix(frames, CONFIG, seeded())._box(np.zeros((16, 32), dtype=bool))
    assert (rows.stop - rows.start) * (columns.stop - columns.start) == pytest.approx(16 * 32 / 2, rel=0.1)
    small = np.zeros((16, 32), dtype=bool)
    small[0, :2] = True
    small[8:12, 3:9] = True
    assert PieceMix(frames, CONFIG, seeded())._box(small) == (slice(8, 12), slice(3, 9))


def pixels(embedded, probs, labels, doubtful=None, annotated=None):
    count = len(labels)
    nothing = torch.zeros(count, dtype=torch.bool)
    return Pixels(
        embedded, embedded.detach(), probs, torch.tensor(labels), nothing if doubtful is None else doubtful,
        nothing if annotated is None else annotated,
    )  # fmt: skip


def test_contrast_is_the_softmax_of_cosines():
    anchor, other = torch.tensor([[3.0, 0.0]], requires_grad=True), torch.tensor([[0.0, 2.0]])
    probs = torch.zeros(2, 8)
    probs[0, 0], probs[1, 1] = 0.9, 0.9  # the second pixel is doubtful, and class 0 is far from its first three
    probs[1, 2:5] = torch.tensor([0.04, 0.03, 0.02])
    some = pixels(torch.cat([anchor, other]), probs, [0, 255], doubtful=torch.tensor([False, True]))
    found = Contrast(seeded()).loss(some)
    # cosine 1 to itself, 0 to each of 50 negatives, temperature 0.5; class 0 alone has anchors
    assert found.item() == pytest.approx(-2 + math.log(math.exp(2) + 50), abs=1e-5)


def test_without_negatives_or_anchors_there_is_no_contrast():
    embedded = torch.randn(4, 3, generator=seeded(), requires_grad=True)
    loss = Contrast(seeded()).loss(pixels(embedded, torch.full((4, 5), 0.2), [0, 1, 2, 3]))
    loss.backward()
    assert loss == 0 and not embedded.grad.any()


def test_negatives_are_another_class_that_looks_alike_or_doubtful_and_far():
    rank = torch.tensor([1, 1, 4, 4, 1])
    doubtful, annotated = torch.tensor([0, 0, 1, 0, 1]) > 0, torch.tensor([1, 1, 0, 0, 0]) > 0
    some = pixels(torch.zeros(5, 2), torch.zeros(5, 6), [2, 0, 255, 255, 255], doubtful, annotated)
    assert not_of(0, rank, some).tolist() == [True, False, True, False, False]


def test_pseudo_labels_of_least_entropy_can_be_anchors(frames):
    objective = started(frames)
    read = objective._unlabelled()
    some = pixels_of(read)
    share = float((some.labels != 255).float().mean())
    assert share == pytest.approx(0.2, abs=0.02) and float(some.doubtful.float().mean()) == pytest.approx(0.2, abs=0.02)
    assert not (some.doubtful & (some.labels != 255)).any() and not some.annotated.any()
    assert len(joined([some, some]).labels) == 2 * len(some.labels)


def test_the_input_of_the_last_convolution_is_noted_and_the_hook_goes(unet):
    with embedding(unet) as seen:
        unet(torch.zeros(1, 3, 16, 16))
    assert seen[0].shape == (1, 4, 16, 16)
    assert not unet.head._forward_pre_hooks
    with pytest.raises(ConfigError, match="no convolution"), embedding(torch.nn.Linear(1, 1)):
        pass
