"""What a network distinguishes: named by the caller, by the network itself, or by number."""

from collections.abc import Sequence

from torch import nn

from segxal.core.errors import ConfigError
from segxal.core.labels import Classes
from segxal.data.folder import palette, with_roles


def classes_of(network: nn.Module, count: int, given: Classes | Sequence[str] | None) -> Classes:
    """The classes of a network.

    Args:
        network: a network of transformers may name its classes (``config.id2label``).
        count: of its logits.
        given: classes with names and colours, names alone, or None.

    Returns:
        Classes in the order of the logits; those without a colour get one from a fixed palette, and ``road``,
        ``sidewalk``, ``terrain`` and ``sky`` have the role that ``geometry`` depth needs.

    Raises:
        ConfigError: if they are not as many as the logits, or a name comes twice.
    """
    if isinstance(given, Classes):
        found = given
    else:
        names = tuple(given) if given is not None else _own_names(network, count)
        found = with_roles(names, tuple(palette(index) for index in range(len(names))))
    if len(found) != count:
        some = ", ".join(found.names[:4]) + (", ..." if len(found) > 4 else "")
        raise ConfigError(
            f"{type(network).__name__} gives {count} logits per pixel, but {len(found)} classes are named "
            f"({some}); name all {count} in their order, or leave classes out"
        )
    if len(set(found.names)) < count:
        raise ConfigError(f"a class is named twice among {', '.join(found.names[:8])}; give each a name of its own")
    return found


def _own_names(network: nn.Module, count: int) -> tuple[str, ...]:
    known = getattr(getattr(network, "config", None), "id2label", None) or {}
    names = tuple(str(known.get(index, "")) for index in range(count))
    stated = all(names) and len(set(names)) == count and not any(name.startswith("LABEL_") for name in names)
    return names if stated else tuple(f"class {index}" for index in range(count))
