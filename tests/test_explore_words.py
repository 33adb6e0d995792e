"""A setting in words: one of a thing is one, and what is not known is said to be so."""

from segxal.apps.explore.mask.reading import Price, Reading
from segxal.apps.explore.mask.words import reading_text, sentence

NAN = float("nan")


def reading(count, errors=0.25, found=0.5, value=0.8):
    price = Price(count, count, 1.0, known=errors == errors)
    return Reading(count, 0.1, count, price, errors, found, dict.fromkeys(("eem", "ebu", "pae"), value))


def test_one_region_and_two_regions():
    one, two = reading_text(reading(1)), reading_text(reading(2))
    assert "1 pixel, 10 % of the image, in 1 region<" in one and "annotates 1 pixel in 1 click, about" in one
    assert "2 pixels, 10 % of the image, in 2 regions<" in two and "annotates 2 pixels in 2 clicks, about" in two
    assert sentence(reading(1)).startswith("1 pixel in 1 region; a person annotates 1 in 1 click. AUROC")


def test_true_errors_are_a_share_none_or_not_known():
    assert "25 % of the pixels; 50 % of them are asked for" in reading_text(reading(3))
    assert "none in this image" in reading_text(reading(3, errors=0.0, found=NAN, value=NAN))
    unknown = reading_text(reading(3, errors=NAN, found=NAN, value=NAN))
    assert unknown.count("not known (no labels)") == 2 and "no value" not in unknown
