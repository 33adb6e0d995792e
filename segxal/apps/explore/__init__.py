"""Explorers: what a person moves in a notebook. Pure functions make the pictures, widgets only show them."""
