"""Where and in which precision the network runs: CUDA when there is one, the same code on the CPU."""

from contextlib import AbstractContextManager

import torch

from segxal.core.errors import ConfigError


def device() -> torch.device:
    """CUDA when there is one, otherwise the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def has_fast_bf16() -> bool:
    """Whether bfloat16 is sure to beat float32 on this device, so that ``auto`` takes it.

    On a CPU that takes matrix units (AMX). With AVX-512's bf16 dot product alone a training step was slower than in
    float32 on an Intel Xeon, faster on an AMD EPYC of the fifth generation: ``make bench`` prints the ratio of the
    machine at hand, and ``train.amp: bf16`` asks for it.
    """
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    return getattr(torch.cpu, "_is_amx_tile_supported", bool)()


def amp_dtype(amp: str) -> torch.dtype:
    """The data type of autocast for a setting.

    Args:
        amp: ``auto`` (bf16 where it is fast, otherwise fp16 on CUDA and float32 on a CPU), ``bf16``,
            ``fp16`` or ``off``.

    Raises:
        ConfigError: for another word.
    """
    kinds = {"bf16": torch.bfloat16, "fp16": torch.float16, "off": torch.float32}
    if amp == "auto":
        amp = "bf16" if has_fast_bf16() else "fp16" if torch.cuda.is_available() else "off"
    if amp not in kinds:
        raise ConfigError(f"amp = {amp!r}; choose auto, bf16, fp16 or off")
    return kinds[amp]


def autocast(amp: str) -> AbstractContextManager[None]:
    """Autocast for a setting of :func:`amp_dtype`; does nothing in float32."""
    dtype = amp_dtype(amp)
    return torch.autocast(device().type, dtype=dtype, enabled=dtype != torch.float32)
