"""The table on variants of RALIS's policy, on constructed studies."""

import pandas as pd
import pytest

from segxal.methods.ablations import POLICY_ABLATIONS
from segxal.results.policy import CHANGES, COLUMNS, UNTRAINED, policy_table


def run(method, ablation, seed, scores):
    pixels = [100 * (k + 1) for k in range(len(scores))]
    return pd.DataFrame({"method": method, "ablation": ablation, "seed": seed, "cycle": range(len(scores)),
                         "pixels": pixels, "miou": scores})  # fmt: skip


@pytest.fixture
def records():
    runs = []
    for seed in (0, 1, 2):
        runs += [
            run("ralis", "none", seed, [20 + seed, 30 + seed, 40 + seed]),
            run("ralis", "policy-1h", seed, [20 + seed, 28 + seed + 0.1 * seed, 38 + seed]),
            run(UNTRAINED, "none", seed, [20 + seed, 30 + seed, 41 - seed]),
            run("random-grid", "none", seed, [20, 20, 20]),
            run("ralis", "noise-class", seed, [0, 0, 0]),
        ]
    return pd.concat(runs)


def test_every_ablation_says_what_it_changes():
    assert set(CHANGES) == {UNTRAINED, *POLICY_ABLATIONS}


def test_variants_stand_beside_the_own_policy_seed_by_seed(records):
    table = policy_table(records).set_index("policy")
    assert list(table.index) == ["ralis", UNTRAINED, "policy-1h"], "other methods and ablations are not in it"
    assert table.loc["ralis"].tolist() == ["", 3, "41.00 ± 1.00", "", "", ""]
    # Area under three points: a quarter of the first, half of the second, a quarter of the third.
    assert table.loc["policy-1h", "difference"] == f"{(-0.5 * (2 - 0.1) - 0.25 * 2):+.2f}"
    assert table.loc[UNTRAINED, "mIoU"] == "40.00 ± 1.00" and table.loc[UNTRAINED, "difference"] == "-0.25"
    assert float(table.loc["policy-1h", "Holm p"].removeprefix("< ")) < 0.05 < float(table.loc[UNTRAINED, "Holm p"])


def test_without_ralis_there_is_no_row(records):
    table = policy_table(records[records.method != "ralis"])
    assert table.empty and list(table.columns) == COLUMNS
