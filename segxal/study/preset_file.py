"""The file of a preset: which one a name means, and what it holds, read strictly and with the lines.

YAML lets much pass that no preset means: a key twice (the last one wins), endless nesting, text that is a date. All of
it is refused here, with its line, before any setting is looked at.
"""

import unicodedata
from pathlib import Path
from typing import Any

import yaml

from segxal.core.errors import ConfigError
from segxal.storage import paths

SUFFIX = ".yml"
LARGEST = 100_000  # bytes; the largest preset of the package has a hundredth of it
DEEPEST = 8  # lists and maps inside each other; settings need 3
LONGEST = 1000  # letters of one word or number

Lines = dict[tuple[str, ...], int]  # ("train", "lr") -> the line where it stands, from 1 on


def preset_file(name: str) -> Path:
    """The file that a preset is read from.

    Args:
        name: one of :func:`segxal.storage.paths.preset_names`, or a path that ends in ``.yml``.

    Raises:
        ConfigError: if there is no such preset or file.
    """
    choices = f"choose one of {', '.join(paths.preset_names())} or name a {SUFFIX} file that exists"
    if name in paths.preset_names():
        return paths.PRESETS / f"{name}{SUFFIX}"
    if not name.endswith(SUFFIX):
        raise ConfigError(f"no preset {name!r}; {choices}")
    try:
        if Path(name).is_file():
            return Path(name)
    except (OSError, ValueError) as error:  # a name that no file can have: too long, or with a zero byte
        raise ConfigError(f"the file {name[:80]!r} cannot be looked for ({error}); {choices}") from error
    raise ConfigError(f"there is no file {name}; {choices}")


def is_taken(name: str, path: Path) -> bool:
    """Whether a study of that name would write into the folder of a preset of the package that ``path`` is not.

    Upper and lower case and forms of Unicode make no difference: on some disks they name one folder.
    """
    shipped = {_plain(one): paths.PRESETS / f"{one}{SUFFIX}" for one in paths.preset_names()}
    return _plain(name) in shipped and not path.resolve().samefile(shipped[_plain(name)])


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def read_preset_file(path: Path) -> tuple[Any, Lines]:
    """What a preset's file holds, as YAML gives it, and where each setting stands.

    Raises:
        ConfigError: if the file cannot be read, is no UTF-8, no YAML, too long or nested too deep, holds a key twice,
            an alias, or a number or text that no setting can be; says the line.
    """
    text = _text(path)
    try:
        _check_nesting(text, path.name)
        loader = _Loader(text)
        loader.file, loader.lines = path.name, {}
        try:
            return loader.get_single_data(), loader.lines
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ConfigError(f"{path.name} is not valid YAML: {error}") from error


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); choose a readable file") from error
    if len(data) > LARGEST:
        raise ConfigError(f"{path.name} has {len(data)} bytes, at most {LARGEST} are read; is it a preset?")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path.name} line {line} is not UTF-8 text; save the file as UTF-8") from error


def _check_nesting(text: str, file: str) -> None:
    """Follow the file without building anything: YAML's builder calls itself once for each level."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        where = f"{file} line {event.start_mark.line + 1 if event.start_mark else 0}"
        if isinstance(event, yaml.AliasEvent):
            raise ConfigError(f"{where}: *{event.anchor} is an alias; write the value itself")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ConfigError(f"{where}: more than {DEEPEST} lists inside each other; settings need 3")


class _Loader(yaml.SafeLoader):
    """YAML that knows the lines of its keys and refuses what no setting can be."""

    file: str
    lines: Lines

    def get_single_data(self) -> Any:
        """The document, after a look at its keys and words."""
        node = self.get_single_node()
        if node is None:
            return None
        self._look(node, ())
        return self.construct_document(node)

    def _look(self, node: yaml.Node, place: tuple[str, ...]) -> None:
        if isinstance(node, yaml.ScalarNode):
            self._look_at_word(node)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self._look(item, place)
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                self._look(key, ())
                here = (*place, str(key.value))
                if isinstance(key, yaml.ScalarNode) and here in self.lines:
                    raise ConfigError(
                        f"{self.file} line {key.start_mark.line + 1}: {key.value} is given again, after line "
                        f"{self.lines[here]}; keep one of them"
                    )
                self.lines[here] = key.start_mark.line + 1
                self._look(value, here)

    def _look_at_word(self, node: yaml.ScalarNode) -> None:
        where, shown = f"{self.file} line {node.start_mark.line + 1}", node.value[:20]
        if len(node.value) > LONGEST:
            raise ConfigError(
                f"{where}: {shown}... has {len(node.value)} letters or digits, at most {LONGEST} are read"
            )
        if not node.value.isprintable():
            raise ConfigError(f"{where}: {shown!r} holds a character that cannot be printed; a setting is one line")
        try:
            self.construct_object(node)
        except ValueError as error:  # 2001-13-45 looks like a date and is none
            raise ConfigError(f"{where}: {shown!r} cannot be read ({error}); put text in quotes") from error
