"""What a labelling game looks like: the images on offer in one picture, what everybody asked for, and the score."""

from collections.abc import Mapping, Sequence

import numpy as np

from segxal.acquisition.query import masks_of
from segxal.apps.explore.game.state import YOU, Game, Pick, asked_part, standings
from segxal.apps.explore.picture import colour_bar, enlarge, factor_for, heat, label_picture, outline, overlay
from segxal.apps.explore.tiles import GAP, asked_picture, in_column, in_row, titled, with_borders
from segxal.core.errors import ConfigError
from segxal.core.labels import VOID
from segxal.results.figures.base import Sheet
from segxal.results.figures.curves import curves
from segxal.results.figures.view import picture

LAYERS = ("image", "prediction", "entropy", "EEM")  # what the board can show of each image
ACROSS = 3  # images in a row of the board
WIDTH = 320  # pixels of one image on the board, at most
SMALL = 160  # pixels of one image where all players are shown
FADED = 0.35  # how far what you have not picked fades to white
EDGE = 0.03  # room beside the first and the last mark of the chart, share of its width
COVER = 0.6  # opacity of predicted classes over the image


def layers_of(game: Game, name: str = YOU) -> dict[str, dict[int, np.ndarray]]:
    """What a player's network says about the images on offer: layer -> image -> picture (H, W, 3) uint8."""
    train, images = game.splits.train, list(game.images)
    masks = masks_of(game.players[name].learner, train, images)
    shown: dict[str, dict[int, np.ndarray]] = {layer: {} for layer in LAYERS}
    for k, index in enumerate(images):
        image = picture(train, index)
        shown["image"][index] = image
        shown["prediction"][index] = overlay(image, label_picture(masks.prediction[k].numpy(), train.classes), COVER)
        shown["entropy"][index] = heat(masks.ebu[k].float().numpy())
        shown["EEM"][index] = heat(masks.eem[k].float().numpy())
    return shown


def board_picture(
    game: Game, layer: Mapping[int, np.ndarray], picks: Sequence[Pick], cursor: Pick, width: int = WIDTH
) -> np.ndarray:  # fmt: skip
    """The images on offer with their superpixels: your picks keep their colours, what you asked for before is white.

    Args:
        game: the game.
        layer: per image the picture that is shown, (H, W, 3) uint8.
        picks: your picks of this round so far.
        cursor: the superpixel with an outline.
        width: of one image, pixels, at most.

    Returns:
        (h, w, 3) uint8: :data:`ACROSS` images in a row, 8 pixels between them.
    """
    tiles = []
    for index, partition in game.partitions.items():
        now, before = (asked_part(game, chosen, index) for chosen in (picks, game.players[YOU].asked))
        shown = overlay(layer[index], np.full_like(layer[index], VOID), FADED)
        shown[now] = layer[index][now]
        shown[before] = VOID
        large = with_borders(enlarge(shown, factor_for(partition.shape, width)), partition)
        large = outline(large, now) if now.any() else large
        tiles.append(outline(large, partition == cursor[1]) if cursor[0] == index else large)
    return in_column([in_row(tiles[k : k + ACROSS]) for k in range(0, len(tiles), ACROSS)])


def pick_at(game: Game, row: int, column: int, width: int = WIDTH) -> Pick | None:
    """The superpixel at a pixel of :func:`board_picture`; None between the images and beyond the last."""
    height, wide = next(iter(game.partitions.values())).shape
    factor = factor_for((height, wide), width)
    (down, y), (right, x) = divmod(row, factor * height + GAP), divmod(column, factor * wide + GAP)
    number = down * ACROSS + right
    if y >= factor * height or x >= factor * wide or right >= ACROSS or number >= len(game.images):
        return None
    index = game.images[number]
    return index, int(game.partitions[index][y // factor, x // factor])


def layer_bar(layer: str, width: int) -> np.ndarray | None:
    """The colour bar of a layer that has one."""
    units = {"entropy": "entropy / ln C", "EEM": "EEM, 0 to 1"}
    return colour_bar(width, units[layer]) if layer in units else None


def asked_pictures(game: Game, number: int, width: int = SMALL) -> np.ndarray:
    """What each player asked for in a round, one row per player.

    Args:
        game: the game.
        number: of the round, from 1 on.
        width: of one image, pixels, at most.

    Returns:
        (h, w, 3) uint8.

    Raises:
        ConfigError: if the round is not played yet.
    """
    if not 1 <= number <= game.round:
        raise ConfigError(f"round {number} is not played yet (rounds played: {game.round}); play it first")
    rows = []
    for name, player in game.players.items():
        parts = {index: asked_part(game, player.picks[number - 1], index) for index in game.images}
        factor = factor_for(parts[game.images[0]].shape, width)
        tiles = [asked_picture(picture(game.splits.train, index), part, factor) for index, part in parts.items()]
        before, after = (100 * value for value in player.scores[number - 1 : number + 1])
        rows.append(titled(in_row(tiles, 4), f"{name}: mIoU {before:.1f} % to {after:.1f} %"))
    return in_column(rows)


def score_table(game: Game) -> str:
    """The score board as an HTML table, best player first."""
    lines = "".join(
        f"<tr><td>{one.rank}</td><td>{one.name}</td><td>{100 * one.miou:.1f} %</td>"
        f"<td>{100 * one.gain:+.1f}</td><td>{one.clicks}</td></tr>"
        for one in standings(game)
    )
    head = "".join(f"<th>{word}</th>" for word in ("rank", "player", "mIoU", "gain (points)", "clicks"))
    style = "style='line-height:1.6;text-align:left' cellpadding='4'"
    return f"<table {style}><caption>After round {game.round}</caption><tr>{head}</tr>{lines}</table>"


def score_chart(game: Game) -> Sheet:
    """The mIoU of every player on the test split over the clicks spent, with room for all rounds."""
    lines = {}
    for name, player in game.players.items():
        spent = np.cumsum([0, *(len(picks) for picks in player.picks)])
        rows = zip(spent, player.scores, strict=True)
        lines[name] = [{"clicks": int(clicks), "miou": 100 * value} for clicks, value in rows]
    chart = curves(lines, "clicks", "mIoU on the test split")
    (axes,) = chart.axes
    budget = game.rules.clicks * game.rules.rounds
    axes.set_xlim(-EDGE * budget, (1 + EDGE) * budget)
    axes.set_xticks(range(0, budget + 1, game.rules.clicks))
    return chart
