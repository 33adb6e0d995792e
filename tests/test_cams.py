"""The library's CAM methods by name."""

import pytest
import torch

from segxal.core.cams import LIBRARY_CAMS, check_cam, library_cam
from segxal.core.errors import ConfigError

X = torch.randn(2, 3, 24, 36, generator=torch.Generator().manual_seed(0))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LIBRARY_CAMS)
def test_every_method_runs_and_restores(unet, name):
    unet.train()
    unet.bottleneck[1].eval()
    flags = [module.training for module in unet.modules()]
    gradients = {name: torch.full_like(weight, 7.0) for name, weight in unet.head.named_parameters()}
    for key, weight in unet.head.named_parameters():
        weight.grad = gradients[key]
    before = {key: value.clone() for key, value in unet.state_dict().items()}

    maps = library_cam(name, unet, unet.bottleneck, X)

    assert maps.shape == (2, 24, 36) and maps.dtype == torch.float32
    assert 0 <= maps.min() and maps.max() <= 1
    assert [module.training for module in unet.modules()] == flags
    assert not any(module._forward_hooks or module._backward_hooks for module in unet.modules())
    assert all(torch.equal(value, before[key]) for key, value in unet.state_dict().items())
    for key, weight in unet.head.named_parameters():
        assert weight.grad is gradients[key] and weight.grad.eq(7).all()
    assert unet.down[0][0].weight.grad is None


def test_unknown_method_lists_the_names(unet):
    for call in (lambda: check_cam("cam"), lambda: library_cam("cam", unet, unet.bottleneck, X)):
        with pytest.raises(ConfigError, match=r"no CAM method 'cam'; choose one of gradcam, gradcam\+\+, .*scorecam"):
            call()
