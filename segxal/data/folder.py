"""A user's own images, with labels for some of them or none."""

import colorsys
import itertools
import json
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from segxal.core.errors import DataInvalid
from segxal.core.labels import CITYSCAPES, VOID, Classes
from segxal.data.finding import IMAGE_SUFFIXES, LABEL_SUFFIXES, find_files, image_files, some
from segxal.data.folder_remarks import absent, lossy_labels, passed_over, turned
from segxal.data.images import Item, id_table, read_ids
from segxal.data.listing import LOOKED_AT, SPLITS, ImageFiles, Listing, by_hash, read_words, unpaired, without_suffix

HELD_OUT_SHARE = 0.15  # of the labelled images, for val and for test each
COLOUR_WORDS = 3


class Folder(ImageFiles):
    """Images of your own.

    Layout, in the root or in ``<root>/folder``: ``images/`` with PNG, JPEG, TIFF, WebP or BMP files (nested and linked
    folders allowed), ``labels/`` with PNG, TIFF or BMP files of the same names for some images or none (train ids as
    grey values or palette indices, 255 = void, or colours, see :func:`segxal.data.label_colours.ids_of_colours`),
    ``classes.txt`` or ``classes.json`` (see :func:`read_classes_file`), and optionally ``splits/train.txt``,
    ``val.txt``, ``test.txt`` with one image name per line, with or without suffix. Labels are drawn on the upright
    picture: an orientation that a camera noted in the image is applied to the image alone.

    Without split files the labelled images are split 70 / 15 / 15 by the hash of their names, and images without
    labels belong to train: ``Sample.labelled`` is False and all their labels are void. With fewer than three
    labelled images there is no val and no test. The sequence of an image is the folder it lies in.

    Args and errors: see :class:`segxal.data.images.ImageFiles`.
    """

    name = "folder"
    folders = ("folder",)
    marks = ("images",)
    layout = "images/, labels/ and classes.txt"
    how_to_get = (
        "Put your images into images/, their labels (PNG of the same names, one class id per pixel, 255 = void) into "
        "labels/, the class names into classes.txt, one per line, and name that folder with --data-root"
    )
    counts: ClassVar[dict[str, int]] = {}

    @classmethod
    def read_classes(cls, folder: Path) -> tuple[Classes, np.ndarray]:
        """Classes as the user's file names them; every id is its own train id.

        Raises:
            DataMissing: if there is no classes file.
            DataInvalid: if it cannot be understood.
        """
        for name in ("classes.txt", "classes.json"):
            if (folder / name).is_file():
                classes = read_classes_file(folder / name)
                return classes, id_table({i: i for i in range(len(classes))})
        raise cls.lacks(folder, "there is no classes.txt and no classes.json")

    @classmethod
    def list_split(cls, folder: Path, split: str) -> Listing:
        """List the images of a split, by split files or by hash.

        Raises:
            DataMissing: if there is no image, or none for this split.
            DataInvalid: if a list or a folder names an image twice, or the classes cannot be understood.
        """
        images, found = image_files(folder / "images"), find_files(folder / "labels", LABEL_SUFFIXES)
        labels = found.files
        if not images:
            raise cls.lacks(folder, f"images/ holds no {', '.join(IMAGE_SUFFIXES[:-1])} or {IMAGE_SUFFIXES[-1]} files")
        problems = unpaired("label", "image", labels.keys() - images.keys(), folder / "labels")
        if lossy := lossy_labels(found):
            problems.append(
                f"{folder / 'labels'}: {len(lossy)} label(s) of a kind that changes ids: {some(lossy)}. Save them as "
                "PNG, TIFF or BMP from where they were drawn, or remove them"
            )
        if (folder / "splits").is_dir():
            names = _listed_split(cls, folder, split)
            problems += unpaired("name in the list", "image", set(names) - images.keys(), folder / "splits")
        else:
            names = hashed_split(images.keys() & labels.keys(), images.keys() - labels.keys())[split]
        if not names:
            raise cls.lacks(
                folder,
                f"no images for {split}; label at least 3 images (`segxal annotate first` takes them to Label Studio) "
                f"or write splits/{split}.txt",
            )
        if split != "train":
            unlabelled = set(names) & images.keys() - labels.keys()
            problems += unpaired("image", f"label, which {split} needs", unlabelled, folder / "images")
        read = partial(read_ids, classes=cls.read_classes(folder)[0])
        items = [
            Item(name, images[name], labels.get(name), None, _parent(name), read) for name in names if name in images
        ]
        return Listing(tuple(sorted(items, key=lambda item: item.id)), tuple(problems))

    @classmethod
    def passed_over(cls, folder: Path) -> list[str]:
        """Files and links that are not read, one sentence for each place and reason."""
        return passed_over(folder)

    @classmethod
    def remarks(cls, folder: Path, most: int = LOOKED_AT) -> list[str]:
        """Classes without a pixel, and images that a camera turned."""
        images, labels = image_files(folder / "images"), image_files(folder / "labels", LABEL_SUFFIXES)
        both = [name for name in by_hash(images) if name in labels]
        return [
            *turned({name: images[name] for name in both[:most]}, folder),
            *absent([labels[name] for name in both[:most]], cls.read_classes(folder)[0], folder),
        ]


def _parent(name: str) -> str:
    return name.rpartition("/")[0]


def hashed_split(labelled: set[str], unlabelled: set[str]) -> dict[str, list[str]]:
    """Split labelled images 70 / 15 / 15 and put the others into train.

    Args:
        labelled: names of images with labels.
        unlabelled: names of images without.

    Returns:
        Names per split. The order of the names' hashes decides, so that the split is the same everywhere and hardly
        changes when images are added. Val and test have at least one image each when three are labelled.
    """
    names = by_hash(labelled)
    held = max(1, round(HELD_OUT_SHARE * len(names))) if len(names) > len(SPLITS) - 1 else 0
    return {"train": names[2 * held :] + sorted(unlabelled), "val": names[:held], "test": names[held : 2 * held]}


def _listed_split(cls: type[Folder], folder: Path, split: str) -> list[str]:
    files = {name: folder / "splits" / f"{name}.txt" for name in SPLITS}
    lists = {name: _read_list(file) for name, file in files.items() if file.is_file()}
    if split not in lists:
        raise cls.lacks(folder, f"there is a folder splits/ but no splits/{split}.txt in it")
    for one, other in itertools.combinations(lists, 2):
        shared = sorted(set(lists[one]) & set(lists[other]))
        if shared:
            raise DataInvalid(
                f"{folder / 'splits'}: {', '.join(shared[:3])} ({len(shared)} in all) are in both {one}.txt and "
                f"{other}.txt; keep each image in one of them"
            )
    return lists[split]


def _read_list(path: Path) -> list[str]:
    lines = [line.strip() for line in read_words(path).splitlines()]
    names = [without_suffix(line.removeprefix("images/")) for line in lines if line]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise DataInvalid(f"{path} lists {', '.join(twice[:3])} twice; keep one line for each")
    return names


def read_classes_file(path: Path) -> Classes:
    """Read the classes of a user's data set, in the order of their ids.

    Args:
        path: ``.txt``: one class per line, ``name`` or ``name r g b`` (0..255), empty lines and lines that start
            with ``#`` are skipped. ``.json``: a list of names or of ``{"name": ..., "colour": [r, g, b]}``.

    Returns:
        The classes; without a colour they get one from a fixed palette. ``road``, ``sidewalk`` and ``terrain`` are
        ground and ``sky`` is sky, which geometry depth needs.

    Raises:
        DataInvalid: if the file has fewer than two classes, a class twice, more than 255, or cannot be understood.
    """
    entries = _from_json(path) if path.suffix == ".json" else _from_text(path)
    names = tuple(name for name, _ in entries)
    if len(names) < 2 or len(set(names)) < len(names) or len(names) > VOID:
        alone = ". Name what is around the one class too, background for example" if len(names) == 1 else ""
        raise DataInvalid(
            f"{path} holds {len(names)} classes, {len(set(names))} distinct; expected 2..{VOID}, each named once{alone}"
        )
    return with_roles(names, tuple(colour or palette(index) for index, (_, colour) in enumerate(entries)))


def with_roles(names: tuple[str, ...], colours: tuple[tuple[int, int, int], ...]) -> Classes:
    """Classes of which those named ``road``, ``sidewalk`` and ``terrain`` are ground, and ``sky`` is sky."""
    ground = tuple(name for name in names if name in CITYSCAPES.ground)
    return Classes(names, colours, ground, "sky" if "sky" in names else "")


def _from_text(path: Path) -> list[tuple[str, tuple[int, int, int] | None]]:
    entries: list[tuple[str, tuple[int, int, int] | None]] = []
    for line in read_words(path).splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        numbers = words[-COLOUR_WORDS:]
        if len(words) > COLOUR_WORDS and all(word.lstrip("-").isdecimal() for word in numbers):
            entries.append((" ".join(words[:-COLOUR_WORDS]), _colour([int(word) for word in numbers], path)))
        else:
            entries.append((" ".join(words), None))
    return entries


def _from_json(path: Path) -> list[tuple[str, tuple[int, int, int] | None]]:
    wanted = f'{path}: expected a list of names or of {{"name": ..., "colour": [r, g, b]}}'
    try:
        values = json.loads(read_words(path))
    except (ValueError, RecursionError) as error:  # not JSON, a number of 5,000 digits; lists without end
        raise DataInvalid(f"{wanted}; it is not valid JSON ({error})") from error
    if not isinstance(values, list):
        raise DataInvalid(f"{wanted}, found {type(values).__name__}")
    entries: list[tuple[str, tuple[int, int, int] | None]] = []
    for value in values:
        entry = {"name": value} if isinstance(value, str) else value
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise DataInvalid(f"{wanted}, found {str(value)[:80]}")
        entries.append((entry["name"], _colour(entry["colour"], path) if "colour" in entry else None))
    return entries


def _colour(values: object, path: Path) -> tuple[int, int, int]:
    match values:
        case [int(red), int(green), int(blue)] if 0 <= min(red, green, blue) and max(red, green, blue) <= 255:
            return red, green, blue
    raise DataInvalid(f"{path}: colour {values!r} is not usable; expected three whole numbers 0..255")


def palette(index: int) -> tuple[int, int, int]:
    """A fixed colour per class index; neighbouring indices differ in hue."""
    golden = (5**0.5 - 1) / 2
    red, green, blue = colorsys.hsv_to_rgb((index * golden) % 1, 0.65, 0.6 + 0.3 * (index % 2))
    return round(red * 255), round(green * 255), round(blue * 255)
