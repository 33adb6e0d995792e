"""The labelling game to play: pick superpixels by click or by keyboard, play the round, read the score."""

import html
from collections.abc import Callable

import ipywidgets as widgets

from segxal.apps.explore.game.board import (
    LAYERS,
    asked_pictures,
    board_picture,
    layer_bar,
    layers_of,
    pick_at,
    score_chart,
    score_table,
)
from segxal.apps.explore.game.play import autopilot, machine_picks, turn
from segxal.apps.explore.game.state import MACHINES, YOU, Game, Pick, standings
from segxal.apps.explore.keys import Keys
from segxal.apps.explore.page import STYLE, status_text
from segxal.apps.explore.picture import png
from segxal.apps.explore.pointer import Pointer
from segxal.apps.explore.result import Result
from segxal.core.errors import SegxalError

SHOWN = ("the images", "what your network predicts", "its entropy", "its error mask")


class GameView(widgets.VBox):
    """A game to play.

    Args:
        game: before its first round, see :func:`segxal.apps.explore.game.play.new_game`.

    Attributes:
        game: the game as it stands.
        picks: your picks of the round that is played, in the order they were made.
    """

    def __init__(self, game: Game) -> None:
        self.game: Game = game
        self.picks: list[Pick] = []
        self._told: list[Pick] = []  # the picks of which it was said that clicks are left
        self._busy = False
        self._layers = layers_of(game)
        self._make()
        self._listen()
        self.show()
        self._show_scores()
        super().__init__(self._arranged())

    @property
    def cursor(self) -> Pick:
        """The superpixel that is pointed at by keyboard."""
        return self.image.value, self.region.value

    def pick(self, chosen: Pick) -> None:
        """Pick a superpixel, or take the pick back; a pick against the rules is refused with a message."""
        clicks, asked = self.game.rules.clicks, self.game.players[YOU].asked
        self.image.value, self.region.value = chosen
        message = ""
        if chosen in self.picks:
            self.picks.remove(chosen)
        elif unknown := self._unknown(chosen):
            message = unknown
        elif chosen in asked:
            message = "you asked for this one before"
        elif self.game.over:
            message = "the game is over"
        elif len(self.picks) >= clicks:
            message = f"all {clicks} clicks of this round are spent; take one back or play the round"
        else:
            self.picks.append(chosen)
        self.message.value = status_text(message)
        self.show()

    def undo(self) -> None:
        """Undo the latest pick."""
        self.picks = self.picks[:-1]
        self.show()

    def fill(self) -> None:
        """Let the autopilot, a simulated person, make the remaining picks."""
        left = [pick for pick in autopilot(self.game, 2 * self.game.rules.clicks) if pick not in self.picks]
        self.picks = [*self.picks, *left[: self.game.rules.clicks - len(self.picks)]]
        self.show()

    def play(self) -> None:
        """Your turn with the picks as they are, then every other player's; the score is shown after each turn.

        Until the last network is trained, nothing can be pressed or clicked.

        Raises:
            ConfigError: if nothing is picked or the game is over.
        """
        self.bar.max, self.bar.value, self.bar.layout.display = len(MACHINES) + 1, 0, None
        self._busy = True
        self._enable()
        try:
            for name in (YOU, *MACHINES):
                self.bar.description = f"{name}: training"
                picks = self.picks if name == YOU else machine_picks(self.game, name)
                with self.progress:
                    self.game = turn(self.game, name, picks)
                self.progress.clear_output()
                self.bar.value += 1
                self._show_scores()
            self.picks, self._layers = [], layers_of(self.game)
            self.asked.value = png(asked_pictures(self.game, self.game.round))
        finally:
            self._busy = False
            self.bar.layout.display = "none"
            self.show()
        self.message.value = status_text(self._verdict() if self.game.over else "")

    def _press_play(self) -> None:
        """Play; with unspent clicks, say so first and play only when pressed again."""
        left, clicks = self.game.rules.clicks - len(self.picks), self.game.rules.clicks
        if left and self._told != self.picks:
            self._told = list(self.picks)
            message = f"{left} of {clicks} clicks are unspent, the others spend all theirs; press play again to play on"
            self.message.value = status_text(message)
        else:
            self.play()

    def show(self) -> None:
        """Draw the board."""
        board = board_picture(self.game, self._layers[self.layer.value], self.picks, self.cursor)
        self.board.value = png(board)
        self.pointer.rows, self.pointer.columns = board.shape[:2]
        bar = layer_bar(self.layer.value, board.shape[1])
        self.key.value = png(bar) if bar is not None else b""
        rules, left = self.game.rules, self.game.rules.clicks - len(self.picks)
        over = self.game.over
        number = min(self.game.round + 1, rules.rounds)
        self.status.value = (
            "<b>The game is over.</b>" if over else f"<b>Round {number} of {rules.rounds}: {left} clicks left.</b>"
        )
        self._enable()

    def _enable(self) -> None:
        """Enable only the buttons that have an effect, and none while networks are trained."""
        useless = {"undo": not self.picks, "play": not self.picks, "pick": bool(self._unknown(self.cursor))}
        for name, button in self.buttons.items():
            button.disabled = self._busy or self.game.over or useless.get(name, False)
        for control in (self.layer, self.image, self.region):
            control.disabled = self._busy
        self.pointer.listening = not self._busy

    def _unknown(self, pick: Pick) -> str:
        """The message for a number that no superpixel has; empty if there is such a superpixel."""
        last = int(self.game.partitions[pick[0]].max())
        return "" if 0 <= pick[1] <= last else f"no superpixel {pick[1]} in this image; choose one of 0..{last}"

    def _show_scores(self) -> None:
        self.scores.value = score_table(self.game)
        self.chart.value = score_chart(self.game)._repr_png_()

    def _verdict(self) -> str:
        first = [one.name for one in standings(self.game) if one.rank == 1]
        rank = next(one.rank for one in standings(self.game) if one.name == YOU)
        return f"Best: {' and '.join(first)}. You are number {rank} of {len(self.game.players)}."

    def _make(self) -> None:
        train = self.game.splits.train
        wide = {"description_width": "80px"}
        options = [(train.ids[index], index) for index in self.game.images]
        self.layer = widgets.ToggleButtons(options=LAYERS, tooltips=SHOWN, style={"button_width": "90px"})
        self.image = widgets.Dropdown(options=options, description="image", style=wide)
        # Not a BoundedIntText, which would put another number in place of a wrong one: that would be picked unseen.
        self.region = widgets.IntText(0, description="superpixel", style=wide, layout={"width": "160px"})
        words = {
            "pick": ("pick / take back", "the outlined superpixel"),
            "undo": ("undo", "undo the latest pick"),
            "autopilot": ("autopilot", "a simulated person makes the remaining picks"),
            "play": ("play the round", "all players get answers, and their networks are trained"),
        }  # fmt: skip
        self.buttons = {k: widgets.Button(description=word, tooltip=hint) for k, (word, hint) in words.items()}
        self.buttons["play"].button_style = "primary"
        own = {"max_width": "100%", "align_self": "flex-start", "margin": "0"}  # not stretched, no wider than the view
        self.board = widgets.Image(format="png")
        self.key, self.asked, self.chart = (Result(layout=own) for _ in range(3))
        self.status, self.message, self.scores = (widgets.HTML() for _ in range(3))
        self.bar = widgets.IntProgress(layout={"display": "none"}, style={"description_width": "120px"})
        self.progress = widgets.Output()
        self.pointer = Pointer()
        text = "images on offer; click on a superpixel to ask for its class"
        self.pointer.watch({"board": self.board}, {"board": text})

    def _listen(self) -> None:
        acts = {"pick": lambda: self.pick(self.cursor), "undo": self.undo, "autopilot": self.fill,
                "play": self._press_play}  # fmt: skip
        for name, act in acts.items():
            self.buttons[name].on_click(lambda button, act=act: None if button.disabled else self._safely(act))
        self.pointer.on_click(self._point)
        for control in (self.image, self.region):
            control.observe(lambda _change: self._aim(), "value")
        self.layer.observe(lambda _change: self.show(), "value")

    def _aim(self) -> None:
        self.message.value = status_text(self._unknown(self.cursor))
        self.show()

    def _point(self, row: int, column: int) -> None:
        chosen = pick_at(self.game, row, column)
        if chosen is not None:
            self.pick(chosen)

    def _safely(self, act: Callable[[], None]) -> None:
        """Do it; if it cannot be done, say so and leave the game as it was."""
        self.message.value = status_text("")
        try:
            act()
        except SegxalError as error:
            self.message.value = status_text(str(error))

    def _arranged(self) -> list[widgets.Widget]:
        wrap = {"flex_flow": "row wrap"}
        hint = html.escape("Click on superpixels, or choose them by number; the oracle names the class of each.")
        keys = widgets.HBox([self.image, self.region, *self.buttons.values()], layout=wrap)
        top = widgets.HBox([self.layer, self.bar], layout=wrap)
        side = widgets.HBox([self.chart, self.scores], layout={**wrap, "align_items": "center", "grid_gap": "20px"})
        messages = widgets.HBox([self.status, self.message], layout=wrap)
        return [
            widgets.HTML(f"{STYLE}{hint}"), top, keys, messages, self.board, self.key, self.progress, side,
            self.asked, self.pointer, Keys(),
        ]  # fmt: skip
