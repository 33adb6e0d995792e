"""Depth providers side by side: rows, maps and the figure."""

from dataclasses import replace

import matplotlib
import pytest
import torch

from segxal.core.errors import ConfigError
from segxal.models.depth import depth_from_geometry
from segxal.results import tables
from segxal.results.depth_check import RANDOM, compare_providers
from segxal.results.figures.depth import depth_figure

pytestmark = pytest.mark.usefixtures("own_caches")
PROVIDERS = ("dataset", "geometry", "streets-net", RANDOM)


@pytest.fixture(scope="module")
def found(frames, tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setattr("segxal.storage.paths.DEPTHS", tmp_path_factory.mktemp("depths"))
    yield compare_providers(frames, PROVIDERS)
    patch.undo()


def test_exact_depth_is_perfect_and_the_others_are_not(found):
    rows = {row["provider"]: row for row in found.rows}
    assert rows["dataset"]["spearman"] == pytest.approx(1) and rows["dataset"]["abs_rel"] < 1e-4
    for name in ("geometry", "streets-net"):
        assert rows[RANDOM]["spearman"] < rows[name]["spearman"] < 1
        assert rows[RANDOM]["abs_rel"] > rows[name]["abs_rel"] > 0
    assert rows["geometry"]["rank_geometry"] == pytest.approx(1) and rows["geometry"]["near_geometry"] == 1


def test_maps_are_those_of_the_providers(found, frames):
    expected = depth_from_geometry(frames.images, frames.labels, frames.classes, None)
    assert torch.equal(found.maps["geometry"], expected)
    assert all(part.shape == frames.labels.shape for part in found.maps.values())


def test_the_random_network_repeats_itself(found, frames):
    again = compare_providers(frames, [RANDOM])
    torch.testing.assert_close(again.maps[RANDOM], found.maps[RANDOM])
    other = compare_providers(frames, [RANDOM], seed=1)
    assert not torch.allclose(other.maps[RANDOM], found.maps[RANDOM])


def test_without_exact_depth_only_order_is_compared(frames):
    blind = compare_providers(replace(frames, depth=None), ["streets-net"])
    assert set(blind.rows[0]) == {"provider", "what", "rank_geometry", "near_geometry"}
    assert 0 < blind.rows[0]["rank_geometry"] < 1


def test_an_unknown_provider_is_refused(frames):
    with pytest.raises(ConfigError, match="no depth provider 'zoe'"):
        compare_providers(frames, ["zoe"])


def test_the_table_says_what_each_provider_is(found):
    table = tables.depth_table(found.rows).set_index("provider")
    assert list(table.index) == list(PROVIDERS)
    assert "random weights" in table.loc[RANDOM, "what it is"] and "true labels" in table.loc["geometry", "what it is"]
    assert table.loc["dataset", "δ < 1.25"] == 1


@pytest.mark.parametrize("exact", [True, False])
def test_the_figure_shows_every_provider(found, exact):
    shown = found if exact else replace(found, frames=replace(found.frames, depth=None))
    sheet = depth_figure(shown, count=2)
    said = [text.get_text() for text in sheet.findobj(matplotlib.text.Text)]
    for title in ("image", "geometry, true labels", "streets-net", "random network"):
        assert title in said
    assert ("exact" in said) == exact and "the reference" in said
    assert len(sheet.axes) == 2 * (1 + len(PROVIDERS) + exact)
