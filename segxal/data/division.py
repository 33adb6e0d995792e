"""Divisions of a training split that others published, by the names of the images.

A division is a file of two columns: ``id``, an image that is labelled from the start, and ``role``: ``state`` for the
images a policy of RALIS looks at, ``start`` for the others. What a division does not name is the pool.
"""

from dataclasses import dataclass

from segxal.core.errors import ConfigError, DataMissing
from segxal.storage import paths
from segxal.storage.files import read_rows


@dataclass(frozen=True)
class Division:
    """Images that are labelled from the start.

    Attributes:
        name: of the division.
        states: names of the images that a policy looks at; a part of ``images``.
        images: names of all images that are labelled from the start.
    """

    name: str
    states: tuple[str, ...]
    images: tuple[str, ...]

    def positions(self, ids: tuple[str, ...]) -> list[int]:
        """Where the images stand among ``ids``, growing.

        Raises:
            DataMissing: if one of them is not there.
        """
        place = {name: index for index, name in enumerate(ids)}
        missing = [name for name in self.images if name not in place]
        if missing:
            raise DataMissing(
                f"the division {self.name} names {len(self.images)} images, of which {len(missing)} are not in this "
                f"training split, {missing[0]} for example; it belongs to another data set: leave out pool.division"
            )
        return sorted(place[name] for name in self.images)


def division_names() -> tuple[str, ...]:
    """Names of the divisions that come with the package."""
    return tuple(sorted(path.stem for path in paths.DIVISIONS.glob("*.csv")))


def read_division(name: str) -> Division:
    """Read a division.

    Args:
        name: one of :func:`division_names`: ``ralis-camvid`` has the state set (10) and training set (100) of RALIS's
            release, which leave 257 images of CamVid to the pool.

    Raises:
        ConfigError: if there is none of that name.
    """
    if name not in division_names():
        raise ConfigError(f"unknown division {name!r}; choose one of {', '.join(division_names())}")
    rows = read_rows(paths.DIVISIONS / f"{name}.csv")
    states = tuple(row["id"] for row in rows if row["role"] == "state")
    return Division(name, states, tuple(row["id"] for row in rows))
