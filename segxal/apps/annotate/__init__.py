"""Asking real people: a cycle's query as a Label Studio project, and what they annotated read back."""
