"""The logits in whatever a network returns."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from segxal.core.errors import ConfigError

KEYS = ("out", "logits")  # of torchvision and of transformers
WAY_OUT = "say where they are: logits=lambda output: output[0], for example"


def logits_of(output: Any) -> Tensor:
    """The logits of a network's output, which may be a tensor, a mapping or an object.

    Args:
        output: (N, C, h, w) logits, a mapping that holds them as ``out`` or ``logits``, or an object with ``.logits``.

    Returns:
        (N, C, h, w) float, C at least 2: one logit z alone is the pair (0, z), background and object, since its sigmoid
        is the second of their probabilities.

    Raises:
        ConfigError: if there are no logits, or they have another form; the error says what was given.
    """
    found = output
    if isinstance(output, Mapping):
        found = next((output[key] for key in KEYS if key in output), None)
    elif not isinstance(output, Tensor):
        found = getattr(output, "logits", None)
    if not isinstance(found, Tensor):
        raise ConfigError(
            f"the network returns {_in_words(output)}; expected logits (N, C, h, w): a tensor, a mapping with 'out' or "
            f"'logits', or an object with .logits. Where it has logits, {WAY_OUT}"
        )
    if found.dim() != 4 or not found.is_floating_point():
        raise ConfigError(
            f"the network returns {_in_words(found)}; expected float logits (N, C, h, w), one for each class and "
            f"pixel, not predicted classes or scores of whole images. Where it has logits, {WAY_OUT}"
        )
    return found if found.shape[1] > 1 else torch.cat([torch.zeros_like(found), found], dim=1)


def check_logits(logits: Tensor) -> None:
    """Check that logits (N, C, h, w) are no probabilities: a softmax of a softmax would be nearly uniform.

    Raises:
        ConfigError: if every pixel sums to 1 over C and no value is negative.
    """
    if bool((logits >= 0).all()) and bool(((logits.sum(1) - 1).abs() < 1e-3).all()):
        raise ConfigError(
            "the network's output sums to 1 at every pixel: these are probabilities, expected logits; take its softmax "
            "away, or undo it: logits=lambda output: output.clamp(min=1e-12).log()"
        )


def _in_words(output: Any) -> str:
    """The kind of an output, and of what it holds."""
    if isinstance(output, Tensor):
        return f"a tensor {tuple(output.shape)} of {str(output.dtype).removeprefix('torch.')}"
    if isinstance(output, Mapping):
        return f"a {type(output).__name__} with {', '.join(map(str, output)) or 'nothing'}"
    if isinstance(output, (tuple, list)):
        return f"a {type(output).__name__} of {', '.join(_in_words(part) for part in output[:3]) or 'nothing'}"
    return f"a {type(output).__name__}"
