"""Images of another world: which ones, in which classes, beside the splits of a study."""

import numpy as np
import pytest
import torch

from segxal.core.errors import ConfigError, DataInvalid
from segxal.core.labels import CAMVID, CITYSCAPES, VOID, Classes
from segxal.data import open_dataset
from segxal.data.settings import DataConfig
from segxal.data.source import Source, class_map
from segxal.data.splits import open_source, open_splits

SIZE = (16, 32)
SMALL = DataConfig("streets", *SIZE, counts=(4, 2, 2))
# Label ids of Cityscapes -> classes of CamVid, as RALIS's release has them for GTA5.
RALIS = {23: 0, 11: 1, 17: 2, 7: 3, 8: 4, 21: 5, 19: 6, 20: 6, 13: 7, 26: 8, 27: 8, 28: 8, 32: 8, 24: 9, 33: 10}


def test_gta5_becomes_camvid_as_in_ralis():
    from segxal.core.labels import CITYSCAPES_TRAIN_IDS

    table = class_map("gta5", CITYSCAPES, CAMVID)
    for label_id, train_id in CITYSCAPES_TRAIN_IDS.items():
        assert table[train_id] == RALIS.get(label_id, VOID), CITYSCAPES.names[train_id]
    assert (table[len(CITYSCAPES) :] == VOID).all()


@pytest.mark.parametrize("name", ["streets", "gta5", "synthia"])
def test_every_class_of_camvid_has_a_source(name):
    assert set(np.unique(class_map(name, CITYSCAPES, CAMVID))) == {*range(11), VOID}


def test_streets_have_walls_and_riders_where_camvid_has_buildings_and_bicyclists():
    table = class_map("streets", CITYSCAPES, CAMVID)
    for ours, theirs in (("wall", "building"), ("rider", "bicyclist"), ("bus", "car"), ("vegetation", "tree")):
        assert table[CITYSCAPES.index(ours)] == CAMVID.index(theirs)
    assert table[CITYSCAPES.index("terrain")] == table[CITYSCAPES.index("train")] == VOID


def test_other_classes_are_matched_by_name():
    mine = Classes(("car", "road", "swan"), ((0, 0, 0),) * 3)
    table = class_map("streets", CITYSCAPES, mine)
    assert [table[CITYSCAPES.index(name)] for name in ("car", "road", "sky")] == [0, 1, VOID]
    assert (class_map("streets", CITYSCAPES, CITYSCAPES)[:19] == np.arange(19)).all()
    with pytest.raises(DataInvalid, match="fewer than two have a counterpart"):
        class_map("streets", CITYSCAPES, Classes(("car", "swan"), ((0, 0, 0),) * 2))


def test_labels_are_mapped_and_void_stays_void():
    streets = open_dataset("streets", "train", SIZE, count=5, seed=3)
    source = Source(streets, CAMVID)
    table = class_map("streets", CITYSCAPES, CAMVID)
    for k in range(len(source)):
        assert (source[k].labels == table[streets[k].labels]).all() and (source[k].image == streets[k].image).all()


def test_some_images_are_always_the_same_and_as_many_as_asked_for():
    streets = open_dataset("streets", "train", SIZE, count=9, seed=3)
    some = [Source(streets, CAMVID, 4)[k].id for k in range(4)]
    assert len(set(some)) == 4 and some == [Source(streets, CAMVID, 4)[k].id for k in range(4)]
    with pytest.raises(ConfigError, match="source_images = 10, but streets train has 9"):
        Source(streets, CAMVID, 10)


def test_a_study_holds_its_source_beside_the_splits():
    from dataclasses import replace

    splits = open_splits(replace(SMALL, source="streets", source_images=3))
    assert splits.source is not None and len(splits.source) == 3 and splits.source.classes == splits.train.classes
    assert not torch.equal(splits.source.images[0], splits.train.images[0]), "another town"
    assert open_splits(SMALL).source is None and open_source(SMALL, CAMVID) is None


def test_settings_of_the_source_leave_no_trace_where_there_is_none():
    from segxal.study.settings import load_preset

    assert not {"source", "source_images"} & set(load_preset("smoke").changes()["data"])
    with pytest.raises(ConfigError, match="source_images = 0; give 1 or more"):
        DataConfig(source="streets", source_images=0)
    assert DataConfig(source="gta5", source_images=0).source_images == 0
