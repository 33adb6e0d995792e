"""Explorers: a person moves a slider in a notebook and sees what the method does.

Each folder is one explorer: ``explorer.py`` holds its widget, the other files the pure functions that make what it
shows. Files beside the folders are what the explorers share: pictures, HTML, keyboard, pointer.
"""
