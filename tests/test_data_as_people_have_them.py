"""Folders as people have them: every file is read or named, and what looks wrong is said."""

import os
import unicodedata

import numpy as np
import pytest
from PIL import Image

from segxal.apps import cli
from segxal.core.errors import DataInvalid
from segxal.core.labels import CAMVID, CITYSCAPES, VOID
from segxal.core.seeds import rng
from segxal.data import check, remarks, report
from segxal.data.folder import Folder, read_classes_file
from segxal.data.images import read_image
from segxal.study.preflight import check_study
from segxal.study.settings import Preset

SIZE = (8, 10)


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)


def noise(name, high=256, shape=(*SIZE, 3)):
    return rng(0, name).integers(0, high, shape, np.uint8)


@pytest.fixture
def root(tmp_path):
    """Nine labelled images of three classes, whole."""
    for k in range(9):
        save(tmp_path / "images" / f"{k}.png", noise(f"image{k}"))
        save(tmp_path / "labels" / f"{k}.png", noise(f"labels{k}", 3, SIZE))
    (tmp_path / "classes.txt").write_text("road\ncar\nsky\n", encoding="utf-8")
    return tmp_path


def names(root):
    return {item.id: item for split in ("train", "val", "test") for item in Folder(split, SIZE, root).items}


def said(root):
    return " ".join(remarks("folder", root))


def test_a_whole_folder_has_nothing_said_about_it(root):
    assert remarks("folder", root) == [] and check("folder", root) == []


@pytest.mark.parametrize("suffix", ["tif", "TIFF", "webp", "bmp"])
def test_pictures_of_all_kinds_are_read(root, suffix):
    save(root / "images" / f"more.{suffix}", noise("more"), **({"lossless": True} if suffix == "webp" else {}))
    item = names(root)["more"]
    assert (read_image(item.image) == noise("more")).all()


@pytest.mark.parametrize("suffix", ["tif", "bmp"])
def test_labels_of_kinds_that_keep_ids_are_read(root, suffix):
    (root / "labels" / "0.png").unlink()
    save(root / "labels" / f"0.{suffix}", noise("other", 3, SIZE))
    assert names(root)["0"].labels.suffix == f".{suffix}"
    sample = next(s for split in ("train", "val", "test") for s in Folder(split, SIZE, root) if s.id == "0")
    assert (sample.labels == noise("other", 3, SIZE)).all()


def test_a_label_that_is_a_jpeg_is_refused_by_name(root):
    (root / "labels" / "0.png").rename(root / "labels" / "0.jpg")
    with pytest.raises(DataInvalid, match=r"1 label\(s\) of a kind that changes ids: 0\.jpg\. Save them as PNG"):
        Folder("train", SIZE, root)
    save(root / "labels" / "0.png", noise("labels0", 3, SIZE))  # a preview beside the label is only named
    assert "1 passed over, labels/: not a kind of label that is read: 0.jpg" in said(root)


def test_everything_that_is_passed_over_is_named(root):
    for place in (
        "images/clip.mp4",
        "images/x.gif",
        "labels/notes.txt",
        "splits/Val.txt",
        "beside.jpg",
        "classes.json",
    ):
        (root / place).parent.mkdir(exist_ok=True)
        (root / place).write_bytes(b"[]")
    for split, listed in {"train": "0 1 2", "val": "3", "test": "4"}.items():
        (root / "splits" / f"{split}.txt").write_text("\n".join(listed.split()), encoding="utf-8")
    (root / "images" / ".hidden.png").touch()
    (root / "images" / "Thumbs.db").touch()
    found = said(root)
    assert "2 passed over, images/: not a kind of image that is read: clip.mp4, x.gif" in found
    assert "1 passed over, labels/: not a kind of label that is read: notes.txt" in found
    assert "splits/: only train.txt, val.txt and test.txt are read: Val.txt" in found
    assert "4 passed over, images/: in none of the lists of splits/: 5, 6, 7 and 1 more" in found
    assert "pictures beside images/; put them into it: beside.jpg" in found
    assert "classes.txt is read: classes.json" in found
    assert "hidden" not in found and "Thumbs" not in found


def test_folders_and_links_to_folders_are_followed_and_circles_named(root, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    save(elsewhere / "far.png", noise("far"))
    save(root / "images" / "ride" / "near.png", noise("near"))
    (root / "images" / "linked").symlink_to(elsewhere, target_is_directory=True)
    (root / "images" / "ride" / "circle").symlink_to(root / "images", target_is_directory=True)
    (root / "images" / "nowhere.png").symlink_to(root / "gone.png")
    assert {"linked/far", "ride/near"} <= names(root).keys()
    found = said(root)
    assert "ride/circle (a link to a folder that it lies in)" in found
    assert "nowhere.png (a link that leads nowhere)" in found


def test_a_name_that_is_no_utf8_is_named(root):
    (root / "images" / "0.png").rename(root / "images" / os.fsdecode(b"\xff.png"))
    (root / "labels" / "0.png").unlink()
    assert r"\udcff.png (its name is not UTF-8)" in said(root)


def test_both_forms_of_a_letter_are_one_name(root):
    composed, apart = (unicodedata.normalize(form, "fähre") for form in ("NFC", "NFD"))
    save(root / "images" / f"{apart}.png", noise("boat"))
    save(root / "labels" / f"{composed}.png", noise("boat", 3, SIZE))
    assert names(root)[composed].labels is not None
    (root / "splits").mkdir()
    for split, name in {"train": apart, "val": "1", "test": "2"}.items():
        (root / "splits" / f"{split}.txt").write_text(name, encoding="utf-8")
    assert [item.id for item in Folder("train", SIZE, root).items] == [composed]
    save(root / "images" / f"{composed}.png", noise("boat"))
    with pytest.raises(DataInvalid, match="have the same name; keep one of them"):
        Folder("train", SIZE, root)


def test_upper_and_lower_case_are_one_name(root):
    save(root / "images" / "S0.PNG", noise("s"), format="PNG")
    assert "S0" in names(root)
    save(root / "images" / "s0.png", noise("s"))
    if (root / "images" / "S0.PNG").samefile(root / "images" / "s0.png"):
        pytest.skip("this disk does not tell upper from lower case")
    with pytest.raises(DataInvalid, match=r"S0\.PNG and .*s0\.png have the same name"):
        names(root)


@pytest.mark.parametrize(("bits", "shift"), [(8, 0), (10, 2), (12, 4), (16, 8)])
@pytest.mark.parametrize("colour", [False, True])
def test_of_deep_pictures_the_upper_bits_are_kept(tmp_path, bits, shift, colour):
    import cv2

    values = np.linspace(0, 2**bits - 1, 80).astype(np.uint16).reshape(SIZE)
    deep = np.stack([values, values // 2, values // 4], axis=2) if colour else values
    cv2.imwrite(str(tmp_path / "deep.png"), deep[..., ::-1] if colour else deep)
    expected = (deep if colour else np.repeat(values[..., None], 3, axis=2)) >> shift
    assert (read_image(tmp_path / "deep.png") == expected).all()


def test_fractions_and_pages_are_refused(tmp_path):
    Image.fromarray(np.full(SIZE, 0.5, np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(DataInvalid, match="holds fractions; save it with whole numbers"):
        read_image(tmp_path / "float.tif")
    pages = [Image.fromarray(noise(f"page{k}")) for k in range(3)]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(DataInvalid, match="holds 3 pictures; save each of them"):
        read_image(tmp_path / "pages.tif")


@pytest.mark.parametrize(("orientation", "is_said"), [(1, False), (2, True), (3, True), (4, True)])
def test_pictures_that_were_turned_without_a_change_of_size_are_named(root, orientation, is_said):
    exif = Image.Exif()
    exif[0x0112] = orientation
    (root / "images" / "0.png").unlink()
    save(root / "images" / "0.jpg", noise("turned"), exif=exif)
    assert ("1 image(s) with labels were taken upside down or mirrored" in said(root)) is is_said


def test_a_mask_of_0_and_255_is_explained(root):
    (root / "classes.txt").write_text("ground\nobject\n", encoding="utf-8")
    for k in range(9):
        save(root / "labels" / f"{k}.png", np.where(noise(f"mask{k}", 2, SIZE) > 0, 255, 0).astype(np.uint8))
    assert "no pixel of class 1 (object) in 9 label files; 255 is void" in said(root)
    save(root / "labels" / "0.png", np.ones(SIZE, np.uint8))
    assert "no pixel" not in said(root)


def test_one_class_is_no_segmentation(tmp_path):
    (tmp_path / "classes.txt").write_text("road\n", encoding="utf-8")
    with pytest.raises(DataInvalid, match=r"holds 1 classes, .* expected 2..255.*Name what is around the one class"):
        read_classes_file(tmp_path / "classes.txt")


@pytest.mark.parametrize("text", ["[" * 100_000, '[{"name": "a", "colour": [1' + "0" * 5000 + ", 1, 1]}]"])
def test_classes_without_end_are_no_traceback(tmp_path, text):
    (tmp_path / "classes.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataInvalid, match=r"it is not valid JSON|is not usable"):
        read_classes_file(tmp_path / "classes.json")


def coloured(root, palette, used):
    """Every label in colours: class k of the data set in the colour of the palette's class of that name."""
    for k in range(9):
        ids = noise(f"labels{k}", len(used), SIZE)
        table = np.array([palette.colours[palette.index(name)] if name else (0, 0, 0) for name in used], np.uint8)
        save(root / "labels" / f"{k}.png", table[ids])


@pytest.mark.parametrize("palette", [CAMVID, CITYSCAPES])
def test_colours_of_known_palettes_are_taken(root, palette):
    coloured(root, palette, ["road", "car", "sky", ""])
    sample = next(s for split in ("train", "val", "test") for s in Folder(split, SIZE, root) if s.id == "3")
    expected = noise("labels3", 4, SIZE)
    assert (sample.labels == np.where(expected == 3, VOID, expected)).all() and check("folder", root) == []


def test_colours_of_the_classes_file_are_taken(root):
    (root / "classes.txt").write_text("road 1 2 3\ncar 200 0 0\nsky 0 0 0\n", encoding="utf-8")
    table = np.array([(1, 2, 3), (200, 0, 0), (0, 0, 0)], np.uint8)
    for k in range(9):
        save(root / "labels" / f"{k}.png", table[noise(f"labels{k}", 3, SIZE)])
    sample = next(s for split in ("train", "val", "test") for s in Folder(split, SIZE, root) if s.id == "3")
    assert (sample.labels == noise("labels3", 3, SIZE)).all()


def test_other_colours_are_named(root):
    save(root / "labels" / "0.png", np.full((*SIZE, 3), (9, 8, 7), np.uint8))
    assert r"It holds 1 colours: (9, 8, 7) (80 pixels)" in " ".join(check("folder", root))
    coloured(root, CAMVID, ["road", "tree"])
    assert "the colours of CamVid, and its class tree is none of the data set's: road, car" in check("folder", root)[0]


# What `segxal data --check` ends with, and what a study says when it starts.


def ends(root, capsys):
    status = cli.main(["data", "--check", "--data-root", str(root)])
    return status, capsys.readouterr().out


def test_the_check_ends_with_a_status_for_each_kind_of_trouble(root, capsys):
    assert ends(root, capsys)[0] == 0
    (root / "images" / "clip.mp4").touch()
    assert ends(root, capsys)[0] == 5
    whole = (root / "images" / "0.png").read_bytes()
    (root / "images" / "0.png").write_bytes(whole[:60])
    assert ends(root, capsys)[0] == 3
    (root / "images" / "0.png").write_bytes(whole)
    (root / "labels" / "0.png").rename(root / "labels" / "0.jpg")
    assert ends(root, capsys)[0] == 3
    for path in (root / "labels").iterdir():
        path.unlink()
    status, text = ends(root, capsys)
    assert status == 4 and "! folder in" in text and "no images for val" in text
    assert ends(root / "labels", capsys)[0] == 4, "nothing was found there"


def test_without_check_the_status_is_0_and_what_is_passed_over_is_named(root, capsys):
    (root / "images" / "clip.mp4").touch()
    assert cli.main(["data", "--data-root", str(root)]) == 0
    assert "~ " in capsys.readouterr().out
    entry = next(one for one in report(root) if one.name == "folder")
    assert entry.state == "ready" and len(entry.passed) == 1


def test_a_study_says_once_what_it_passes_over(root, capsys):
    (root / "images" / "clip.mp4").touch()
    mine = Preset(name="mine").with_changes(data={"name": "folder", "height": 8, "width": 10})
    check_study(mine, str(root))
    assert capsys.readouterr().out.count("clip.mp4") == 1
