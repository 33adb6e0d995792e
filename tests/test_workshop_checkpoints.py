"""The networks of the workshop: small, those of the record, made by the committed command, the same again."""

import hashlib
import json
from dataclasses import replace

import pytest

from segxal.apps.workshop import make_networks
from segxal.apps.workshop.checkpoints import FOLDER, RECIPES, SIZE, file_of, load_images, load_network
from segxal.apps.workshop.part1 import ece_of
from segxal.apps.workshop.seen import learner_of, see
from segxal.core.errors import ConfigError, WeightsMissing
from segxal.core.labels import CITYSCAPES

RECORD = json.loads((FOLDER / make_networks.RECORD).read_text())
MOST = 10_000_000  # bytes of all together


@pytest.fixture(scope="module")
def streets():
    return load_images("test", 12)


def test_all_are_small_and_those_of_the_record():
    assert set(RECORD["networks"]) == set(RECIPES) == {f.stem for f in FOLDER.glob("*.safetensors")}
    assert sum(f.stat().st_size for f in FOLDER.iterdir()) <= MOST
    for name, row in RECORD["networks"].items():
        content = file_of(name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (row["bytes"], row["sha256"]), name
        assert (row["images"], row["steps"]) == (RECIPES[name].images, RECIPES[name].steps), f"{name}: make it anew"
    assert (
        RECORD["command"].startswith("python -m segxal.apps.workshop.make_networks") and tuple(RECORD["size"]) == SIZE
    )


def test_the_record_is_what_they_do(streets):
    trained, start = (make_networks.scores(load_network(name), streets) for name in ("trained", "start"))
    rows = RECORD["networks"]
    assert trained["miou"] > start["miou"] and rows["trained"]["miou"] > rows["start"]["miou"] > 1 / len(CITYSCAPES)
    assert trained["accuracy"] == pytest.approx(rows["trained"]["accuracy"], abs=0.06)  # 12 of the 60 images


def test_one_is_overconfident_and_all_are_unsure_where_they_err(streets):
    seen = {name: see(load_network(name), streets) for name in ("trained", "overconfident")}
    eces = {name: ece_of(each.probs, streets.labels) for name, each in seen.items()}
    assert eces["overconfident"] > 2 * eces["trained"]
    assert all(each.auroc(each.entropy) > 0.6 for each in seen.values())
    assert all(0 < each.accuracy < 1 and not each.wrong[~each.valid].any() for each in seen.values())


def test_the_command_makes_the_same_files_again(tmp_path, monkeypatch):
    for module in ("checkpoints", "make_networks"):
        monkeypatch.setattr(f"segxal.apps.workshop.{module}.RECIPES", {"start": replace(RECIPES["start"], images=3)})
    monkeypatch.setattr(make_networks, "SCORED", 2)
    for folder, seed in (("one", "0"), ("two", "0"), ("other", "1")):
        assert make_networks.main(["--most", "3", "--seed", seed, "--folder", str(tmp_path / folder)]) == 0
    one, two, other = (json.loads((tmp_path / f / make_networks.RECORD).read_text()) for f in ("one", "two", "other"))
    assert one["networks"]["start"]["sha256"] == two["networks"]["start"]["sha256"]
    assert one["networks"]["start"]["sha256"] != other["networks"]["start"]["sha256"]
    assert one.keys() == RECORD.keys() and one["networks"]["start"].keys() == RECORD["networks"]["start"].keys()
    assert load_network("start", tmp_path / "one").training is False


def test_a_missing_network_says_how_to_make_it(tmp_path):
    with pytest.raises(WeightsMissing, match=r"python -m segxal\.apps\.workshop\.make_networks"):
        load_network("trained", tmp_path)
    with pytest.raises(ConfigError, match="trained"):
        load_network("better")


def test_a_learner_has_the_target_layer_of_its_network():
    learner = learner_of("trained", depth="geometry")
    assert learner.model.layer() is learner.model.bottleneck and learner.mask.depth == "geometry"
