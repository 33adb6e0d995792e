"""All runs of a preset: settings, state on disk, the loop, the grid."""
