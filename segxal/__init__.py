"""segxal: explainable active learning for semantic segmentation.

One paper noun is one file, one notebook and one test file. A module imports only from the rows above it:

======  ===============================================================================================
L0      errors, paths, labels, seeds, files: words, folders, randomness, state on disk
L1      config (presets as frozen dataclasses), metrics (one confusion matrix, calibration)
L2      data/ (the data sets, one sample form), pool (what is labelled since when), unet
L3      models (any segmentation network by name)
L4      train, entropy (EBU), gradcam, depth (the parts of the explainable error mask)
L5      eem (proximity attention PAE, fusion: the explainable error mask)
L6      oracles/, strategies/, gate (Dice), detection and faithfulness (is the mask right?)
L7      loop (one cycle: a pure step from a state folder to a state folder)
L8      study (the grid of runs and its records)
L9      tables, figures, execution (strict papermill runner)
L10     cli (the command ``segxal``), doctor
======  ===============================================================================================

A test (``tests/test_house.py``) keeps it so. This file imports nothing.
"""

__version__ = "0.1.0"
