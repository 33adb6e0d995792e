"""segxal: explainable active learning for semantic segmentation.

Ten rooms; a room imports only from the rooms above it:

===========  ===================================================================================
core         the paper's quantities: arrays and numbers in and out
storage      folders and files: every state is written at once
data         the data sets, one form of sample, rendered streets
models       segmentation networks, depth networks
training     the engine, what a training step minimises, prediction
acquisition  the pool, strategies that say where to ask, oracles that answer
methods      methods by name: SegXAL, its baselines, the upper bound
study        settings, presets, the loop of cycles, the grid of runs
results      records, statistics, tables, figures, the report
apps         the command line, explorers, annotation, the workshop, the site
===========  ===================================================================================

A test (``tests/test_house.py``) keeps it so. This file imports nothing.
"""

__version__ = "0.1.0"
