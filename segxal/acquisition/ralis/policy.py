"""A trained policy: the query network with the state set it looks at; made before the runs, kept as safetensors."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from segxal.acquisition.ralis.features import POOLED, Form
from segxal.acquisition.ralis.network import QueryNetwork
from segxal.core.errors import CheckpointMismatch
from segxal.core.seeds import drawing_from
from segxal.data.base import Frames
from segxal.storage.tensors import read_tensors


@dataclass(frozen=True)
class StateSet:
    """What a policy was made for; it fits nothing else.

    Attributes:
        ids: names of the images whose regions are the state, in order: the network depends on it.
        checksum: of these images' pixels.
        classes: names of the classes.
        cell: height and width of a region, pixels.
        form: of the features.
        known: names of all images whose labels the policy was trained with; they count as no labelled region.
    """

    ids: tuple[str, ...]
    checksum: str
    classes: tuple[str, ...]
    cell: tuple[int, int]
    form: Form
    known: tuple[str, ...] = field(default=())

    def metadata(self) -> dict[str, str]:
        """As text, for the head of a safetensors file."""
        return {"state_set": json.dumps(asdict(self))}

    def positions(self, frames: Frames) -> list[int]:
        """Where the images of the state set stand in a split.

        Raises:
            CheckpointMismatch: if one is missing, or their pixels or the classes are others.
        """
        missing = [name for name in self.ids if name not in frames.ids]
        if missing:
            raise CheckpointMismatch(
                f"the policy looks at {len(self.ids)} images, of which {', '.join(missing[:3])} are not in this "
                "split; train a policy on this data set"
            )
        positions = [frames.position(name) for name in self.ids]
        if frames.classes.names != self.classes or checksum(frames, positions) != self.checksum:
            raise CheckpointMismatch(
                f"the policy was made for {len(self.classes)} classes and images with checksum {self.checksum}, these "
                f"are {len(frames.classes)} classes and {checksum(frames, positions)}; train a policy on this data "
                "set, at this image size"
            )
        return positions


@dataclass(frozen=True)
class Policy:
    """A query network with its state set."""

    network: QueryNetwork
    states: StateSet

    def values(self, state: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        """Q-values (M,) float64 of candidates (M, d + 64), given the state (S, d)."""
        with torch.no_grad():
            q = self.network.eval()(torch.from_numpy(state)[None], torch.from_numpy(candidates)[None])[0]
        return q.double().numpy()


def checksum(frames: Frames, positions: list[int]) -> str:
    """Names images by their pixels, in this order."""
    content = hashlib.sha256(repr(tuple(frames.images.shape[1:])).encode())
    for position in positions:
        content.update(np.ascontiguousarray(frames.images[position].numpy()).tobytes())
    return content.hexdigest()[:16]


def new_network(states: StateSet, regions: int, generator: torch.Generator) -> QueryNetwork:
    """An untrained query network whose weights come from the generator.

    Args:
        states: what the policy is made for.
        regions: regions of the state set.
        generator: source of the weights.
    """
    with drawing_from(generator):
        return QueryNetwork(len(states.classes) + 1 + POOLED, regions)


def read_policy(path: Path) -> Policy:
    """Read a policy.

    Raises:
        CheckpointMismatch: if the file is cut off or holds no policy.
    """
    tensors = read_tensors(path)
    with safe_open(path, framework="pt") as file:
        said = json.loads((file.metadata() or {}).get("state_set", "{}"))
    if not said:
        raise CheckpointMismatch(f"{path} holds no policy; it is made by the stage ralis-policy of a study")
    height, width = said["cell"]
    states = StateSet(
        tuple(said["ids"]), said["checksum"], tuple(said["classes"]), (height, width), Form(**said["form"]),
        tuple(said["known"]),
    )  # fmt: skip
    regions = _regions_of(tensors)
    network = QueryNetwork(len(states.classes) + 1 + POOLED, regions)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise CheckpointMismatch(f"{path} holds weights of another network: {error}") from error
    return Policy(network.eval(), states)


def _regions_of(tensors: dict[str, Tensor]) -> int:
    """Regions of the state set, which the last layer of the state path was made for."""
    return int(tensors["state.6.weight"].shape[1]) if "state.6.weight" in tensors else 1
