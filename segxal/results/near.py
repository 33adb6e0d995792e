"""What is the error mask for? SegXAL's own claim, near objects, tested against rivals that ask as much."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from segxal.core.metrics import Confusion
from segxal.methods import get_method
from segxal.methods.base import MASKED
from segxal.results.comparison import Comparison, compare_pairs, p_words
from segxal.results.statistics import ALPHA, count_of_seeds
from segxal.results.tables import main_runs, read_records
from segxal.storage import paths
from segxal.study.records import KEY
from segxal.study.settings import Preset

# People and vehicles, by the names the data sets give them.
OBJECTS = (
    "person", "pedestrian", "rider", "bicyclist", "car", "truck", "bus", "train", "motorcycle", "bicycle",
)  # fmt: skip
RIVALS = ("margin", "entropy", "random")  # strategies a form of the mask has to beat
MEASURES = {  # column of near_records -> in words
    "near_objects": "mean IoU of people and vehicles, near pixels",
    "near_miou": "mIoU, near pixels",
    "miou": "mIoU, all pixels",
}


def near_records(preset: Preset, runs: Path = paths.RUNS) -> pd.DataFrame:
    """The runs without ablation, with ``near_objects``: mean IoU of people and vehicles among near pixels, percent.

    A class that occurs in neither truth nor prediction among the near pixels is left out of its mean.

    Args:
        preset: the study.
        runs: folder that holds the studies.

    Raises:
        ConfigError: if the study has not been collected.
    """
    counts = read_records(preset, runs, "confusion")
    near = counts[(counts.part == "near") & (counts.ablation == "none")]
    classes = list(dict.fromkeys(near["class"]))
    ious = near.groupby(KEY, sort=False)[["class", *classes]].apply(lambda part: objects_iou(part, classes))
    return main_runs(read_records(preset, runs)).merge(ious.rename("near_objects").reset_index(), on=KEY, how="left")


def objects_iou(counts: pd.DataFrame, classes: list[str]) -> float:
    """Mean IoU of people and vehicles in one confusion matrix, percent; NaN where none of them occurs.

    Args:
        counts: one row per true class (column ``class``), one column per predicted class.
        classes: names of the classes, in the order of the columns.
    """
    confusion = Confusion(len(classes))
    confusion.counts = torch.from_numpy(counts.set_index("class").loc[classes, classes].to_numpy(np.int64))
    wanted = [classes.index(name) for name in OBJECTS if name in classes]
    return 100 * float(confusion.iou[wanted].nanmean())


def rival_pairs(methods: list[str]) -> list[tuple[str, str]]:
    """Every form of the error mask with every rival that asks for the same kind of thing."""
    known = [get_method(name) for name in methods]
    forms = [m for m in known if m.family == "baseline" and m.strategy in MASKED]
    rivals = [m for m in known if m.family == "baseline" and m.strategy in RIVALS]
    return [(form.name, rival.name) for form in forms for rival in rivals if rival.granularity == form.granularity]


def near_comparisons(records: pd.DataFrame) -> dict[str, list[Comparison]]:
    """Forms of the error mask against their rivals, for each of :data:`MEASURES`; Holm over the pairs of a measure.

    Scores are areas under the curve over the cycles: methods that ask for the same kind of thing spend as many pixels
    and, for single pixels, as many clicks in each of them.

    Args:
        records: of :func:`near_records`.
    """
    pairs = rival_pairs(list(dict.fromkeys(records.method)))
    own = records[records.method.isin({name for pair in pairs for name in pair})]
    return {measure: compare_pairs(own.assign(miou=own[measure]), pairs, "cycle") for measure in MEASURES}


def near_table(records: pd.DataFrame) -> pd.DataFrame:
    """One row per measure, form of the mask and rival: the difference in points, its 95 % interval and Holm's p.

    Args:
        records: of :func:`near_records`.
    """
    rows = [
        {"measure": MEASURES[measure], "mask": c.method, "rival": c.reference, "seeds": c.test.seeds,
         "difference": f"{c.test.difference:+.2f}" if c.test.seeds else "",
         "95 % interval": f"{c.test.low:+.2f} to {c.test.high:+.2f}" if np.isfinite(c.test.p) else "",
         "Holm p": p_words(c.holm)}
        for measure, comparisons in near_comparisons(records).items() for c in comparisons
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["measure", "mask", "rival", "seeds", "difference", "95 % interval", "Holm p"])


def near_sentences(records: pd.DataFrame) -> list[str]:
    """Does a form of the mask keep its promise? One sentence per form: what it beats on near objects, as Holm allows.

    Args:
        records: of :func:`near_records`.
    """
    found = near_comparisons(records)["near_objects"]
    if not found:
        return ["No form of the error mask stands beside a rival that asks for the same kind of thing."]
    sentences = []
    for form in dict.fromkeys(c.method for c in found):
        own = [c for c in found if c.method == form]
        sides = {"above": 1, "below": -1}
        said = [
            f"{word} {', '.join(c.reference for c in part)}"
            for word, sign in sides.items()
            if (part := [c for c in own if c.holm < ALPHA and sign * c.test.difference > 0])
        ]
        other = [c.reference for c in own if not c.holm < ALPHA]
        said += [f"no difference from {', '.join(other)} is shown"] if other else []
        sentences.append(f"{form}, near people and vehicles, {count_of_seeds(own[0].test.seeds)}: {'; '.join(said)}.")
    return sentences
