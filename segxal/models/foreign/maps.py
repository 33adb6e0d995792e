"""What a layer gives as a map (N, K, h, w): transformers give tokens, some networks put the channels last."""

from torch import Tensor

from segxal.core.errors import ConfigError

BEFORE = range(6)  # tokens that stand before those of the image: a class token and up to four registers


def to_map(output: Tensor, images: tuple[int, int, int]) -> Tensor:
    """A layer's output with its numbers moved to (N, K, h, w); the layout is guessed from the images.

    A layer looks at an image in steps of s pixels, so its grid is (H / s, W / s) for a whole number s, both sides
    rounded up or both down. A layout whose grid needs no rounding goes before one that does, and channels that come
    second before those that come last.

    Args:
        output: (N, K, h, w); (N, h, w, K) with such a grid; or tokens (N, T, K) of such a grid, row by row, behind at
            most 5 tokens that are not of the image.
        images: how many there are, their height and width.

    Returns:
        (N, K, h, w), a view where possible.

    Raises:
        ConfigError: if the output is of another form, or two grids are possible.
    """
    count, height, width = images
    whole, rounded = _grids(height, width)
    if output.dim() == 4 and len(output) == count:
        second, last = tuple(output.shape[2:]), tuple(output.shape[1:3])
        moved = (last in whole and second not in whole) or (last in rounded and second not in whole | rounded)
        return output.permute(0, 3, 1, 2) if moved else output
    if output.dim() == 3 and len(output) == count:
        found = [
            [(before, grid) for grid in grids if grid[0] * grid[1] == output.shape[1] - before]
            for grids in (whole, rounded)
            for before in BEFORE
        ]
        fitting = next(filter(None, found), [])
        if len(fitting) == 1:
            before, grid = fitting[0]
            return output[:, before:].transpose(1, 2).unflatten(2, grid)
    raise ConfigError(
        f"a layer gives {tuple(output.shape)} for {count} images of {height}x{width}, which is no map (N, K, h, w), no "
        "map with the channels last and no tokens (N, T, K) of one possible grid; say how it becomes a map: "
        "reshape=lambda output: output[:, 1:].transpose(1, 2).unflatten(2, (h, w)), for example, or name another layer"
    )


def _grids(height: int, width: int) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """(h, w) of the layers that an image of this size can have: without rounding, and the others."""
    steps = range(1, max(height, width) + 1)
    whole = {(height // s, width // s) for s in steps if not height % s and not width % s}
    rounded = {(-(-height // s), -(-width // s)) for s in steps} | {(height // s, width // s) for s in steps}
    return whole, {(h, w) for h, w in rounded if h and w} - whole
