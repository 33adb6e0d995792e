"""Checkpoints of depth networks: their family and convention, where they are, and what is said without them."""

import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest
from depth_maps import FAMILIES, copied

from segxal.core.errors import ConfigError, WeightsMissing
from segxal.models import hub
from segxal.models.depth import get_depth
from segxal.models.depth.checkpoint import DEFAULTS, family_of, fetch_command, find_checkpoint, is_metric
from segxal.models.settings import MaskConfig

pytestmark = pytest.mark.usefixtures("own_caches")


@pytest.mark.parametrize(
    ("config", "family", "metric"),
    [
        ({"model_type": "dpt"}, "midas", False),
        ({"model_type": "dpt", "backbone_config": {"model_type": "bit"}}, "midas", False),
        ({"model_type": "dpt", "backbone_config": {"model_type": "beit"}}, "midas", False),
        ({"model_type": "dpt", "backbone_config": None}, "midas", False),
        ({"model_type": "dpt", "depth_estimation_type": "metric"}, "midas", True),
        ({"model_type": "dpt", "backbone_config": {"model_type": "dinov2"}}, "dinov2", True),
        ({"model_type": "depth_anything"}, "depth-anything", False),
        ({"model_type": "depth_anything", "depth_estimation_type": "relative"}, "depth-anything", False),
        ({"model_type": "depth_anything", "depth_estimation_type": "metric"}, "depth-anything", True),
    ],
)
def test_the_configuration_says_family_and_convention(config, family, metric):
    assert family_of(config) == family and is_metric(config) is metric


def test_a_checkpoint_of_another_family_is_refused(networks_on_disk, tmp_path):
    with pytest.raises(ConfigError, match=r"family dinov2; set mask\.depth to dinov2"):
        get_depth("midas", str(networks_on_disk["dinov2"]))
    other = copied(networks_on_disk["midas"], tmp_path / "other")
    (other / "config.json").write_text(json.dumps({"model_type": "glpn"}))
    with pytest.raises(ConfigError, match=r"'glpn'\) is not a depth network that segxal knows"):
        get_depth("midas", str(other))


def test_a_folder_without_safetensors_says_so(networks_on_disk, tmp_path):
    folder = copied(networks_on_disk["midas"], tmp_path / "pickled")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(WeightsMissing, match=r"has no model\.safetensors \(other weight formats, pickles"):
        get_depth("midas", str(folder))
    with pytest.raises(WeightsMissing, match="neither a folder nor a hub name"):
        get_depth("midas", str(tmp_path / "not" / "there"))


@pytest.mark.parametrize("family", FAMILIES)
def test_without_weights_the_error_says_what_to_do(family):
    started = time.perf_counter()
    with pytest.raises(WeightsMissing) as caught:
        get_depth(family)
    assert time.perf_counter() - started < 5
    said = str(caught.value)
    repository = DEFAULTS[family].split("@")[0]
    assert f".venv/bin/hf download {repository} config.json preprocessor_config.json model.safetensors" in said
    for words in ("HF_HUB_OFFLINE is set", "mask.depth_weights: FOLDER", "dataset", "geometry", "streets-net"):
        assert words in said
    assert isinstance(caught.value, FileNotFoundError)


def test_the_command_names_the_revision():
    assert fetch_command("owner/name@refs/pr/5").endswith("model.safetensors --revision refs/pr/5")
    hf = os.path.join(os.path.dirname(sys.executable), "hf")  # noqa: PTH118, PTH120 - no symlink must be followed
    if not os.path.exists(hf):  # noqa: PTH110
        pytest.skip("hf is not beside this Python")
    words = fetch_command("owner/name@refs/pr/5").split()[1:]
    done = subprocess.run([hf, *words], capture_output=True, text=True, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    assert done.returncode and "usage" not in (done.stderr + done.stdout).lower(), "hf must understand the command"


def silent_server():
    """A port that takes connections and never answers, as a network does that drops packets."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(8)
    return server


def test_a_silent_network_costs_seconds_not_minutes(monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "WAIT", 0.5)
    with silent_server() as server:
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        started = time.perf_counter()
        with pytest.raises(WeightsMissing, match="does not answer: timed out"):
            get_depth("midas")
        assert time.perf_counter() - started < 5


def test_a_hub_name_is_found_in_the_hubs_cache(networks_on_disk, own_caches):
    kept = own_caches / "models--owner--name"
    (kept / "refs" / "refs" / "pr").mkdir(parents=True)
    (kept / "refs" / "refs" / "pr" / "5").write_text("a" * 40)
    (kept / "snapshots").mkdir()
    copied(networks_on_disk["midas"], kept / "snapshots" / ("a" * 40))
    found = find_checkpoint("midas", "owner/name@refs/pr/5")
    assert found.name == "owner/name@refs/pr/5"
    assert found.digest == find_checkpoint("midas", str(networks_on_disk["midas"])).digest
    (kept / "snapshots" / ("a" * 40) / "model.safetensors").unlink()
    with pytest.raises(WeightsMissing, match="could not be fetched"):
        find_checkpoint("midas", "owner/name@refs/pr/5")  # a download that was broken off


@pytest.fixture
def answering_hub(monkeypatch):
    """A hub that answers, with 404 to everything: the download itself is a test's own."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    from huggingface_hub import constants

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_error(404)

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    server.server_close()


def test_the_first_call_downloads_what_is_needed_and_the_second_nothing(
    networks_on_disk, own_caches, answering_hub, monkeypatch
):
    asked = []

    def download(repository, revision, allow_patterns):
        asked.append((repository, revision))
        kept = own_caches / f"models--{repository.replace('/', '--')}"
        (kept / "refs").mkdir(parents=True)
        (kept / "refs" / "main").write_text("b" * 40)
        (kept / "snapshots").mkdir()
        made = copied(networks_on_disk["dinov2"], kept / "snapshots" / ("b" * 40))
        assert {file.name for file in made.iterdir()} <= set(allow_patterns)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    for _ in range(2):
        assert find_checkpoint("dinov2").metric
    assert asked == [("facebook/dpt-dinov2-small-kitti", None)]


def test_a_hub_that_refuses_is_quoted(own_caches, answering_hub, monkeypatch):
    from huggingface_hub.errors import LocalEntryNotFoundError

    def refuse(*names, **options):
        raise LocalEntryNotFoundError("Repository Not Found\nand more")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(WeightsMissing, match=r"could not be fetched \(Repository Not Found\)"):
        find_checkpoint("midas", "owner/name")
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *names, **options: None)
    with pytest.raises(WeightsMissing, match=r"it holds no model\.safetensors"):
        find_checkpoint("midas", "owner/name")


def test_a_study_without_its_weights_is_not_started(tmp_path, monkeypatch):
    from segxal.storage import paths
    from segxal.study.reproduce import reproduce
    from segxal.study.settings import load_preset

    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    preset = tmp_path / "mine.yml"
    text = (paths.PRESETS / "smoke.yml").read_text()
    preset.write_text(text.replace("mask: {depth: dataset}", "mask: {depth: midas}"))
    with pytest.raises(WeightsMissing, match="the weights of midas"):
        reproduce(load_preset(str(preset)), str(preset))
    assert not (tmp_path / "runs").exists()


def test_weights_without_a_network_are_a_mistake():
    with pytest.raises(ConfigError, match="depth geometry takes no weights"):
        MaskConfig(depth_weights="owner/name")
