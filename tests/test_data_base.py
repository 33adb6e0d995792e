"""Loading of splits, and data sets by name."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from pictures import TWO, noise, save

from segxal import data
from segxal.core.errors import ConfigError, DataMissing
from segxal.core.labels import CAMVID, VOID
from segxal.data.base import Sample, load_frames

# --- whole splits


class Fake:
    """Three samples; counts how often one is read."""

    name, split, classes, size = "fake", "train", TWO, (4, 6)

    def __init__(self, fingerprint="one", depth=True):
        self.fingerprint, self.depth, self.reads = fingerprint, depth, 0

    def __len__(self):
        return 3

    def __getitem__(self, index):
        self.reads += 1
        depth = np.full((4, 6), index, np.float32) if self.depth else None
        labels = np.full((4, 6), VOID if index == 2 else 1, np.uint8)
        return Sample(f"é{index}", noise(4, 6, index), labels, depth, f"ride{index}", index < 2)


def assert_same(one, other):
    assert (one.ids, one.sequences, one.labelled, one.classes) == (
        other.ids,
        other.sequences,
        other.labelled,
        other.classes,
    )
    for name in ("images", "labels", "depth"):
        assert torch.equal(getattr(one, name), getattr(other, name))


def test_frames_hold_every_sample():
    frames = load_frames(Fake())
    assert frames.images.shape == (3, 3, 4, 6) and frames.images.dtype == torch.uint8
    assert (frames.images[1].permute(1, 2, 0).numpy() == noise(4, 6, 1)).all()
    assert frames.depth[:, 0, 0].tolist() == [0, 1, 2]
    assert frames.labelled == (True, True, False) and len(frames) == 3


def test_cache_gives_the_same_frames_without_decoding(tmp_path):
    first = load_frames(Fake(), tmp_path)
    again = Fake()
    assert_same(load_frames(again, tmp_path), first)
    assert again.reads == 0


def test_another_fingerprint_is_decoded_again(tmp_path):
    load_frames(Fake("one"), tmp_path)
    changed = Fake("two")
    load_frames(changed, tmp_path)
    assert changed.reads == 3


def test_frames_without_depth(tmp_path):
    assert load_frames(Fake(depth=False), tmp_path).depth is None
    assert load_frames(Fake(depth=False), tmp_path).depth is None


def test_empty_split_is_refused():
    empty = type("Empty", (Fake,), {"__len__": lambda self: 0})()
    with pytest.raises(ConfigError, match="fake train holds no image"):
        load_frames(empty)


# --- by name


def test_unknown_name_lists_the_names():
    for call in (lambda: data.open_dataset("camvit", "train", (8, 8)), lambda: data.check("camvit")):
        with pytest.raises(ConfigError, match="unknown data set 'camvit'; choose one of streets, camvid, cityscapes"):
            call()


@pytest.mark.parametrize(
    ("name", "options", "given"), [("streets", {"count": 3}, "count"), ("camvid", {"seed": 1}, "seed")]
)
def test_options_are_exactly_those_of_the_data_set(name, options, given):
    with pytest.raises(ConfigError, match=rf"data set {name} takes the options .*, but was given {given}"):
        data.open_dataset(name, "train", (8, 8), **options)


def test_streets_by_name():
    streets = data.open_dataset("streets", "train", (32, 64), count=2, seed=5)
    assert isinstance(streets, data.Streets)


def make_camvid(root):
    for number, split in enumerate(("train", "val", "test")):
        for i in range(3):
            name = f"0001TP_{number}{i}"
            save(root / split / f"{name}.png", noise(6, 8, i))
            save(root / f"{split}annot" / f"{name}.png", np.full((6, 8), i, np.uint8))
    return root


def test_report_of_an_empty_root(tmp_path):
    reports = {found.name: found for found in data.report(tmp_path)}
    assert list(reports) == list(data.REGISTRY)
    assert reports["streets"].state == "ready"
    for name, words in {"camvid": "SegNet", "cityscapes": "cityscapes-dataset.com", "folder": "classes.txt"}.items():
        found = reports[name]
        assert found.state == "missing" and words in found.how_to_get
        assert str(tmp_path) in found.problems[0] and found.how_to_get not in found.problems[0]


def test_report_says_what_is_there_and_what_is_not(tmp_path):
    make_camvid(tmp_path / "CamVid")
    (tmp_path / "CamVid" / "test" / "0001TP_20.png").unlink()
    camvid = next(found for found in data.report(tmp_path) if found.name == "camvid")
    assert camvid.state == "incomplete" and camvid.where == str(tmp_path / "CamVid")
    assert camvid.counts == {"train": 3, "val": 3, "test": 2}
    assert any("1 label(s) without image" in problem and "0001TP_20" in problem for problem in camvid.problems)
    assert any("train has 3 usable images, the published split has 367" in problem for problem in camvid.problems)


def test_deep_check_names_every_bad_file(tmp_path, monkeypatch):
    monkeypatch.setattr(data.CamVid, "counts", {})
    root = make_camvid(tmp_path / "camvid")
    assert data.check("camvid", tmp_path) == []
    (root / "train" / "0001TP_00.png").write_bytes(b"no image")
    save(root / "trainannot" / "0001TP_01.png", np.full((6, 8), 99, np.uint8))
    save(root / "valannot" / "0001TP_12.png", np.zeros((5, 8), np.uint8))
    save(root / "test" / "0001TP_00.png", noise(6, 8))
    save(root / "testannot" / "0001TP_00.png", np.zeros((6, 8), np.uint8))
    problems = data.check("camvid", tmp_path)
    words = ["train/0001TP_00.png cannot be read", "ids [99] are not classes", "is 8 x 5", "is also in train; keep one"]
    assert len(problems) == 4 and all(any(word in problem for problem in problems) for word in words)
    assert len(data.check("camvid", tmp_path, deep=False)) == 1


def test_check_of_the_streets_and_of_nothing(tmp_path):
    assert data.check("streets", tmp_path) == []
    with pytest.raises(DataMissing, match="camvid was not found"):
        data.check("camvid", tmp_path)


def test_every_data_set_has_names_for_its_ids():
    assert len(CAMVID) == 11 and len(set(CAMVID.names)) == 11


def test_select_gives_some_images_as_a_split_of_their_own(frames):
    part = frames.select([5, 2])
    assert part.ids == (frames.ids[5], frames.ids[2]) and len(part) == 2
    assert part.sequences == (frames.sequences[5], frames.sequences[2]) and part.labelled == (True, True)
    for name in ("images", "labels", "depth"):
        assert torch.equal(getattr(part, name), getattr(frames, name)[[5, 2]]), name
    assert part.classes is frames.classes and replace(frames, depth=None).select([0]).depth is None


def test_an_image_is_found_by_its_name(frames):
    assert [frames.position(name) for name in frames.ids] == list(range(len(frames)))
    with pytest.raises(ConfigError, match=r"no image 'moon' in this split; there are 8, for example train_"):
        frames.position("moon")
