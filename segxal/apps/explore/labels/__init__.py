"""What a machine labels by itself when thresholds move, and where it is wrong."""
