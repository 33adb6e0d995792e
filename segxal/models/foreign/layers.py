"""Which layer of a network Grad-CAM looks at: those that give a map, and the deepest of them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor, nn

from segxal.core.errors import ConfigError

AFTER = ("decod", "head", "classifier", "neck", "aux")  # in names of parts that come after the deepest map


def map_layers(network: nn.Module, run: Callable[[], Any], as_map: Callable[[Tensor], Tensor]) -> dict[str, Any]:
    """The layers that run once in a pass and give one tensor that is a map.

    Args:
        network: any module; its hooks are as they were afterwards, also after an error.
        run: runs it once.
        as_map: brings a layer's output to (N, K, h, w), or raises ConfigError.

    Returns:
        Name -> (K, h, w), in the order in which the layers end; the module itself has the name "" and is left out.
    """
    found: dict[str, list[tuple[int, ...]]] = {}

    def note(name: str, _module: nn.Module, _inputs: Any, output: Any) -> None:  # None leaves the output alone
        try:
            shape = tuple(as_map(output).shape[1:]) if isinstance(output, Tensor) else ()
        except ConfigError:
            shape = ()
        found.setdefault(name, []).append(shape)

    handles = [part.register_forward_hook(partial(note, name)) for name, part in network.named_modules() if name]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return {name: shapes[0] for name, shapes in found.items() if len(shapes) == 1 and len(shapes[0]) == 3}


def deepest_first(maps: dict[str, tuple[int, int, int]], classes: int) -> list[str]:
    """Layers by how deep they are: the fewest cells first, of equal ones the last that ends.

    Args:
        maps: of :func:`map_layers`.
        classes: number of logits; layers of as many channels give logits and are left out.

    Returns:
        Names; those of decoders, heads and necks come last, and a map of one cell, which says nothing of where, is left
        out.
    """
    names = [name for name, (channels, height, width) in maps.items() if channels != classes and height * width > 1]
    order = {name: place for place, name in enumerate(names)}
    after = {name: any(word in name.lower() for word in AFTER) for name in names}
    return sorted(names, key=lambda name: (after[name], maps[name][1] * maps[name][2], -order[name]))
