"""What the answers of several cycles add up to: annotations by image, (H, W) uint8 with 255 = not annotated."""

from typing import Any

import numpy as np

from segxal.core.labels import VOID


def accepted(annotations: dict[str, np.ndarray], queries: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """The answers of one cycle that joined the labelled pool: all but those the queries name as not accepted."""
    refused = {query["id"] for query in queries if not query["accepted"]}
    return {name: labels for name, labels in annotations.items() if name not in refused}


def merge(old: dict[str, np.ndarray], new: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Old annotations with the new ones on top, where these say something."""
    seen = {name: np.where(labels != VOID, labels, old[name]) for name, labels in new.items() if name in old}
    return old | new | seen
