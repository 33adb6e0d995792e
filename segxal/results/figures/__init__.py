"""Figures of the paper and looks into a cycle: functions that return a figure; nothing is shown or kept by itself."""

from segxal.results.figures.annotation import annotation_figure, annotation_steps
from segxal.results.figures.attention import attention_figure, attention_maps
from segxal.results.figures.base import save
from segxal.results.figures.budget import bought_figure, budget_figure, penalty_figure
from segxal.results.figures.curves import curves, deletion, randomisation, training
from segxal.results.figures.cycles import cycle_columns, cycles_figure
from segxal.results.figures.depth import depth_figure
from segxal.results.figures.oracles import oracle_answers, oracles_figure
from segxal.results.figures.pae import pae_figure, pae_steps
from segxal.results.figures.pipeline import pipeline_figure, pipeline_parts
from segxal.results.figures.sheet import cycle_sheet, data_sheet
from segxal.results.figures.split import shown_runs, split_figure, split_records

__all__ = [
    "annotation_figure", "annotation_steps", "attention_figure", "attention_maps", "bought_figure", "budget_figure",
    "curves", "cycle_columns", "cycle_sheet", "cycles_figure", "data_sheet", "deletion", "depth_figure",
    "oracle_answers", "oracles_figure", "pae_figure", "pae_steps", "penalty_figure", "pipeline_figure",
    "pipeline_parts", "randomisation", "save", "shown_runs", "split_figure", "split_records", "training",
]  # fmt: skip
