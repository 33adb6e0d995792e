"""segxal: explainable active learning for semantic segmentation.

One paper noun is one file, one notebook and one test file. A module imports only from the rows above it:

======  ========================================================================================
0       errors, paths, labels, seeds: words, folders, randomness
1       files (state on disk, atomic), device
2       config (presets as frozen dataclasses), metrics (one confusion matrix, calibration), tensors, price
3       data/ (the data sets, one sample form), pool, regions, methods, unet, augment
4       models (any segmentation network by name), cams (the other CAM methods), semi (unlabelled images)
5       predict (what a network says of images, and how right it is)
6       train, entropy (EBU), gradcam, depth/ (providers): the parts of the explainable error mask
7       eem (proximity attention PAE, fusion: the explainable error mask)
8       oracles/, strategies/, gate (Dice), detection, faithfulness (is the mask right?), state
9       ranking (regions in the order in which a method asks for them)
10      query (what a method asks for in one cycle)
11      annotate/ (real people: a cycle's query to Label Studio and back)
12      loop (one cycle: a pure step from a state folder to a state folder)
13      study (the grid of runs and its records), kfold, checks (of one trained cycle), depth_check (of the providers),
        statistics, audit
14      comparison (what the runs of several seeds allow to conclude)
15      tables, figures, execution (strict papermill runner)
16      comparison_tables (all methods side by side)
17      explore/ (what a person moves in a notebook: pictures, cached maps, widgets)
18      workshop/ (the parts of the workshop: their checks, networks, exercises and slides)
19      doctor (what this machine has), reproduce (the grid through Snakemake), report (HTML),
        backend (pre-labels for a running Label Studio)
20      cli_annotate (``segxal annotate``)
21      cli (the command ``segxal``), site/ (documentation and gallery as linked pages: ``make site``)
======  ========================================================================================

A test (``tests/test_house.py``) keeps it so. This file imports nothing.
"""

__version__ = "0.1.0"
