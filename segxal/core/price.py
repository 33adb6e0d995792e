"""The price of annotation: the stated click model, and how many minutes clicks and images take.

Nobody was timed for the simulated people. Counts of images, pixels and clicks follow from the rules below and are
exact; minutes follow from two assumed rates and are estimates. Compare methods by them, do not plan a budget with them.
Real people are timed by Label Studio (``lead_time``), and tables then show the measured time.

What is not counted: choosing a class from a list (one click of Cai et al. 2021, who count it for every outlined
piece), corrections, and pauses. A click is a click, whether it sets a corner or names a class.
"""

from typing import TypeVar

import numpy as np

TOLERANCE = 1.0  # pixels an outline may miss the true one by
CORNERS = 3  # the fewest clicks an outline costs

# What curves are drawn and methods compared over, and how an axis names it.
BUDGETS = {
    "images": "images looked at", "pixels": "pixels paid for", "clicks": "clicks", "minutes": "minutes, estimated"
}  # fmt: skip

# What a person clicks, per oracle. Void pixels are paid for as pixels; outlines are drawn around classes only.
CLICKS = {
    "whole-image": "the corners of a polygon around every piece of every class in the image",
    "human": "the corners of a polygon around every piece in the touched part; one to confirm a piece that is right",
    "region": "the corners of a polygon around every piece of every class in the asked part",
    "gt-patch": "one per class in a patch",
    "superpixel": "one per superpixel: its most frequent class, void or not",
    "pixel": "one per pixel: its class, void or not",
    "label-studio": "as for human, from what people annotated; the seconds Label Studio measured are reported as well",
    "pseudo": "none: a machine answers",
}

# Assumed: to move the pointer to the next place, look, and press; slower than aiming alone because the person decides.
SECONDS_PER_CLICK = 2.0
# Assumed: to open an image, take it in and find what is asked for; paid again in every cycle the image is shown in.
SECONDS_PER_IMAGE = 10.0

Number = TypeVar("Number", float, np.ndarray)  # or a pandas column


def minutes(
    images: Number, clicks: Number, seconds_per_click: float = SECONDS_PER_CLICK,
    seconds_per_image: float = SECONDS_PER_IMAGE,
) -> Number:  # fmt: skip
    """Estimated time of annotation.

    Args:
        images: images looked at, an image counted once per cycle it is shown in: column ``images`` of the records.
        clicks: clicks made: column ``clicks`` of the records.
        seconds_per_click: time of one click.
        seconds_per_image: time to take in one image.

    Returns:
        Minutes; numbers give a number, columns a column.

    Departure: the paper states no annotation time; both rates are assumptions, give your own where you measured.
    """
    return (clicks * seconds_per_click + images * seconds_per_image) / 60
