"""streets-net: the shipped weights know depth, at every size; its loss, its training and its record."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from segxal.core.depth_scores import aligned, depth_scores, mean_scores, near_agreement, rank_agreement
from segxal.core.errors import CheckpointMismatch, DataMissing, WeightsMissing
from segxal.core.labels import CITYSCAPES
from segxal.data import open_dataset
from segxal.data.base import load_frames
from segxal.models.depth import depth_from_streets_net, get_depth
from segxal.models.depth.streets_net import WEIGHTS, inverse_depth, load_network, new_network
from segxal.storage import paths
from segxal.study.grid import run_cycles, run_of
from segxal.training import streets_net

RECORD = json.loads(streets_net.RECORD.read_text())


def maps_of(images):
    return depth_from_streets_net(images, torch.zeros(len(images), *images.shape[2:]), CITYSCAPES, None)


def test_exact_depth_has_no_error_at_any_scale_and_shift():
    exact = np.random.default_rng(0).uniform(0.02, 0.2, (12, 16)).astype(np.float32)
    for guess in (exact, 7 * exact, 3 * exact + 0.5):
        scores = depth_scores(guess, exact)
        assert scores.abs_rel == pytest.approx(0, abs=1e-4) and scores.delta == 1 and scores.near == 1
        assert scores.spearman == pytest.approx(1)
    assert depth_scores(exact**2, exact).abs_rel > 0.01 and depth_scores(exact**2, exact).spearman == pytest.approx(1)
    assert depth_scores(-exact, exact).spearman == pytest.approx(-1)


def test_scores_in_closed_form():
    exact = np.array([[1 / 10, 1 / 10, 1 / 20, 1 / 20]])
    scores = depth_scores(np.zeros((1, 4)), exact)  # fitted by the mean, 0.075: 13.33 m everywhere
    assert scores.abs_rel == pytest.approx((1 / 3 + 1 / 3) / 2) and scores.delta == 0
    assert np.isnan(scores.spearman)
    sky = np.array([[1 / 10, 1 / 20, 0.0, np.nan]])  # sky is in no error, and in what is near; NaN in nothing
    scores = depth_scores(np.array([[2.0, 1.0, 0.5, 99.0]]), sky)
    assert scores.abs_rel == pytest.approx(0) and scores.near == 1
    assert np.isnan(depth_scores(np.ones((2, 2)), np.zeros((2, 2))).abs_rel)


def test_the_fit_is_numpys():
    rng = np.random.default_rng(1)
    guess, exact = rng.random(50), rng.random(50)
    np.testing.assert_allclose(aligned(guess, exact), np.polyval(np.polyfit(guess, exact, 1), guess))


def test_agreement_of_maps():
    one = np.arange(12.0).reshape(3, 4)
    assert rank_agreement(one, np.exp(one)) == pytest.approx(1) and np.isnan(rank_agreement(one, np.ones((3, 4))))
    assert near_agreement(one, one) == 1 and near_agreement(-one, one) == 0


def test_the_loss_forgives_most_of_a_common_factor():
    exact = torch.rand(2, 6, 8, generator=torch.Generator().manual_seed(0)) * 0.1 + 0.02
    log = exact.log()
    assert streets_net.loss(log, exact) == pytest.approx(0, abs=1e-6)
    assert streets_net.loss(log + 1, exact) == pytest.approx(1 - streets_net.SHIFT, abs=1e-4)
    error = torch.randn(2, 6, 8, generator=torch.Generator().manual_seed(1))
    apart = [float(e.square().mean() - streets_net.SHIFT * e.mean() ** 2) for e in error]
    assert streets_net.loss(log + error, exact) == pytest.approx(np.mean(apart), rel=1e-4)
    sky = torch.zeros(1, 2, 2)
    assert streets_net.loss(torch.full((1, 2, 2), -np.log(streets_net.FAR)), sky) == pytest.approx(0, abs=1e-6)


def test_distortion_moves_image_and_depth_together():
    depth = torch.linspace(0.1, 1, 96 * 192).view(1, 96, 192).expand(4, -1, -1)
    images = (200 * depth).round().to(torch.uint8).unsqueeze(1).expand(-1, 3, -1, -1)
    distort = streets_net.Distortion()
    seen, moved = distort(images, depth, torch.Generator().manual_seed(0))
    assert tuple(seen.shape[2:]) in streets_net.SIZES and moved.shape == (4, *seen.shape[2:])
    for image, part in zip(seen.float().mean(1), moved, strict=True):
        assert rank_agreement(image.numpy(), part.numpy()) > 0.95
    again, _ = distort(images, depth, torch.Generator().manual_seed(0))
    assert torch.equal(seen, again)


def test_training_learns_and_repeats(frames, monkeypatch):
    monkeypatch.setattr(streets_net, "SIZES", ((32, 64),))
    before = torch.get_rng_state()
    one, two = (streets_net.train(frames, 12, seed=3).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert torch.equal(torch.get_rng_state(), before)
    network = new_network(torch.Generator())
    network.load_state_dict(one)
    trained = mean_scores(inverse_depth(network.eval(), frames.images).detach().numpy(), frames.depth.numpy())
    start = new_network(streets_net.generator(3, "streets-net", "weights")).eval()
    untrained = mean_scores(inverse_depth(start, frames.images).detach().numpy(), frames.depth.numpy())
    assert trained["spearman"] > untrained["spearman"]


def test_training_needs_depth(frames):
    with pytest.raises(DataMissing, match="exact depth"):
        streets_net.train(replace(frames, depth=None), 1, seed=0)


def test_the_shipped_weights_are_small_and_those_of_the_record():
    assert WEIGHTS.stat().st_size <= 4_000_000
    network = load_network(WEIGHTS)
    assert sum(p.numel() for p in network.parameters()) == RECORD["parameters"] and not network.training
    assert all(value.isfinite().all() for value in network.state_dict().values())


def test_the_record_is_what_the_weights_do():
    row = next(r for r in RECORD["held_out"] if r["provider"] == "streets-net" and r["height"] == 48)
    frames = load_frames(open_dataset("streets", "test", (48, 96), count=RECORD["held_out_images"], seed=0))
    scores = mean_scores(maps_of(frames.images).numpy(), frames.depth.numpy())
    assert scores == pytest.approx({name: row[name] for name in scores}, abs=2e-3)


def test_it_beats_an_untrained_network_and_orders_like_geometry():
    rows = {(r["provider"].split(",")[0], r["height"]): r for r in RECORD["held_out"]}
    for height in (32, 48, 96):
        ours, plane = rows["streets-net", height], rows["geometry", height]
        untrained = rows["streets-net before its training", height]
        assert ours["abs_rel"] < 0.7 * untrained["abs_rel"] and ours["delta"] > untrained["delta"] + 0.2
        assert ours["spearman"] > plane["spearman"] - 0.06 and ours["near"] > 0.8


def test_it_learned_from_other_rides_than_it_is_scored_on():
    ours = open_dataset("streets", "train", (32, 64), count=20, seed=RECORD["world"])
    theirs = open_dataset("streets", "test", (32, 64), count=20, seed=RECORD["held_out_world"])
    seen = {ours[i].image.tobytes() for i in range(20)}
    assert not seen & {theirs[i].image.tobytes() for i in range(20)} and RECORD["world"] != RECORD["held_out_world"]


@pytest.mark.parametrize("size", [(16, 32), (33, 51), (96, 128), (97, 250), (192, 256), (360, 480)])
def test_every_size_works_and_the_road_ahead_falls_away(size):
    image = open_dataset("streets", "test", size, count=4, seed=0)[2]
    images = torch.from_numpy(image.image).permute(2, 0, 1)[None].contiguous()
    before = images.clone()
    near = maps_of(images)
    assert near.shape == (1, *size) and near.dtype == torch.float32 and near.min() > 0 and near.isfinite().all()
    assert rank_agreement(near[0].numpy(), image.depth) > 0.5
    assert torch.equal(images, before)


def test_a_batch_equals_its_images(frames):
    together = maps_of(frames.images[:4])
    apart = torch.cat([maps_of(image[None]) for image in frames.images[:4]])
    torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_constant_images_have_a_depth_too(value):
    assert maps_of(torch.full((1, 3, 32, 48), value, dtype=torch.uint8)).isfinite().all()


def test_missing_and_damaged_weights_say_what_to_do(tmp_path):
    with pytest.raises(WeightsMissing, match=r"python -m segxal\.training\.streets_net"):
        load_network(tmp_path / "none.safetensors")
    (tmp_path / "half.safetensors").write_bytes(WEIGHTS.read_bytes()[:1000])
    with pytest.raises(CheckpointMismatch, match="not a readable safetensors file"):
        load_network(tmp_path / "half.safetensors")


def test_a_whole_cycle_with_streets_net(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DEPTHS", tmp_path / "depths")
    preset = tiny.with_changes(mask={"depth": "streets-net"})
    cycles = run_cycles(run_of(preset, "segxal-pseudo", 0, runs=tmp_path / "runs"))
    assert cycles[-1].is_done() and cycles[-1].metrics()["depth"] == "streets-net"
    assert get_depth("streets-net") is depth_from_streets_net and not paths.DEPTHS.exists()


def test_the_command_trains_and_writes(tmp_path, monkeypatch):
    changes = {"IMAGES": 4, "SCORED": 4, "SCORED_SIZES": ((32, 64),), "SIZES": ((32, 64),)}
    changes |= {"WEIGHTS": tmp_path / "w.safetensors", "RECORD": tmp_path / "r.json"}
    for name, value in changes.items():
        monkeypatch.setattr(streets_net, name, value)
    assert streets_net.main(["--steps", "2", "--seed", "5"]) == 0
    made = json.loads((tmp_path / "r.json").read_text())
    assert made["command"].endswith("--steps 2 --seed 5") and len(made["held_out"]) == 3
    assert made.keys() == RECORD.keys()
    assert load_network(tmp_path / "w.safetensors")(torch.zeros(1, 3, 32, 64)).shape == (1, 1, 32, 64)
