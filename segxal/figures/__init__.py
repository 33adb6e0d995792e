"""Figures of the paper and looks into a cycle: functions that return a figure; nothing is shown or kept by itself."""

from segxal.figures.annotation import annotation_figure, annotation_steps
from segxal.figures.attention import attention_figure, attention_maps
from segxal.figures.base import save
from segxal.figures.budget import bought_figure, budget_figure, penalty_figure
from segxal.figures.curves import curves, deletion, randomisation, training
from segxal.figures.cycles import cycle_columns, cycles_figure
from segxal.figures.depth import depth_figure
from segxal.figures.oracles import oracle_answers, oracles_figure
from segxal.figures.pae import pae_figure, pae_steps
from segxal.figures.pipeline import pipeline_figure, pipeline_parts
from segxal.figures.sheet import cycle_sheet, data_sheet
from segxal.figures.split import shown_runs, split_figure, split_records

__all__ = [
    "annotation_figure", "annotation_steps", "attention_figure", "attention_maps", "bought_figure", "budget_figure",
    "curves", "cycle_columns", "cycle_sheet", "cycles_figure", "data_sheet", "deletion", "depth_figure",
    "oracle_answers", "oracles_figure", "pae_figure", "pae_steps", "penalty_figure", "pipeline_figure",
    "pipeline_parts", "randomisation", "save", "shown_runs", "split_figure", "split_records", "training",
]  # fmt: skip
