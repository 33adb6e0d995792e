"""What the training of RALIS's policy is worth, and each point in which ours differs from the release's."""

import numpy as np
import pandas as pd

from segxal.methods.ablations import POLICY_ABLATIONS
from segxal.results.comparison import compare_with, p_words
from segxal.results.statistics import spread
from segxal.results.tables import last_cycles
from segxal.study.settings import POLICY_METHOD

UNTRAINED = "ralis-untrained"
CHANGES = {  # name of a row -> what is other than in the study's own policy
    UNTRAINED: "the query network before its training",
    "policy-faithful": "the recipe of the release",
    "policy-whole-reward": "the first reward is the whole score",
    "policy-step-decay": "the learning rate falls after every step",
    "policy-counts": "predicted classes as numbers of pixels",
    "policy-whole-steps": "entropies pooled by whole steps",
    "policy-own-bins": "histograms over each region's own range",
    "policy-one-update": "one optimiser step in a round",
    "policy-3h": "without histograms of divergences (3H)",
    "policy-1h": "the highest entropies alone (1H)",
    "policy-candidates-20": "pools of 20 candidates",
    "policy-rounds-10": "10 rounds in a cycle",
    "policy-rounds-40": "40 rounds in a cycle",
}
COLUMNS = ["policy", "changed", "seeds", "mIoU", "difference", "95 % interval", "Holm p"]


def policy_table(records: pd.DataFrame) -> pd.DataFrame:
    """Every variant of the policy beside the study's own, seed by seed.

    Args:
        records: of :func:`segxal.results.tables.read_records`, ablations included.

    Returns:
        One row per variant, ``ralis`` first: what is ``changed``, ``seeds``, ``mIoU`` after the last cycle (mean ±
        standard deviation), and the ``difference`` of the area under the curve over pixels from that of ``ralis`` in
        points, its 95 % interval, p after Holm's correction over the variants. No row without a run of RALIS.
    """
    own = records[(records.method == POLICY_METHOD) & records.ablation.isin(("none", *POLICY_ABLATIONS))]
    if own.empty:
        return pd.DataFrame(columns=COLUMNS)
    named = own.assign(method=own.ablation.where(own.ablation != "none", POLICY_METHOD))
    control = records[(records.method == UNTRAINED) & (records.ablation == "none")]
    variants = pd.concat([named, control]).assign(ablation="none")
    scores = last_cycles(variants).groupby("method").miou.agg(list)
    rows = [{"policy": POLICY_METHOD, "changed": "", **_scores(scores[POLICY_METHOD])}]
    for c in compare_with(variants, POLICY_METHOD, "pixels"):
        rows.append({
            "policy": c.method, "changed": CHANGES[c.method], **_scores(scores[c.method]),
            "difference": f"{c.test.difference:+.2f}" if c.test.seeds else "",
            "95 % interval": f"{c.test.low:+.2f} to {c.test.high:+.2f}" if np.isfinite(c.test.p) else "",
            "Holm p": p_words(c.holm),
        })  # fmt: skip
    order = {name: k for k, name in enumerate((POLICY_METHOD, *CHANGES))}
    return pd.DataFrame(rows, columns=COLUMNS).fillna("").sort_values("policy", key=lambda names: names.map(order))


def _scores(values: list[float]) -> dict[str, object]:
    return {"seeds": len(values), "mIoU": spread(values)}
