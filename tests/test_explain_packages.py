"""Which layer is explained by default in networks of other packages, and that nothing has to be said of them."""

import numpy as np
import pytest
import torch

import segxal

SMP_LAYERS = {
    "Unet": "encoder.layer4", "UnetPlusPlus": "encoder.layer4", "Linknet": "encoder.layer4", "FPN": "encoder.layer4",
    "PSPNet": "encoder.layer2", "DeepLabV3": "encoder.layer4", "UPerNet": "encoder.layer4",
    "Segformer": "encoder.layer4",
}  # fmt: skip
VIT = {"image_size": 64, "hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64, "num_labels": 6}
SWIN = {
    "image_size": 64, "embed_dim": 16, "depths": [1] * 4, "num_heads": [1, 2, 4, 4], "window_size": 4,
    "out_features": ["stage1", "stage2", "stage3", "stage4"],
}  # fmt: skip
SEGFORMER = {"hidden_sizes": [8, 16, 24, 32], "depths": [1] * 4, "decoder_hidden_size": 16, "num_labels": 6}


def of_transformers(name):
    import transformers as hub

    torch.manual_seed(0)
    match name:
        case "segformer":
            return hub.SegformerForSemanticSegmentation(hub.SegformerConfig(**SEGFORMER))
        case "dpt":
            wide = {"neck_hidden_sizes": [8, 8, 16, 16], "fusion_hidden_size": 16, "backbone_out_indices": [0, 1, 2, 3]}
            return hub.DPTForSemanticSegmentation(hub.DPTConfig(**VIT, **wide, num_hidden_layers=4, is_hybrid=False))
        case "upernet":
            config = hub.UperNetConfig(
                backbone_config=hub.SwinConfig(**SWIN), hidden_size=16, auxiliary_in_channels=64, num_labels=6
            )
            return hub.UperNetForSemanticSegmentation(config)
    return hub.MobileViTForSemanticSegmentation(hub.MobileViTConfig(num_labels=6))


def images(side=64):
    return torch.randint(0, 256, (1, 3, side, side), generator=torch.Generator().manual_seed(0)).byte()


def whole(mask, side, classes):
    maps = (mask.eem, mask.ebu, mask.pae, mask.attention)
    assert all(part.shape == (1, side, side) and np.isfinite(part).all() for part in maps)
    assert len(mask.classes) == classes


@pytest.mark.parametrize("name", SMP_LAYERS)
def test_segmentation_models_pytorch(name):
    import segmentation_models_pytorch as smp

    torch.manual_seed(0)
    mask = segxal.explain(getattr(smp, name)("resnet18", encoder_weights=None, classes=5), images())
    assert mask.layer == SMP_LAYERS[name]
    whole(mask, 64, 5)


def test_an_encoder_of_timm_says_its_mean_and_an_odd_size_is_padded():
    import segmentation_models_pytorch as smp

    network = smp.Unet("tu-tf_efficientnet_lite0", encoder_weights=None, classes=5)
    mask = segxal.explain(network, images(70))
    wanted = network.encoder.model.pretrained_cfg
    assert (mask.mean, mask.std) == (wanted["mean"], wanted["std"]) and mask.layer == "encoder.model.blocks.6"
    whole(mask, 70, 5)


@pytest.mark.parametrize("name", ["deeplabv3_mobilenet_v3_large", "fcn_resnet50"])
def test_torchvision_beside_its_auxiliary_head(name):
    from torchvision.models import segmentation

    torch.manual_seed(0)
    network = getattr(segmentation, name)(weights=None, weights_backbone=None, num_classes=5, aux_loss=True)
    mask = segxal.explain(network, images())
    assert mask.layer == ("backbone.16" if "mobilenet" in name else "backbone.layer4")
    whole(mask, 64, 5)


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("segformer", "segformer.stages.3"),
        ("dpt", "dpt.encoder.layer.3"),
        ("upernet", "backbone"),
        ("mobilevit", "mobilevit.encoder.layer.4"),
    ],
)
def test_transformers(name, layer):
    mask = segxal.explain(of_transformers(name), images())
    assert mask.layer.startswith(layer), "names inside the last block change with the release"
    whole(mask, 64, 6)


def test_a_checkpoint_folder_of_transformers(tmp_path):
    import transformers as hub

    named = hub.SegformerConfig(**(SEGFORMER | {"num_labels": 2}), id2label={0: "road", 1: "sky"})
    hub.SegformerForSemanticSegmentation(named).save_pretrained(tmp_path)
    hub.SegformerImageProcessor(image_mean=[0.5] * 3, image_std=[0.25] * 3).save_pretrained(tmp_path)
    mask = segxal.explain(hub.SegformerForSemanticSegmentation.from_pretrained(tmp_path), images())
    assert mask.classes.names == ("road", "sky") and mask.classes.ground == ("road",)
    assert (mask.mean, mask.std) == ((0.5,) * 3, (0.25,) * 3)
