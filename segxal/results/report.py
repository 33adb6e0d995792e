"""One HTML page with every table and figure of a study; it needs no other file and no network."""

import base64
import html
import io
import math
from pathlib import Path

import pandas as pd
from PIL import Image

from segxal.results.tables import budget_table, check_means, random_gain, read_class_iou, read_records
from segxal.storage import paths
from segxal.storage.files import write_text
from segxal.study.settings import Preset

TABLE_CAPTIONS = {
    "table1": "Table 1. Class IoUs (%) after the last cycle, their mean, and both standard deviations: over seeds and "
    "over classes. The paper's rows use other data (Cityscapes) and are given for orientation.",
    "table2": "Table 2. mIoU (%) after each cycle; mean ± standard deviation over seeds. The paper's rows use other "
    "data (Cityscapes) and are given for orientation.",
    "table3": "Table 3. mIoU (%) after the last cycle with the whole mask, without EBU and without PAE.",
    "comparison": "Comparison with random selection over annotated pixels; a row covers the range both methods "
    "share. Each interval is for that pair alone; Holm's p is over all methods.",
    "differences": "AUBC minus that of random selection, in points of mIoU, over each budget: 95 % interval for "
    "that pair alone, and Holm's p over all methods.",
    "conclusions": "What may be concluded about each method, over each budget.",
    "shares": "Share of the pixels annotated: share of the fully supervised mIoU reached, cycle by cycle. PixelPick's "
    "row has its own budgets and a pretrained network.",
    "record": "Share of the own fully supervised mIoU (%) over pixels and clicks per training image; low and high: "
    "95 % interval over seeds.",
    "near": "Forms of the error mask against rivals that ask for as much: AUBC over the cycles, points; Holm's p over "
    "the pairs of a measure.",
    "near_far": "mIoU (%) among near and far pixels; a class that occurs in only one part counts only there.",
    "bought": "Share of each class (%) among the pixels people were asked for.",
    "policy": "What the training of RALIS's policy is worth, and each point in which it differs from the release: AUBC "
    "over pixels minus that of the study's own policy, points; Holm's p over the rows.",
    "adaptation": "Learning from another world: every method after its last stage beside its control, in points of "
    "mIoU, paired over seeds; each interval is for that pair alone, Holm's p over all controls.",
    "protocols": "Means over the 16 and the 13 classes that papers print for SYNTHIA to Cityscapes (%).",
    "machine_labels": "Labels that a machine wrote in the last stage: means over the classes, mean ± standard "
    "deviation over seeds.",
    "noise": "mIoU (%) after the last cycle when people err: flipped boundary pixels, or pieces of a wrong class.",
}
FIGURE_CAPTIONS = {
    "fig1_pipeline": "Fig. 1. The whole pipeline, drawn with this run's own images.",
    "fig2_pae": "Fig. 2. From depth to the proximity-aware explanation (PAE).",
    "fig3_annotation": "Fig. 3. Annotation workflow of the simulated human.",
    "fig4_cycles": "Fig. 4. Entropy, error mask and machine annotation of one image over the cycles.",
    "fig5_oracles": "Fig. 5. Pseudo-labels against human annotation.",
    "fig6_gradcam": "Fig. 6. Grad-CAM against PAE.",
    "fig7_split": "Fig. 7. mIoU after the last cycle against the initial split.",
    "budget": "Fig. 7, state of the art: mIoU over pixels and clicks, one row for each family of methods; in colour "
    "the family's best method and random selection.",
    "record": "Share of full supervision over the price per image; PixelPick as printed; bands: 95 % intervals.",
    "penalty": "Pairwise penalty matrix: the share of budget points at which the row beats the column.",
    "bought": "What each method bought, against the reference.",
    "class_gains": "IoU of each class against that of the network of the source, points; means over seeds.",
    "pseudo_labels": "What a machine labels by each kind of doubt, the same share of every class.",
    "pseudo_label_curves": "How right labels are if more or fewer pixels are labelled, for each kind of doubt.",
}
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
img { max-width: 100%; height: auto } figure { margin: 2rem 0 } figcaption { color: #555 }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: .85rem } td, th { padding: .25rem .6rem;
text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap }
td:first-child, th:first-child { text-align: left }
"""


def write_report(preset: Preset, runs: Path = paths.RUNS, figures: Path = paths.FIGURES, interactive: str = "") -> Path:
    """Write ``papermill_runs/<preset>/report.html`` from the tables, figures and records that are there.

    Args:
        preset: the study.
        runs: folder that holds the studies.
        figures: folder that holds their figures.
        interactive: HTML of an error mask to move sliders on, which ends the page; empty for none. For example
            :func:`segxal.apps.explore.mask.offline_copy.study_copy`.

    Returns:
        The file.

    Raises:
        ConfigError: if the study has no records yet.
    """
    study = runs / preset.name
    records = read_records(preset, runs)
    seeds = ", ".join(str(seed) for seed in sorted(records.seed.unique()))
    worst = check_means(records, read_class_iou(preset, runs))
    parts = [
        f"<h1>segxal study <em>{html.escape(preset.name)}</em></h1>",
        f"<p>Data set {preset.data.name} at {preset.data.height} x {preset.data.width} pixels, scores on its "
        f"{preset.data.report} split; network {preset.model.name}, seeds {seeds}; {len(records)} cycles recorded. "
        f"Every mIoU is the mean of its class IoUs (largest difference {worst:.4f} points).</p>",
        "<h2>Where each method ended</h2>",
        "<p>labelled: training images with any label; images: how often people were shown an image, counted once per "
        "cycle that asked about it. All values are means over the seeds.</p>",
        _table(budget_table(records)),
        *_worth(records),
    ]
    for name, caption in TABLE_CAPTIONS.items():
        file = study / "tables" / f"{name}.csv"
        if file.is_file():
            parts += [f"<h2>{html.escape(caption)}</h2>", _table(pd.read_csv(file, dtype=str).fillna(""))]
    for name, caption in FIGURE_CAPTIONS.items():
        file = figures / preset.name / f"{name}.png"
        if file.is_file():
            text = html.escape(caption)
            parts.append(f'<figure><img alt="{text}" src="{_embedded(file)}"><figcaption>{text}</figcaption></figure>')
    if interactive:
        parts += ["<h2>The error mask of one image: move the weights</h2>", interactive]
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>segxal {html.escape(preset.name)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
    )
    write_text(study / "report.html", page + "\n".join(parts) + "</body></html>\n")
    return study / "report.html"


def _worth(records: pd.DataFrame) -> list[str]:
    """What labels are worth under random selection, where a study has it and full supervision."""
    gain = random_gain(records)
    if any(math.isnan(value) for value in gain.values()):
        return []
    return [
        f"<p>Random whole images: {gain['grow']:+.2f} points of mIoU from the first to the last cycle, and "
        f"{gain['full']:+.2f} from there to full supervision.</p>"
    ]


def _embedded(picture: Path) -> str:
    """A picture as an address that holds it; WebP is a quarter of the PNG, which stays beside the page."""
    content = io.BytesIO()
    Image.open(picture).convert("RGB").save(content, "WEBP", quality=90)
    return "data:image/webp;base64," + base64.b64encode(content.getvalue()).decode()


def _table(table: pd.DataFrame) -> str:
    return f'<div class="wide">{table.to_html(index=False, border=0, na_rep="", float_format="{:.10g}".format)}</div>'
