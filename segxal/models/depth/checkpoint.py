"""Checkpoints of depth networks: which family they are of, what they give, and where their files are."""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from segxal.core.errors import ConfigError, WeightsMissing
from segxal.models.hub import unreachable
from segxal.storage.files import read_json

# Provider -> the checkpoint it takes by default, `owner/name` or `owner/name@revision` of the Hugging Face hub.
DEFAULTS = {
    "midas": "Intel/dpt-hybrid-midas@refs/pr/5",  # the revision that holds safetensors
    "dinov2": "facebook/dpt-dinov2-small-kitti",  # the one trained on streets; the -nyu ones know rooms
    "depth-anything": "depth-anything/Depth-Anything-V2-Small-hf",
}
# What the networks of a family give, unless their configuration says `depth_estimation_type`. Inverse depth (larger =
# nearer): MiDaS and Depth Anything, trained with a scale- and shift-invariant loss. Metres (larger = farther, to be
# inverted): the DPT heads on DINOv2, trained on KITTI or NYU; Depth Anything's "metric" checkpoints.
METRIC = {"midas": False, "dinov2": True, "depth-anything": False}
OFFLINE = "dataset (the data set's own depth), geometry and streets-net need no checkpoint"
FILES = ("config.json", "preprocessor_config.json", "model.safetensors")
HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?(@[\w./-]+)?")


@dataclass(frozen=True)
class Checkpoint:
    """A depth network on disk.

    Attributes:
        name: as the user named it: a folder or a name on the hub.
        folder: where its files are.
        family: ``midas``, ``dinov2`` or ``depth-anything``.
        metric: whether it gives metres (larger = farther) instead of inverse depth.
        digest: SHA-256 over its configuration and weights.
    """

    name: str
    folder: Path
    family: str
    metric: bool
    digest: str


def find_checkpoint(family: str, weights: str = "") -> Checkpoint:
    """The checkpoint of a provider, downloaded when it is named by its hub name and not here yet.

    Args:
        family: a key of ``DEFAULTS``.
        weights: a folder or a name on the hub; empty for the default of the family.

    Raises:
        WeightsMissing: if the files are neither on this machine nor downloadable.
        ConfigError: if the checkpoint is of another family or of none.
    """
    name = weights or DEFAULTS[family]
    folder = _folder(family, name)
    config = read_json(folder / "config.json")
    found = family_of(config)
    if found != family:
        kind = (
            f"a network of the family {found}; set mask.depth to {found}"
            if found
            else "not a depth network that segxal knows"
        )
        raise ConfigError(
            f"{name} (model_type {config.get('model_type')!r}) is {kind}, or name a checkpoint like {DEFAULTS[family]} "
            f"for mask.depth = {family}"
        )
    stamps = tuple((file, file.stat().st_size, file.stat().st_mtime_ns) for file in _parts(folder))
    return Checkpoint(name, folder, family, is_metric(config), _digest(stamps))


def family_of(config: dict[str, Any]) -> str:
    """The family of a network by its ``config.json``; empty when it is of none."""
    if config.get("model_type") == "depth_anything":
        return "depth-anything"
    if config.get("model_type") == "dpt":
        backbone = config.get("backbone_config") or {}
        return "dinov2" if str(backbone.get("model_type", "")).startswith("dinov2") else "midas"
    return ""


def is_metric(config: dict[str, Any]) -> bool:
    """Whether a network gives metres instead of inverse depth; its own configuration has the last word."""
    said = config.get("depth_estimation_type")
    return METRIC[family_of(config)] if said is None else said == "metric"


def fetch_command(name: str) -> str:
    """The command that downloads a checkpoint."""
    repository, _, revision = name.partition("@")
    return f".venv/bin/hf download {repository} {' '.join(FILES)}" + (f" --revision {revision}" if revision else "")


def _parts(folder: Path) -> list[Path]:
    return [folder / "config.json", folder / "preprocessor_config.json", *sorted(folder.glob("*.safetensors"))]


@lru_cache(maxsize=8)
def _digest(stamps: tuple[tuple[Path, int, int], ...]) -> str:
    """Hash of the files' names and bytes; sizes and times only say when to hash again."""
    digest = hashlib.sha256()
    for file, size, _ in stamps:
        digest.update(f"{file.name} {size}\n".encode())
        with file.open("rb") as handle:
            while block := handle.read(2**20):
                digest.update(block)
    return digest.hexdigest()


def _lacking(folder: Path) -> str:
    """What a checkpoint's folder lacks, in words; empty when it is whole."""
    lacking = [name for name in FILES[:2] if not (folder / name).is_file()]
    if not any(folder.glob("*.safetensors")):
        lacking.append("model.safetensors (other weight formats, pickles, are not read)")
    return ", ".join(lacking)


def _folder(family: str, name: str) -> Path:
    folder = Path(name).expanduser()
    if folder.is_dir():
        if lacking := _lacking(folder):
            raise WeightsMissing(f"the folder {folder} has no {lacking}; a checkpoint has {', '.join(FILES)}")
        return folder
    if not HUB_NAME.fullmatch(name):
        raise WeightsMissing(
            f"mask.depth_weights = {name!r} is neither a folder nor a hub name (owner/name or owner/name@revision); "
            f"name an existing folder, or leave it empty for {DEFAULTS[family]}"
        )
    kept = _kept(name)
    if kept is None:
        reason = _download(name)
        kept = _kept(name)
        if kept is None:
            raise WeightsMissing(_what_to_do(family, name, reason))
    return kept


def _kept(name: str) -> Path | None:
    """Where the hub's cache on this machine keeps a checkpoint, when it is whole."""
    from huggingface_hub import try_to_load_from_cache

    repository, _, revision = name.partition("@")
    found = try_to_load_from_cache(repository, FILES[0], revision=revision or None)
    folder = Path(found).parent if isinstance(found, str) else None
    return folder if folder and not _lacking(folder) else None


def _download(name: str) -> str:
    """Fetch a checkpoint; returns why it could not be done, empty when it was."""
    from huggingface_hub import errors, snapshot_download

    if reason := unreachable():
        return reason
    repository, _, revision = name.partition("@")
    try:
        snapshot_download(repository, revision=revision or None, allow_patterns=[*FILES, "model-*.safetensors"])
    except (OSError, errors.EntryNotFoundError) as error:
        return str(error).strip().splitlines()[0]
    return "it holds no model.safetensors; other weight formats, pickles, are not read"


def _what_to_do(family: str, name: str, reason: str) -> str:
    return (
        f"the weights of {family}, {name}, are not on this machine and could not be fetched ({reason}).\n"
        f"With a network: {fetch_command(name)}\n"
        "Without one: fetch it elsewhere (same command with `--local-dir FOLDER`), copy the folder and name it in "
        "mask.depth_weights: FOLDER\n"
        f"Or set mask.depth to another provider: {OFFLINE}"
    )
