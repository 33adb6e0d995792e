"""A user's own images, on tiny fakes."""

import json

import numpy as np
import pytest
from PIL import Image

from segxal.core.errors import DataInvalid, DataMissing
from segxal.core.labels import VOID
from segxal.core.seeds import rng
from segxal.data import check, open_dataset, report
from segxal.data.folder import Folder, hashed_split, palette, read_classes_file

SPLITS = ("train", "val", "test")


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def root(tmp_path):
    """Twenty labelled images in two nested folders, four without labels, three classes."""
    for i in range(24):
        name = f"ride{i % 2}/{i:02d}"
        r = rng(0, name)
        save(tmp_path / "images" / f"{name}.{('png', 'jpg', 'jpeg')[i % 3]}", r.integers(0, 256, (8, 10, 3), np.uint8))
        if i < 20:
            save(tmp_path / "labels" / f"{name}.png", r.integers(0, 3, (8, 10), np.uint8))
    write(tmp_path / "classes.txt", "road 128 64 128\ntraffic light\nsky\n")
    return tmp_path


def ids(root):
    return {split: [item.id for item in Folder(split, (8, 10), root).items] for split in SPLITS}


def test_labelled_images_are_split_and_the_others_train(root):
    splits = ids(root)
    assert {split: len(names) for split, names in splits.items()} == {"train": 14 + 4, "val": 3, "test": 3}
    assert len({name for names in splits.values() for name in names}) == 24
    assert splits == ids(root) and splits["train"] == sorted(splits["train"])


def test_samples_with_and_without_labels(root):
    train = open_dataset("folder", "train", (4, 5), root)
    samples = {sample.id: sample for sample in (train[i] for i in range(len(train)))}
    bare = samples["ride1/23"]
    assert not bare.labelled and (bare.labels == VOID).all() and bare.sequence == "ride1"
    assert sum(not sample.labelled for sample in samples.values()) == 4
    assert {sample.image.shape for sample in samples.values()} == {(4, 5, 3)}


def test_palette_labels_are_ids(root):
    picture = Image.fromarray(np.full((8, 10), 2, np.uint8), "P")
    picture.putpalette([9, 9, 9, 8, 8, 8, 7, 7, 7])
    picture.save(root / "labels" / "ride0" / "00.png")
    write(root / "splits" / "train.txt", "ride0/00\n")
    assert (Folder("train", (8, 10), root)[0].labels == 2).all()


def test_split_by_hash_hardly_moves():
    names = {f"image{i}" for i in range(200)}
    before, after = hashed_split(names, set()), hashed_split(names | {"one more"}, {"bare"})
    assert [len(before[split]) for split in SPLITS] == [140, 30, 30]
    assert sum(len(set(before[split]) - set(after[split])) for split in SPLITS) <= 2
    assert "bare" in after["train"]


@pytest.mark.parametrize(("count", "expected"), [(0, (0, 0, 0)), (2, (2, 0, 0)), (3, (1, 1, 1)), (7, (5, 1, 1))])
def test_split_of_very_few(count, expected):
    split = hashed_split({str(i) for i in range(count)}, set())
    assert tuple(len(split[name]) for name in SPLITS) == expected


def test_no_labels_at_all(root):
    for path in (root / "labels").rglob("*.png"):
        path.unlink()
    assert len(Folder("train", (4, 5), root)) == 24
    with pytest.raises(DataMissing, match=r"no images for val; label at least 3 images .* or write splits/val\.txt"):
        Folder("val", (4, 5), root)


def test_split_files_decide(root):
    write(root / "splits" / "train.txt", "\ufeffimages/ride0/00.png\nride1/21\n")
    write(root / "splits" / "val.txt", "ride0/02.jpeg\n")
    assert [item.id for item in Folder("train", (4, 5), root).items] == ["ride0/00", "ride1/21"]
    assert [item.id for item in Folder("val", (4, 5), root).items] == ["ride0/02"]
    with pytest.raises(DataMissing, match=r"there is a folder splits/ but no splits/test\.txt"):
        Folder("test", (4, 5), root)


@pytest.mark.parametrize(
    ("val", "words"),
    [
        ("ride0/00\n", r"ride0/00 \(1 in all\) are in both train\.txt and val\.txt"),
        ("ride0/02\nride0/02.png\n", r"val\.txt lists ride0/02 twice"),
        ("nowhere\n", r"1 name in the list\(s\) without image: nowhere"),
        ("ride1/21\n", r"1 image\(s\) without label, which val needs: ride1/21"),
    ],
)
def test_bad_split_files(root, val, words):
    write(root / "splits" / "train.txt", "ride0/00\n")
    write(root / "splits" / "val.txt", val)
    with pytest.raises(DataInvalid, match=words):
        Folder("val", (4, 5), root)


def test_label_without_image(root):
    (root / "images" / "ride0" / "00.png").unlink()
    with pytest.raises(DataInvalid, match=r"1 label\(s\) without image: ride0/00"):
        Folder("train", (4, 5), root)


def test_label_outside_the_classes(root):
    save(root / "labels" / "ride0" / "00.png", np.full((8, 10), 3, np.uint8))
    problems = check("folder", root)
    assert len(problems) == 1
    assert "ride0/00.png: label ids [3] are not classes; expected 0..2 (3 classes) or 255 (void)" in problems[0]


def test_classes_from_text(root):
    classes, _ = Folder.read_classes(root)
    assert classes.names == ("road", "traffic light", "sky") and classes.colours[0] == (128, 64, 128)
    assert classes.colours[1] == palette(1) and classes.ground == ("road",) and classes.sky == "sky"


def test_classes_from_json(root):
    (root / "classes.txt").unlink()
    write(root / "classes.json", json.dumps(["road", {"name": "car", "colour": [0, 0, 142]}, {"name": "tree"}]))
    classes, table = Folder.read_classes(root)
    assert classes.names == ("road", "car", "tree") and classes.colours[1] == (0, 0, 142) and classes.sky == ""
    assert table[:4].tolist() == [0, 1, 2, -1] and table[255] == VOID


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("classes.txt", "# nothing\n\n", "holds 0 classes"),
        ("classes.txt", "road\nroad\n", "holds 2 classes, 1 distinct"),
        ("classes.txt", "\n".join(f"c{i}" for i in range(256)), "holds 256 classes, 256 distinct"),
        ("classes.txt", "road 1 2 300", r"colour \[1, 2, 300\] is not usable"),
        ("classes.json", "[", "it is not valid JSON"),
        ("classes.json", '{"road": 1}', "found dict"),
        ("classes.json", "[3]", "found 3"),
        ("classes.json", '[{"name": "road", "colour": "red"}]', "colour 'red' is not usable"),
    ],
)
def test_bad_classes_files(tmp_path, name, text, words):
    write(tmp_path / name, text)
    with pytest.raises(DataInvalid, match=words):
        read_classes_file(tmp_path / name)


def test_classes_file_that_is_not_utf8(tmp_path):
    (tmp_path / "classes.txt").write_bytes("Straße\n".encode("latin-1"))
    with pytest.raises(DataInvalid, match=r"classes\.txt is not UTF-8 text .*save it as UTF-8"):
        read_classes_file(tmp_path / "classes.txt")


def test_palette_colours_differ():
    assert len({palette(i) for i in range(60)}) == 60


def test_no_classes_file(root):
    (root / "classes.txt").unlink()
    with pytest.raises(DataMissing, match=r"there is no classes\.txt and no classes\.json"):
        Folder("train", (4, 5), root)


def test_no_images(tmp_path):
    write(tmp_path / "classes.txt", "road\ncar\n")
    with pytest.raises(DataMissing, match=r"folder was not found: none of .* holds images/, labels/"):
        Folder("train", (4, 5), tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(DataMissing, match=r"images/ holds no \.png, \.jpg, .* or \.bmp files"):
        Folder("train", (4, 5), tmp_path)


def test_report_of_a_good_folder(root):
    found = next(one for one in report(root) if one.name == "folder")
    assert found.state == "ready" and found.problems == () and found.counts == {"train": 18, "val": 3, "test": 3}


def test_fingerprint_follows_the_classes(root):
    before = Folder("val", (4, 5), root).fingerprint
    write(root / "classes.txt", "road\ncar\nsky\n")
    assert Folder("val", (4, 5), root).fingerprint != before
