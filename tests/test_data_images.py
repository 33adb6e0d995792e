"""Reading, resizing and checking of image files."""

import numpy as np
import pytest
from pictures import TWO, TWO_IDS, noise, save
from PIL import Image

from segxal.core.errors import DataInvalid, DataMissing
from segxal.core.labels import VOID
from segxal.data.base import Sample, check_sample
from segxal.data.images import (
    Item,
    read_disparity,
    read_ids,
    read_image,
    read_sample,
    resize_image,
    resize_nearest,
)


def test_rgb_png_is_read_as_written(tmp_path):
    image = noise(5, 7)
    assert (read_image(save(tmp_path / "a.png", image)) == image).all()


def test_grey_becomes_three_equal_channels(tmp_path):
    grey = noise(5, 7)[..., 0]
    assert (read_image(save(tmp_path / "a.png", grey)) == grey[..., None]).all()


def test_alpha_is_dropped(tmp_path):
    image = noise(5, 7)
    with_alpha = np.dstack([image, np.zeros((5, 7), np.uint8)])
    assert (read_image(save(tmp_path / "a.png", with_alpha)) == image).all()


def test_sixteen_bit_grey_keeps_its_upper_byte(tmp_path):
    grey = np.array([[0, 256, 65535]], np.uint16)
    assert read_image(save(tmp_path / "a.png", grey))[..., 1].tolist() == [[0, 1, 255]]


def test_palette_image_is_read_by_colour_and_palette_labels_by_index(tmp_path):
    picture = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    picture.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    picture.save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").tolist() == [[[10, 20, 30], [40, 50, 60], [70, 80, 90]]]
    assert read_ids(tmp_path / "a.png").tolist() == [[0, 1, 2]]


def test_exif_rotation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 270 degrees counter-clockwise to see it upright
    image = noise(4, 6)
    assert (read_image(save(tmp_path / "a.png", image, exif=exif)) == np.rot90(image, -1)).all()


def test_one_bit_and_equal_channel_labels_are_ids(tmp_path):
    ids = np.array([[0, 1], [1, 0]], np.uint8)
    Image.fromarray(ids * 255).convert("1").save(tmp_path / "bit.png")
    assert (read_ids(tmp_path / "bit.png") == ids).all()
    assert (read_ids(save(tmp_path / "rgb.png", np.repeat(ids[..., None], 3, 2))) == ids).all()


def test_colour_labels_are_refused(tmp_path):
    with pytest.raises(DataInvalid, match=r"a\.png is a colour image; expected one class id per pixel"):
        read_ids(save(tmp_path / "a.png", noise(5, 7)))


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("kept", [0, 20, 0.5, 0.98])
def test_truncated_file_is_named(tmp_path, suffix, kept):
    path = save(tmp_path / f"a.{suffix}", noise(64, 64))
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if kept < 1 else kept])
    with pytest.raises(DataInvalid, match=rf"a\.{suffix} cannot be read as an image .* download this file again"):
        read_image(path)


def test_damaged_png_is_named(tmp_path):
    path = save(tmp_path / "a.png", noise(64, 64))
    content = bytearray(path.read_bytes())
    content[12:20] = b"\xff" * 8
    path.write_bytes(content)
    with pytest.raises(DataInvalid, match=r"a\.png cannot be read"):
        read_ids(path)


def test_absent_file_is_missing(tmp_path):
    with pytest.raises(DataMissing, match=r"a\.png not found"):
        read_image(tmp_path / "a.png")


def test_disparity_follows_its_definition(tmp_path):
    stored = np.array([[0, 1, 257, 32513]], np.uint16)
    disparity = read_disparity(save(tmp_path / "a.png", stored))
    np.testing.assert_array_equal(disparity, np.array([[np.nan, 0, 1, 127]], np.float32))
    assert disparity.dtype == np.float32


def test_eight_bit_disparity_is_refused(tmp_path):
    with pytest.raises(DataInvalid, match="expected a 16-bit grey disparity"):
        read_disparity(save(tmp_path / "a.png", np.zeros((2, 2), np.uint8)))


# --- resizing


def test_constant_image_stays_constant():
    assert (resize_image(np.full((30, 40, 3), 77, np.uint8), (12, 50)) == 77).all()


def test_image_is_antialiased():
    stripes = np.zeros((8, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    small = resize_image(stripes, (8, 8))[:, 1:-1]
    assert abs(small.astype(int) - 127.5).max() < 3


def test_nearest_repeats_and_takes_centres():
    ids = np.array([[1, 2], [3, 4]])
    assert resize_nearest(ids, (4, 4)).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    assert resize_nearest(np.arange(9)[None], (1, 3)).tolist() == [[1, 4, 7]]


@pytest.mark.parametrize("size", [(7, 5), (24, 32), (61, 83), (1, 1)])
def test_nearest_equals_pillow(size):
    ids = noise(31, 45)[..., 0]
    pillow = np.asarray(Image.fromarray(ids).resize(size[::-1], Image.Resampling.NEAREST))
    assert (resize_nearest(ids, size) == pillow).mean() > 0.99


def test_image_and_labels_stay_aligned():
    step = np.zeros((40, 60), np.uint8)
    step[13:, 22:] = 1
    image = resize_image(np.repeat(step[..., None] * 255, 3, 2), (20, 24))
    assert ((image[..., 0] > 127) == resize_nearest(step, (20, 24))).mean() > 0.97


# --- samples


def item(folder, image, ids):
    return Item("a", save(folder / "a.png", image), save(folder / "labels" / "a.png", ids))


def test_sizes_that_differ_are_named_in_width_by_height(tmp_path):
    with pytest.raises(DataInvalid, match=r"labels/a\.png is 7 x 4 .* image .*a\.png is 7 x 5; make them the same"):
        read_sample(item(tmp_path, noise(5, 7), np.zeros((4, 7), np.uint8)), TWO, TWO_IDS, (5, 7))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_ids_outside_the_classes_are_named(tmp_path, dtype):
    ids = np.zeros((5, 7), dtype)
    ids[2, 3:5] = 2, 200
    with pytest.raises(DataInvalid, match=r"ids \[2, 200\] are not classes; expected 0\.\.1 .* 255 \(void\)"):
        read_sample(item(tmp_path, noise(5, 7), ids), TWO, TWO_IDS, (1, 1))


def test_sixteen_bit_ids_do_not_wrap(tmp_path):
    ids = np.full((5, 7), 256, np.uint16)
    with pytest.raises(DataInvalid, match=r"label ids \[256\]"):
        read_sample(item(tmp_path, noise(5, 7), ids), TWO, TWO_IDS)


@pytest.mark.parametrize("value", [0, 1, VOID])
def test_one_class_and_all_void_are_legal(tmp_path, value):
    sample = read_sample(item(tmp_path, noise(5, 7), np.full((5, 7), value, np.uint8)), TWO, TWO_IDS, (3, 3))
    assert (sample.labels == value).all() and sample.labels.dtype == np.uint8 and sample.labelled


def test_check_sample_refuses_what_has_not_the_one_form():
    image, labels = np.zeros((2, 3, 3), np.uint8), np.zeros((2, 3), np.uint8)
    check_sample(Sample("a", image, labels), TWO, "a")
    for wrong, text in [
        (Sample("a", image.astype(np.float32), labels), "expected uint8"),
        (Sample("a", image, labels.T), r"labels are \(2, 3\) \(width, height\)"),
        (Sample("a", image, labels + 2), r"label ids \[2\]"),
        (Sample("a", image, labels, np.zeros((3, 3), np.float32)), "depth is"),
    ]:
        with pytest.raises(DataInvalid, match=text):
            check_sample(wrong, TWO, "a")
