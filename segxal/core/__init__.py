"""The quantities of the paper: arrays and numbers in and out; no preset, no file, no network by name."""
