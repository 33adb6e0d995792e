"""Figures of the paper and looks into a cycle: functions that return a figure; nothing is shown or kept by itself."""
