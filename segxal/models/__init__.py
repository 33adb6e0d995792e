"""Segmentation networks and depth networks by name, and the device they run on."""
