"""The claim about near objects: IoUs of the near part, pairs of mask and rival, and what Holm allows to say."""

import numpy as np
import pandas as pd
import pytest

from segxal.results import near
from segxal.results.comparison import compare_pairs


def counts(rows, classes):
    return pd.DataFrame([{"class": name, **dict(zip(classes, row, strict=True))} for name, row in rows.items()])


def records(scores, seeds=8, cycles=3):
    """Near scores that rise by one point per cycle, with a spread of their own for each seed."""
    noise = np.random.default_rng(0).normal(0, 0.3, (len(scores), seeds))
    return pd.DataFrame([
        {"method": method, "ablation": "none", "seed": seed, "cycle": cycle, "miou": 50.0 + cycle + noise[k, seed],
         "near_miou": 40.0 + cycle + noise[k, seed], "near_objects": score + cycle + noise[k, seed]}
        for k, (method, score) in enumerate(scores.items()) for seed in range(seeds) for cycle in range(cycles)
    ])  # fmt: skip


def test_iou_of_objects_is_their_mean_and_leaves_out_what_is_not_there():
    classes = ["road", "car", "pedestrian", "bicyclist"]
    table = counts(
        {"road": [5, 1, 0, 0], "car": [2, 6, 0, 0], "pedestrian": [0, 2, 2, 0], "bicyclist": [0] * 4}, classes
    )
    assert near.objects_iou(table, classes) == pytest.approx(100 * (6 / 11 + 2 / 4) / 2)
    assert np.isnan(near.objects_iou(table, ["road"]))


def test_a_mask_meets_rivals_that_ask_for_the_same_kind_of_thing():
    methods = ["random", "eem", "segxal-human", "random-pixel", "margin-pixel", "near-entropy-pixel", "supervised"]
    assert near.rival_pairs(methods) == [
        ("eem", "random"), ("near-entropy-pixel", "random-pixel"), ("near-entropy-pixel", "margin-pixel"),
    ]  # fmt: skip


def test_sentences_say_what_holm_allows():
    found = records({"random-pixel": 30, "margin-pixel": 36, "entropy-pixel": 33.1, "eem-pixel": 33})
    table = near.near_table(found)
    assert len(table) == 9 and (table.seeds == 8).all() and list(table.columns)[-1] == "Holm p"
    said = near.near_sentences(found)
    assert said == [
        "eem-pixel, near people and vehicles, 8 seeds: above random-pixel; below margin-pixel; no difference from "
        "entropy-pixel is shown."
    ]
    own = found.assign(miou=found.near_objects)
    compared = compare_pairs(
        own, [("eem-pixel", name) for name in ("margin-pixel", "entropy-pixel", "random-pixel")], "cycle"
    )
    first = table[table.measure == near.MEASURES["near_objects"]].set_index("rival")
    for c in compared:
        assert first.loc[c.reference, "difference"] == f"{c.test.difference:+.2f}" and c.family == 3


def test_one_seed_or_no_rival_concludes_nothing():
    one = records({"random": 30, "eem": 60}, seeds=1)
    assert near.near_sentences(one) == ["eem, near people and vehicles, 1 seed: no difference from random is shown."]
    assert near.near_table(one)["Holm p"].tolist() == ["", "", ""]
    alone = records({"random": 30, "segxal-human": 60})
    assert near.near_table(alone).empty and near.near_sentences(alone)[0].startswith("No form of the error mask")
