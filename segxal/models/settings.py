"""Settings of the network, and of the error mask that explains it."""

from dataclasses import dataclass
from typing import Literal

from segxal.core.ranges import require, require_count, require_most, require_share


@dataclass(frozen=True)
class ModelConfig:
    """Which segmentation network."""

    name: str = "unet"  # unet, a network of segmentation_models.pytorch (smp-...) or of torchvision
    base: int = 16  # U-Net without encoder: channels of the first level
    depth: int = 4  # U-Net without encoder: number of poolings
    encoder: str = ""  # U-Net and smp-...: encoder of timm, tf_efficientnet_lite0 for example; empty = from scratch
    weights: str = ""  # of the encoder: imagenet or a safetensors file; of torchvision: DEFAULT; empty = random start
    frozen: bool = False  # the encoder is not trained, and its feature maps are computed once per image
    stride: int = 8  # U-Net with encoder: pixels per side of a cell of the finest map that is used
    target_layer: str = ""  # layer Grad-CAM looks at; empty = the model's default
    dropout: float = 0.0  # U-Net: share of the channels before the last convolution that are dropped in training

    def __post_init__(self) -> None:
        """Check ranges."""
        require_share("dropout", self.dropout, 0.0, 0.9)
        require_count("base", self.base, 1, 1024)
        require_count("depth", self.depth, 1, 8)
        takes_encoder = self.name == "unet" or self.name.startswith("smp-")
        require(
            takes_encoder or not self.encoder,
            f"model.encoder = {self.encoder!r} for {self.name}, which has one of its own; leave it empty, or set "
            "model.name to unet",
        )
        require(
            not self.weights or bool(self.encoder) or not takes_encoder,
            f"model.weights = {self.weights!r} for {self.name} without encoder, which starts from random weights; name "
            "an encoder, tf_efficientnet_lite0 for example, or leave weights empty",
        )
        require(
            not self.frozen or bool(self.encoder and self.weights),
            f"model.frozen with encoder = {self.encoder!r}, weights = {self.weights!r}; a frozen encoder needs both, "
            "tf_efficientnet_lite0 and imagenet for example",
        )
        require(self.stride in (2, 4, 8, 16), f"stride = {self.stride}; choose 2, 4, 8 or 16")


@dataclass(frozen=True)
class MaskConfig:
    """How the explainable error mask is made (paper section 3.2)."""

    w_pae: float = 0.5
    w_ebu: float = 0.5
    fusion: Literal["fixed", "learned"] = "fixed"  # learned: weights fitted on labelled images
    entropy: Literal["pixel", "patch"] = "pixel"  # patch: the release's 8x8 histogram entropy
    depth: Literal["dataset", "geometry", "streets-net", "midas", "dinov2", "depth-anything"] = (
        "geometry"  # says what is near
    )
    depth_weights: str = ""  # midas, dinov2, depth-anything: a folder or hub name; empty = the default checkpoint
    threshold: Literal["quantile", "otsu"] = "quantile"  # per-image rule for the proximity threshold
    quantile: float = 0.5  # of the proximity, when threshold = quantile
    cam: str = "gradcam"  # gradcam (ours) or a method of pytorch-grad-cam by name
    area: float = 0.2  # share of an image that is asked for: its pixels of highest EEM
    batch: int = 16

    def __post_init__(self) -> None:
        """Check ranges."""
        weights_ok = self.w_pae >= 0 and self.w_ebu >= 0 and self.w_pae + self.w_ebu > 0
        require(weights_ok, f"w_pae = {self.w_pae}, w_ebu = {self.w_ebu}; weights must be >= 0 and not both 0")
        for name in ("w_pae", "w_ebu"):
            require_most(name, getattr(self, name), 1000)
        networks = ("midas", "dinov2", "depth-anything")
        require(
            not self.depth_weights or self.depth in networks,
            f"depth_weights = {self.depth_weights!r}, but depth {self.depth} takes no weights; set depth to one of "
            f"{', '.join(networks)}, or leave depth_weights empty",
        )
        require_share("quantile", self.quantile)
        require_share("area", self.area, 1e-6)
        require(self.batch >= 1, f"batch = {self.batch}; a batch needs at least one image")
        require_most("batch", self.batch, 4096)
