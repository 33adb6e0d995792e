"""A person plays one image through the cycles of a run."""
