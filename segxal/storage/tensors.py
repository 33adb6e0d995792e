"""Tensors on disk as safetensors, written atomically, read without pickle."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from segxal.core.errors import CheckpointMismatch
from segxal.storage.files import replacing


def write_tensors(path: Path, tensors: dict[str, Tensor], **metadata: str) -> None:
    """Write tensors as safetensors atomically; ``metadata`` says what model they belong to."""
    with replacing(path) as temporary:
        try:
            save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, temporary, metadata)
        except SafetensorError as error:  # how it reports a full disk
            raise OSError(str(error)) from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read safetensors.

    Raises:
        CheckpointMismatch: if the file is truncated or not a safetensors file.
    """
    try:
        return load_file(path)
    except SafetensorError as error:
        raise CheckpointMismatch(
            f"{path} is not a readable safetensors file ({error}); delete it to have it made again"
        ) from error
