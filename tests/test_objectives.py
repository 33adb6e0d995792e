"""The contract of an objective: one more needs no line in the engine; starts without labels; who annotated what."""

import dataclasses

import pytest
import torch

from segxal.core.errors import ConfigError
from segxal.models import build_model
from segxal.models.settings import ModelConfig
from segxal.training import objectives
from segxal.training.batches import batches
from segxal.training.engine import fit
from segxal.training.objectives import get_objective
from segxal.training.objectives.base import Objective
from segxal.training.predict import logits
from segxal.training.settings import TrainConfig
from segxal.training.task import Task

CONFIG = TrainConfig(epochs=1, batch=4, evaluations=1, amp="off")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def unet():
    return build_model(ModelConfig(base=4, depth=2), 19, seeded())


def unlabelled_task(frames, **changes):
    return dataclasses.replace(Task(frames, (), frames.labels[:0], frames, 4, seeded()), **changes)


class MostSure(Objective):
    """Minimises the entropy of predictions: needs no annotation."""

    def setup(self, model, task, config):
        super().setup(model, task, config)
        self.calls = []
        nothing = torch.full_like(task.target.labels, 255)
        self.all = batches(task.target, range(len(task.target)), nothing, config, task.generator)

    def loss(self, step):
        self.calls.append(("loss", step))
        images, _ = next(self.all)
        probs = logits(self.model, images, self.config.amp).softmax(1)
        return torch.special.entr(probs).sum(1).mean()

    def after_step(self, step):
        super().after_step(step)
        self.calls.append(("after", step))


@pytest.fixture
def most_sure(monkeypatch):
    """The toy objective under a name; gives what was made of it."""
    made = []

    def make():
        made.append(MostSure())
        return made[-1]

    monkeypatch.setitem(objectives.OBJECTIVES, "most-sure", make)
    return made


def test_one_more_objective_runs_on_images_without_any_label(frames, most_sure):
    config = dataclasses.replace(CONFIG, objective="most-sure", evaluations=2)
    result = fit(unet(), unlabelled_task(frames), config)
    (objective,) = most_sure
    assert objective.calls == [(word, step) for step in (1, 2, 3, 4) for word in ("loss", "after")]
    assert result.history[1]["loss"] < result.history[0]["loss"]
    assert not any(module.training for part in (result.model, result.teacher) for module in part.modules())
    assert not torch.equal(result.model.head.weight, unet().head.weight)
    assert not torch.equal(result.teacher.head.weight, result.model.head.weight)


def test_an_epoch_without_labels_is_a_pass_over_all_images(frames, most_sure):
    config = dataclasses.replace(CONFIG, objective="most-sure", epochs=3)
    result = fit(unet(), unlabelled_task(frames, steps=0), config)
    assert result.history[-1]["step"] == 3 * 2  # eight images in batches of four


def test_a_task_of_nothing_else_draws_the_same_for_the_same_generator(frames, most_sure):
    config = dataclasses.replace(CONFIG, objective="most-sure")
    one, again, other = (fit(unet(), unlabelled_task(frames, generator=seeded(k)), config).model for k in (0, 0, 1))
    assert torch.equal(one.head.weight, again.head.weight) and not torch.equal(one.head.weight, other.head.weight)


@pytest.mark.parametrize("name", ["supervised", "s4al"])
def test_objectives_that_learn_from_people_refuse_to_start_without_them(frames, name):
    config, state = dataclasses.replace(CONFIG, objective=name), torch.random.get_rng_state()
    with pytest.raises(ConfigError, match=r"no annotated images to train on; label at least one \(pool\.start\)"):
        fit(unet(), unlabelled_task(frames), config)
    machine = Task(frames, (0, 3), frames.labels[[0, 3]], frames, 4, seeded(), made_by=("machine", "machine"))
    with pytest.raises(ConfigError, match="2 images annotated by machines alone to train on"):
        fit(unet(), machine, config)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_one_annotation_of_people_is_enough_and_who_made_the_others_changes_nothing(frames):
    mixed = Task(frames, (0, 3), frames.labels[[0, 3]], frames, 2, seeded(), made_by=("machine", "human"))
    people = Task(frames, (0, 3), frames.labels[[0, 3]], frames, 2, seeded())
    one, other = (fit(unet(), task, CONFIG).model for task in (mixed, people))
    assert torch.equal(one.head.weight, other.head.weight)


def test_a_task_knows_who_annotated_what(frames):
    task = Task(frames, (5, 2), frames.labels[[5, 2]], frames, 2, seeded(), made_by=("machine", "human"))
    assert [task.maker_of(k) for k in (0, 2, 5)] == ["none", "human", "machine"] and task.by_people == 1
    everyone = dataclasses.replace(task, made_by=())
    assert [everyone.maker_of(k) for k in (0, 2, 5)] == ["none", "human", "human"] and everyone.by_people == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"annotated": (5,)}, "1 annotated images but annotations of 2; give one per image"),
        ({"made_by": ("human",)}, "for 2 annotated images; say machine or human for each"),
        ({"made_by": ("human", "none")}, "for 2 annotated images; say machine or human for each"),
    ],
)
def test_annotations_without_image_or_maker_are_refused(frames, changes, words):
    with pytest.raises(ConfigError, match=words):
        dataclasses.replace(Task(frames, (5, 2), frames.labels[[5, 2]], frames, 2, seeded()), **changes)


def test_an_unknown_objective_lists_the_known():
    with pytest.raises(ConfigError, match=r"no objective 'semi'; choose one of supervised, s4al.*: train\.objective"):
        get_objective("semi")


def test_groups_of_weights_have_rates_of_their_own(frames):
    """What a pretrained encoder needs: its weights move less than the rest."""
    still, plain = unet(), unet()
    rest = [weight for name, weight in still.named_parameters() if not name.startswith("down.")]
    still.parameter_groups = lambda rate: [
        {"params": list(still.down.parameters()), "lr": 0.0}, {"params": rest, "lr": rate}
    ]  # fmt: skip
    task = Task(frames, (0, 3), frames.labels[[0, 3]], frames, 3, seeded())
    fit(still, task, dataclasses.replace(CONFIG, optimizer="sgd", schedule="constant"))
    assert torch.equal(still.down[0][0].weight, plain.down[0][0].weight)
    assert not torch.equal(still.head.weight, plain.head.weight)
