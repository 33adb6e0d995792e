"""Images to explore: from the study, from another data set, from a person's own file."""

import io

import numpy as np
import pytest
from PIL import Image

from segxal.apps.explore.mask import sources
from segxal.core.errors import DataInvalid, DataMissing
from segxal.core.labels import CITYSCAPES, VOID
from segxal.data.splits import open_splits


def file_of(size=(40, 30), kind="PNG"):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def test_an_uploaded_image_comes_at_the_study_s_size_without_labels_and_depth(tiny):
    frames = sources.read_upload(file_of(), "mine.png", tiny, CITYSCAPES)
    assert tuple(frames.images.shape) == (1, 3, 16, 32) and frames.ids == ("mine.png",)
    assert (frames.labels == VOID).all() and frames.depth is None and frames.labelled == (False,)
    grey = io.BytesIO()
    Image.new("L", (20, 20), 77).save(grey, "JPEG")
    assert (sources.read_upload(grey.getvalue(), "grey.jpg", tiny, CITYSCAPES).images == 77).all()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "mine.png is empty; choose a PNG or JPEG"),
        (b"no image at all", "mine.png is not a PNG or JPEG image, or is damaged; choose another file"),
        (file_of()[:200], "mine.png is not a PNG or JPEG image, or is damaged; choose another file"),
        (file_of((40, 8)), "mine.png is 40 x 8 pixels; each side must have at least 16"),
    ],
    ids=["empty", "text", "truncated", "small"],
)
def test_a_file_that_cannot_be_used_is_refused_in_words(tiny, content, words):
    with pytest.raises(DataInvalid, match=words):
        sources.read_upload(content, "mine.png", tiny, CITYSCAPES)


def test_a_huge_file_is_refused_before_it_is_decoded(tiny, monkeypatch):
    monkeypatch.setattr(sources, "LARGEST", 100)
    with pytest.raises(DataInvalid, match="the limit is 0 MB: save a smaller"):
        sources.read_upload(file_of(), "mine.png", tiny, CITYSCAPES)


def test_one_image_of_the_study_is_the_study_s_image(tiny):
    splits = open_splits(tiny.data)
    frames = sources.open_image(tiny, "streets", "val", 2)
    assert frames.ids == splits.val.ids[2:3] and frames.labels.equal(splits.val.labels[2:3])
    assert sources.image_names(tiny, "streets", "val") == list(splits.val.ids)
    assert sources.data_sets(tiny)[0] == "streets"


def test_an_image_of_another_data_set_has_labels_only_for_the_same_classes(tiny, tmp_path):
    root = tmp_path / "folder"
    for name in "abc":
        for part, array in (("images", np.full((20, 20, 3), 9, np.uint8)), ("labels", np.ones((20, 20), np.uint8))):
            (root / part).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(root / part / f"{name}.png")
    (root / "classes.txt").write_text("sky\nroad\n")
    assert "folder" in sources.data_sets(tiny, str(tmp_path))
    assert sources.image_names(tiny, "folder", "train", str(tmp_path)) == ["train 0"]
    frames = sources.open_image(tiny, "folder", "train", 0, str(tmp_path))
    assert tuple(frames.images.shape) == (1, 3, 16, 32) and (frames.labels == 1).all()
    assert sources.known_to(frames.classes, frames) is frames
    seen = sources.known_to(CITYSCAPES, frames)
    assert (seen.labels == VOID).all() and seen.classes is CITYSCAPES and seen.labelled == (False,)
    assert seen.images is frames.images
    with pytest.raises(DataMissing, match="cityscapes"):
        sources.open_image(tiny, "cityscapes", "train", 0, str(tmp_path))


def test_two_files_of_one_name_are_two_subjects(tiny):
    frames = open_splits(tiny.data).train
    one, other = (sources.subject_of("your image", frames.select([k]), "0", None) for k in (0, 1))
    assert one.name != other.name
    assert one.name == sources.subject_of("your image", frames.select([0]), "0", None).name
