"""Cityscapes on a tiny fake tree."""

import numpy as np
import pytest
from PIL import Image

from segxal.core.errors import DataInvalid, DataMissing
from segxal.core.labels import CITYSCAPES, CITYSCAPES_TRAIN_IDS, VOID
from segxal.core.seeds import rng
from segxal.data import check
from segxal.data.base import load_frames
from segxal.data.cityscapes import Cityscapes, held_out

CITIES = {"train": {"aachen": 4, "bochum": 6}, "val": {"lindau": 3}}


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


@pytest.fixture
def root(tmp_path):
    home = tmp_path / "cityscapes"
    for split, cities in CITIES.items():
        for city, count in cities.items():
            for i in range(count):
                name = f"{city}_{i:06d}_000019"
                r = rng(0, name)
                image, ids = r.integers(0, 256, (16, 34, 3), np.uint8), np.tile(np.arange(34, dtype=np.uint8), (16, 1))
                disparity = r.integers(0, 30000, (16, 34)).astype(np.uint16)
                disparity[0, :3] = 0, 1, 12801
                save(home / "leftImg8bit" / split / city / f"{name}_leftImg8bit.png", image)
                save(home / "gtFine" / split / city / f"{name}_gtFine_labelIds.png", ids)
                save(home / "disparity" / split / city / f"{name}_disparity.png", disparity)
    return tmp_path


def files(root, pattern):
    return sorted((root / "cityscapes").rglob(pattern))


def test_label_ids_become_train_ids(root):
    sample = Cityscapes("test", (16, 34), root)[0]
    assert sample.labels[0].tolist() == [CITYSCAPES_TRAIN_IDS.get(i, VOID) for i in range(34)]
    assert len(CITYSCAPES) == 19 and sample.sequence == "lindau" and sample.id == "lindau_000000_000019"


def test_depth_is_proportional_to_disparity(root):
    depth = Cityscapes("test", (16, 34), root)[0].depth
    assert depth.dtype == np.float32 and np.isnan(depth[0, 0])
    assert depth[0, 1] == 0 and depth[0, 2] == np.float32(50 / 128)
    stored = np.asarray(Image.open(files(root, "lindau_000000*_disparity.png")[0])).astype(float)
    measured = stored > 0
    np.testing.assert_allclose(depth[measured], (stored[measured] - 1) / 256 / 128, rtol=1e-6)
    assert (np.isnan(depth) == ~measured).all()


def test_resized_depth_invents_no_value(root):
    whole, small = (Cityscapes("test", size, root)[1].depth for size in ((16, 34), (5, 9)))
    assert small.shape == (5, 9) and np.isin(small[~np.isnan(small)], whole).all()


def test_no_depth_without_its_folder(root):
    for path in files(root, "*_disparity.png"):
        path.unlink()
    with pytest.raises(DataInvalid, match=r"3 image\(s\) without disparity"):
        Cityscapes("test", (8, 16), root)
    for folder in ("val/lindau", "val"):
        (root / "cityscapes" / "disparity" / folder).rmdir()
    assert load_frames(Cityscapes("test", (8, 16), root)).depth is None


def test_splits_share_no_image_and_lose_none(root):
    ids = {split: {item.id for item in Cityscapes(split, (8, 16), root).items} for split in ("train", "val", "test")}
    assert {split: len(names) for split, names in ids.items()} == {"train": 9, "val": 1, "test": 3}
    assert not ids["train"] & ids["val"]
    assert all(name.startswith("lindau") for name in ids["test"])


def test_three_hundred_are_held_out_city_by_city():
    sizes = dict(zip([f"city{i:02d}" for i in range(18)], [174, 96, 316, 154, 85, 221, 109, 248, 196, 119, 99, 94,
                     365, 196, 144, 95, 142, 122], strict=True))  # fmt: skip
    names = [f"{city}_{i:06d}_000019" for city, count in sizes.items() for i in range(count)]
    assert len(names) == 2975
    kept = held_out(names)
    assert len(kept) == 300 and kept == held_out(names[::-1])
    for city, count in sizes.items():
        assert abs(sum(name.startswith(city) for name in kept) - 300 * count / 2975) < 1


def test_held_out_of_very_few():
    assert held_out([]) == set() and held_out(["a_0_0"]) == set() and len(held_out(["a_0_0", "a_1_0"])) == 1


def test_stray_files_are_left_out_or_named(root):
    (root / "cityscapes" / "leftImg8bit" / "val" / "lindau" / "._x_leftImg8bit.png").write_bytes(b"")
    (root / "cityscapes" / "leftImg8bit" / "val" / "lindau" / "Thumbs.db").write_bytes(b"")
    assert len(Cityscapes("test", (8, 16), root)) == 3
    (root / "cityscapes" / "leftImg8bit" / "val" / ".DS_Store").write_bytes(b"")
    with pytest.raises(DataInvalid, match=r"\.DS_Store is a file, expected one folder per city"):
        Cityscapes("test", (8, 16), root)


def test_image_without_label_and_label_without_image(root):
    files(root, "lindau_000001*_labelIds.png")[0].unlink()
    files(root, "aachen_000002*_leftImg8bit.png")[0].unlink()
    with pytest.raises(DataInvalid, match=r"1 image\(s\) without label \(gtFine\): lindau_000001_000019"):
        Cityscapes("test", (8, 16), root)
    with pytest.raises(DataInvalid, match=r"1 label\(s\) without image: aachen_000002_000019"):
        Cityscapes("train", (8, 16), root)


@pytest.mark.parametrize("part", ["leftImg8bit", "gtFine"])
def test_half_a_data_set(root, part):
    (root / "cityscapes" / part / "val").rename(root / "elsewhere")
    with pytest.raises(DataMissing, match=rf"there is no folder {part}/val\. Expected left.*cityscapes-dataset"):
        Cityscapes("test", (8, 16), root)
    assert len(Cityscapes("train", (8, 16), root)) == 9


def test_empty_split(root):
    for path in files(root, "lindau_*"):
        path.unlink()
    with pytest.raises(DataMissing, match="leftImg8bit/val has no image for our split test"):
        Cityscapes("test", (8, 16), root)


def test_archives_are_not_unpacked(tmp_path):
    for name in ("leftImg8bit", "gtFine"):
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}_trainvaltest.zip").write_bytes(b"no zip")
    with pytest.raises(DataMissing, match="unzip all into one folder"):
        Cityscapes("train", (8, 16), tmp_path)


def test_unknown_label_ids(root):
    save(files(root, "lindau_000000*_labelIds.png")[0], np.full((16, 34), 34, np.uint8))
    with pytest.raises(
        DataInvalid, match=r"label ids \[34\] are not classes; expected 7\.\.8, 11\.\.13, 17, .* \(void\)"
    ):
        Cityscapes("test", (8, 16), root)[0]


def test_disparity_of_another_size(root):
    save(files(root, "lindau_000000*_disparity.png")[0], np.zeros((8, 34), np.uint16))
    with pytest.raises(DataInvalid, match=r"_disparity\.png is 34 x 8"):
        Cityscapes("test", (8, 16), root)[0]


def test_check_reads_every_file(root):
    files(root, "lindau_000000*_disparity.png")[0].write_bytes(b"x")
    files(root, "bochum_000003*_leftImg8bit.png")[0].write_bytes(b"x")
    problems = [problem for problem in check("cityscapes", root) if "cannot be read" in problem]
    assert len(problems) == 2


def test_fingerprint_covers_the_disparity(root):
    before = Cityscapes("test", (8, 16), root).fingerprint
    save(files(root, "lindau_000002*_disparity.png")[0], np.zeros((16, 34), np.uint16))
    assert Cityscapes("test", (8, 16), root).fingerprint != before
