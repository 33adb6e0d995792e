"""GTA5 and SYNTHIA on generated files of the exact format: palettes, 16-bit labels, splits, what does not fit."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from segxal.core.errors import DataInvalid, DataMissing
from segxal.core.labels import CITYSCAPES, VOID
from segxal.data import check, open_dataset, report
from segxal.data.rendered import source_split
from segxal.data.synthia import PROTOCOL_13, PROTOCOL_16, TRAIN_IDS

COUNT = 6
# SYNTHIA to the 16 classes of its protocol, as its rivals write it: another way to say which id is which class.
SIXTEEN = {3: 0, 4: 1, 2: 2, 21: 3, 5: 4, 7: 5, 15: 6, 9: 7, 6: 8, 1: 9, 10: 10, 17: 11, 8: 12, 19: 13, 12: 14, 11: 15}


def sixteen_bit_png(pixels):
    """A PNG of three channels of 16 bits, (H, W, 3) uint16, by the format's own rules."""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def image(path, number):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, 8, 3), number, np.uint8)).save(path)


@pytest.fixture
def gta5(tmp_path):
    for number in range(COUNT):
        image(tmp_path / "gta5" / "images" / f"{number:05d}.png", number)
        ids = np.array([[7, 26, 33, 0, 34, 21, 23, 11]] * 6, np.uint8)
        picture = Image.fromarray(ids, mode="P")
        picture.putpalette([value % 256 for value in range(768)])
        (tmp_path / "gta5" / "labels").mkdir(exist_ok=True)
        picture.save(tmp_path / "gta5" / "labels" / f"{number:05d}.png")
    return tmp_path


@pytest.fixture
def synthia(tmp_path):
    for number in range(COUNT):
        image(tmp_path / "RAND_CITYSCAPES" / "RGB" / f"{number:07d}.png", number)
        pixels = np.zeros((6, 8, 3), np.uint16)
        pixels[..., 0] = [3, 8, 11, 0, 22, 6, 1, 2]
        pixels[..., 1] = 1000 + number  # numbers of objects, above eight bits
        labels = tmp_path / "RAND_CITYSCAPES" / "GT" / "LABELS" / f"{number:07d}.png"
        labels.parent.mkdir(parents=True, exist_ok=True)
        labels.write_bytes(sixteen_bit_png(pixels))
    return tmp_path


EXPECTED = [CITYSCAPES.names.index(name) for name in ("road", "car", "bicycle")] + [VOID, VOID] + [
    CITYSCAPES.names.index(name) for name in ("vegetation", "sky", "building")
]  # fmt: skip


@pytest.mark.parametrize("name", ["gta5", "synthia"])
def test_labels_are_train_ids_of_cityscapes(name, request):
    root = request.getfixturevalue(name)
    found = [open_dataset(name, split, (6, 8), root) for split in ("train", "val", "test")]
    assert [len(part) for part in found] == [COUNT - 2, 1, 1]
    names = [sample.id for part in found for sample in (part[i] for i in range(len(part)))]
    assert len(set(names)) == COUNT
    sample = found[0][0]
    assert found[0].classes == CITYSCAPES and sample.labels[0].tolist() == EXPECTED
    small = open_dataset(name, "train", (3, 5), root)[0]
    assert set(np.unique(small.labels)) <= set(EXPECTED), "resizing invents no class"


@pytest.mark.parametrize("name", ["gta5", "synthia"])
def test_the_report_finds_it_and_counts_what_is_missing(name, request):
    root = request.getfixturevalue(name)
    found = next(one for one in report(root) if one.name == name)
    assert found.state == "incomplete" and found.counts == {"train": COUNT - 2, "val": 1, "test": 1}
    assert all("the published split has" in problem for problem in found.problems)
    images, labels = ("images", "labels") if name == "gta5" else ("RGB", "GT/LABELS")
    folder = root / ("gta5" if name == "gta5" else "RAND_CITYSCAPES")
    next((folder / labels).iterdir()).unlink()
    with pytest.raises(DataInvalid, match=r"1 image\(s\) without label"):
        open_dataset(name, "train", (6, 8), root)
    (folder / images).rename(folder / "elsewhere")
    with pytest.raises(DataMissing, match=f"there is no folder {images}/"):
        open_dataset(name, "train", (6, 8), root)


def test_what_is_no_label_file_is_refused(synthia):
    labels = sorted((synthia / "RAND_CITYSCAPES" / "GT" / "LABELS").iterdir())
    Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(labels[0])
    labels[1].write_bytes(labels[2].read_bytes()[:40])
    wrong = np.zeros((6, 8, 3), np.uint16)
    wrong[0, 0, 0] = 300
    labels[3].write_bytes(sixteen_bit_png(wrong))
    problems = [problem for problem in check("synthia", synthia) if "published split" not in problem]
    assert len(problems) == 3
    assert any("expected the 16-bit labels" in problem for problem in problems)
    assert any("cannot be read as a PNG" in problem for problem in problems)
    assert any("label ids [300] are not classes" in problem for problem in problems)


def test_protocols_leave_out_what_synthia_lacks():
    assert len(PROTOCOL_16) == 16 and len(PROTOCOL_13) == 13
    assert {id_: CITYSCAPES.names[TRAIN_IDS[id_]] for id_ in SIXTEEN} == {
        id_: PROTOCOL_16[k] for id_, k in SIXTEEN.items()
    }
    assert sorted(TRAIN_IDS.values()) == list(range(19))


def test_the_whole_sets_divide_as_published():
    for count, parts in ((24966, (23966, 500, 500)), (9400, (9024, 188, 188)), (2, (2, 0, 0)), (3, (1, 1, 1))):
        names = [f"{k:07d}" for k in range(count)]
        split = {name: source_split(names, name) for name in ("train", "val", "test")}
        assert tuple(len(part) for part in split.values()) == parts
        assert sorted(name for part in split.values() for name in part) == names
