"""Classes of the data sets: names, colours, roles; void is 255 everywhere."""

from dataclasses import dataclass

VOID = 255


@dataclass(frozen=True)
class Classes:
    """The classes of a data set, in the order of their train ids.

    Attributes:
        names: one name per class; the index is the train id.
        colours: one RGB triple (0..255) per class, for pictures.
        ground: names of the classes that lie on the ground plane (geometry depth needs them).
        sky: name of the sky class, empty if there is none.
    """

    names: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]
    ground: tuple[str, ...] = ()
    sky: str = ""

    def __len__(self) -> int:
        """Number of classes; void is not one."""
        return len(self.names)

    def index(self, name: str) -> int:
        """Train id of the class ``name``."""
        return self.names.index(name)

    @property
    def ground_ids(self) -> tuple[int, ...]:
        """Train ids of the ground classes."""
        return tuple(self.names.index(name) for name in self.ground)

    @property
    def sky_id(self) -> int:
        """Train id of the sky, or -1."""
        return self.names.index(self.sky) if self.sky else -1


CITYSCAPES = Classes(
    names=(
        "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign",
        "vegetation", "terrain", "sky", "person", "rider", "car", "truck", "bus", "train",
        "motorcycle", "bicycle",
    ),
    colours=(
        (128, 64, 128), (244, 35, 232), (70, 70, 70), (102, 102, 156), (190, 153, 153),
        (153, 153, 153), (250, 170, 30), (220, 220, 0), (107, 142, 35), (152, 251, 152),
        (70, 130, 180), (220, 20, 60), (255, 0, 0), (0, 0, 142), (0, 0, 70), (0, 60, 100),
        (0, 80, 100), (0, 0, 230), (119, 11, 32),
    ),
    ground=("road", "sidewalk", "terrain"),
    sky="sky",
)  # fmt: skip

# Cityscapes labelIds to train ids; every other id is void.
CITYSCAPES_TRAIN_IDS = {
    7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12,
    26: 13, 27: 14, 28: 15, 31: 16, 32: 17, 33: 18,
}  # fmt: skip

CAMVID = Classes(
    names=(
        "sky", "building", "pole", "road", "sidewalk", "tree", "sign", "fence", "car",
        "pedestrian", "bicyclist",
    ),
    colours=(
        (128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (0, 0, 192), (128, 128, 0),
        (192, 128, 128), (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192),
    ),
    ground=("road", "sidewalk"),
    sky="sky",
)  # fmt: skip
