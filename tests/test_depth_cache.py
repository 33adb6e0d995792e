"""Depth maps on disk: nothing is computed twice, and nothing damaged is believed."""

import numpy as np
import pytest
import torch
from depth_maps import copied, depth_of, images_of

from segxal.models.depth import get_depth
from segxal.models.depth.cache import cached_maps, image_key, read_map, write_map
from segxal.results.untrained_depth import save_untrained_network
from segxal.storage import paths

pytestmark = pytest.mark.usefixtures("own_caches")


def test_the_second_pass_runs_no_network(networks_on_disk, forward_passes):
    images = images_of(count=5)
    provider = get_depth("midas", str(networks_on_disk["midas"]))
    first = torch.cat([depth_of(provider, part) for part in images.split(2)])
    assert forward_passes == [2, 2, 1]
    again = depth_of(get_depth("midas", str(networks_on_disk["midas"])), images)
    assert forward_passes == [2, 2, 1] and torch.equal(first, again)
    depth_of(provider, torch.cat([images[:2], images_of(count=1, seed=9)]))
    assert forward_passes == [2, 2, 1, 1]  # the new image alone
    assert len(list(paths.DEPTHS.rglob("*.npz"))) == 6


def test_other_weights_have_other_maps(networks_on_disk, tmp_path, forward_passes):
    other = save_untrained_network("midas", tmp_path / "other", torch.Generator().manual_seed(2))
    images = images_of()
    one, two = (depth_of(get_depth("midas", str(folder)), images) for folder in (networks_on_disk["midas"], other))
    assert forward_passes == [3, 3] and not torch.equal(one, two)
    copy = copied(networks_on_disk["midas"], tmp_path / "copy")
    assert torch.equal(depth_of(get_depth("midas", str(copy)), images), one)
    assert forward_passes == [3, 3]  # the same bytes in another folder are the same network
    (copy / "preprocessor_config.json").write_text((copy / "preprocessor_config.json").read_text().replace("64", "96"))
    depth_of(get_depth("midas", str(copy)), images)
    assert forward_passes == [3, 3, 3]


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [lambda c: b"", lambda c: c[: len(c) // 2], flipped, lambda c: b"nonsense"],
    ids=["empty", "half", "bit", "words"],
)
def test_a_damaged_map_is_made_again(networks_on_disk, forward_passes, damage):
    images = images_of()
    provider = get_depth("midas", str(networks_on_disk["midas"]))
    first = depth_of(provider, images)
    file = sorted(paths.DEPTHS.rglob("*.npz"))[0]
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    torch.testing.assert_close(depth_of(provider, images), first, rtol=1e-4, atol=1e-5)  # another batch: last bits
    assert forward_passes == [3, 1] and read_map(file, (40, 72)) is not None
    assert len(file.read_bytes()) == pytest.approx(len(whole), rel=0.1)


def test_a_wrong_checksum_or_shape_is_noticed(tmp_path):
    file, values = tmp_path / "a.npz", np.arange(6, dtype=np.float32).reshape(2, 3)
    write_map(file, values)
    assert np.array_equal(read_map(file, (2, 3)), values) and read_map(file, (3, 2)) is None
    assert read_map(tmp_path / "b.npz", (2, 3)) is None
    arrays = dict(np.load(file))
    np.savez(file, depth=values + 1, sha256=arrays["sha256"])
    assert read_map(file, (2, 3)) is None
    np.savez(file, depth=values)
    assert read_map(file, (2, 3)) is None


def test_keys_tell_images_apart():
    image = np.zeros((3, 4, 6), np.uint8)
    changed = image.copy()
    changed[2, 3, 5] = 1
    assert len({image_key(image), image_key(changed), image_key(image.reshape(3, 6, 4))}) == 3


def test_nothing_half_is_left_when_the_network_fails(tmp_path):
    def fails(images):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        cached_maps(tmp_path / "maps", images_of(), fails)
    assert not (tmp_path / "maps").exists()
