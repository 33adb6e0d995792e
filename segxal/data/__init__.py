"""Data sets by name; each gives the same sample form (:class:`segxal.data.base.Sample`)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from segxal.core.errors import ConfigError, DataInvalid, DataMissing
from segxal.data.base import Dataset
from segxal.data.camvid import CamVid
from segxal.data.cityscapes import Cityscapes
from segxal.data.folder import Folder
from segxal.data.gta5 import Gta5
from segxal.data.images import read_sample
from segxal.data.listing import LOOKED_AT, SPLITS, ImageFiles
from segxal.data.streets import Streets
from segxal.data.synthia import Synthia

REGISTRY: dict[str, Callable[..., Dataset]] = {
    "streets": Streets,
    "camvid": CamVid,
    "cityscapes": Cityscapes,
    "gta5": Gta5,
    "synthia": Synthia,
    "folder": Folder,
}
FILES: dict[str, type[ImageFiles]] = {
    "camvid": CamVid, "cityscapes": Cityscapes, "gta5": Gta5, "synthia": Synthia, "folder": Folder,
}  # fmt: skip
STREETS_OPTIONS = ("count", "seed")


@dataclass(frozen=True)
class DatasetReport:
    """What was found of one data set.

    Attributes:
        name: name of the data set.
        state: ``ready``; ``incomplete`` when a part is missing or wrong; ``missing`` when nothing was found.
        where: its folder, empty when missing.
        counts: images per split that can be used.
        problems: what is wrong, one sentence each.
        how_to_get: where the data set comes from and where to put it.
        passed: files that lie there and are not read, one sentence for each reason.
        lacking: whether a part is not there at all.
    """

    name: str
    state: Literal["ready", "missing", "incomplete"]
    where: str
    counts: dict[str, int]
    problems: tuple[str, ...]
    how_to_get: str
    passed: tuple[str, ...] = ()
    lacking: bool = False


def open_dataset(name: str, split: str, size: tuple[int, int], data_root: str | Path = "", **options: int) -> Dataset:
    """Open a split of a data set.

    Args:
        name: one of ``REGISTRY``.
        split: ``train``, ``val`` or ``test``.
        size: (H, W) of every sample.
        data_root: folder that holds the data sets; empty for ``$SEGXAL_DATA`` and ``../shared``.
        **options: for ``streets`` both ``count`` (images of the split) and ``seed``; none for the others.

    Returns:
        The split; nothing is decoded yet.

    Raises:
        ConfigError: if the name, the split, the size or an option is unknown or missing.
        DataMissing: if the data set or the split is not there.
        DataInvalid: if images and labels do not pair up.
    """
    _check_name(name)
    wanted = STREETS_OPTIONS if name == "streets" else ()
    if set(options) != set(wanted):
        raise ConfigError(
            f"data set {name} takes the options {', '.join(wanted) or '(none)'}, but was given "
            f"{', '.join(sorted(options)) or '(none)'}; give exactly these"
        )
    if name == "streets":
        return Streets(split, size, **options)
    return REGISTRY[name](split, size, data_root)


def _check_name(name: str) -> None:
    if name not in REGISTRY:
        raise ConfigError(f"unknown data set {name!r}; choose one of {', '.join(REGISTRY)}")


def report(data_root: str | Path = "") -> list[DatasetReport]:
    """Look for every data set; no image is decoded (see :func:`check` for that).

    Args:
        data_root: folder that holds the data sets; empty for ``$SEGXAL_DATA`` and ``../shared``.

    Returns:
        One report per data set, in the order of ``REGISTRY``.
    """
    drawn = "nothing to download: it is rendered on use"
    streets = DatasetReport("streets", "ready", "rendered, nothing stored", {}, (), drawn)
    return [streets, *(_report(source, data_root) for source in FILES.values())]


def _report(source: type[ImageFiles], data_root: str | Path) -> DatasetReport:
    try:
        folder = source.locate(data_root)
    except DataMissing as error:
        problem = str(error).removesuffix(source.how_to_get).strip()
        return DatasetReport(source.name, "missing", "", {}, (problem,), source.how_to_get)
    counts, problems, lacking = _examine(source, folder, deep=False)
    state: Literal["ready", "incomplete"] = "incomplete" if problems else "ready"
    passed = _passed_over(source, folder)
    return DatasetReport(source.name, state, str(folder), counts, tuple(problems), source.how_to_get, passed, lacking)


def _passed_over(source: type[ImageFiles], folder: Path) -> tuple[str, ...]:
    try:
        return tuple(source.passed_over(folder))
    except DataInvalid:  # one of the problems
        return ()


def remarks(name: str, data_root: str | Path = "", most: int = LOOKED_AT) -> list[str]:
    """What is worth saying about a data set that can be used: files passed over, classes without a pixel, ...

    Args:
        name: name of the data set.
        data_root: see :func:`report`.
        most: files that are opened for it.

    Returns:
        One sentence each; empty when there is nothing to say.

    Raises:
        ConfigError: if there is no data set of this name.
        DataMissing, DataInvalid: if it was not found, or cannot be used.
    """
    _check_name(name)
    if name == "streets":
        return []
    folder = FILES[name].locate(data_root)
    return [*FILES[name].passed_over(folder), *FILES[name].remarks(folder, most)]


def check(name: str, data_root: str | Path = "", deep: bool = True) -> list[str]:
    """Check the integrity of a data set and go on after a problem.

    Args:
        name: name of the data set.
        data_root: see :func:`report`.
        deep: whether to decode every file too: it can be read, has the size of its partner, and holds valid ids.

    Returns:
        The problems found, each naming its files; empty when all is well.

    Raises:
        ConfigError: if there is no data set of this name.
        DataMissing: if nothing of it was found.
    """
    _check_name(name)
    if name == "streets":
        return []
    return _examine(FILES[name], FILES[name].locate(data_root), deep)[1]


def _examine(source: type[ImageFiles], folder: Path, deep: bool) -> tuple[dict[str, int], list[str], bool]:
    """Images per split, problems without the words on how to get the data set, and whether a part is not there."""
    counts: dict[str, int] = {}
    problems: list[str] = []
    lacking = False
    try:
        classes, train_ids = source.read_classes(folder)
    except (DataMissing, DataInvalid) as error:
        return counts, [str(error).removesuffix(source.how_to_get).strip()], isinstance(error, DataMissing)
    seen: dict[str, str] = {}
    for split in SPLITS:
        try:
            listing = source.list_split(folder, split)
        except (DataMissing, DataInvalid) as error:
            problems.append(str(error).removesuffix(source.how_to_get).strip())
            lacking |= isinstance(error, DataMissing)
            continue
        counts[split] = len(listing.items)
        problems += listing.problems
        expected = source.counts.get(split, counts[split])
        if counts[split] != expected:
            problems.append(f"{folder}: {split} has {counts[split]} usable images, the published split has {expected}")
        for item in listing.items:
            if seen.setdefault(item.id, split) != split:
                problems.append(f"{item.image}: an image of this name is also in {seen[item.id]}; keep one of them")
            try:
                if deep:
                    read_sample(item, classes, train_ids)
            except (DataMissing, DataInvalid) as error:
                problems.append(str(error))
    return counts, list(dict.fromkeys(problems)), lacking
