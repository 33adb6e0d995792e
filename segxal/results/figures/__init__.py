"""Figures of the paper and looks into a cycle: functions that return a figure; they show and save nothing."""
