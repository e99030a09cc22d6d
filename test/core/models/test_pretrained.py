"""Encoders trained elsewhere."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from robustseg_core.errors import CheckpointError, ConfigError
from robustseg_core.labels import NYU13
from robustseg_core.modalities import IMAGENET, Modality, ModalitySet
from robustseg_core.models.checkpoint import save_model
from robustseg_core.models.pretrained import LITE0_PACKAGE, place_pretrained
from robustseg_core.models.segmenter import MultimodalSegmenter, SegmenterConfig


def model(backbone: str) -> MultimodalSegmenter:
    return MultimodalSegmenter(
        SegmenterConfig(
            backbone=backbone,
            head_width=8,
            labels=NYU13,
            modalities=ModalitySet((Modality('rgb', 'R', 'rgb', IMAGENET),)),
        )
    )


def test_an_encoder_is_taken_from_a_checkpoint_and_the_head_is_not(tmp_path: Path) -> None:
    torch.manual_seed(0)
    source, target = model('mit_nano'), model('mit_nano')
    save_model(source, tmp_path / 'source.safetensors')
    head = target.head.classifier.weight.clone()
    place_pretrained(target, str(tmp_path / 'source.safetensors'))
    for key, value in source.encoder.state_dict().items():
        torch.testing.assert_close(target.encoder.state_dict()[key], value, rtol=0, atol=0)
    torch.testing.assert_close(target.head.classifier.weight, head, rtol=0, atol=0)


def test_a_checkpoint_of_another_encoder_is_refused(tmp_path: Path) -> None:
    save_model(model('mit_nano'), tmp_path / 'source.safetensors')
    with pytest.raises(CheckpointError, match='do not fit the model'):
        place_pretrained(model('mit_b0'), str(tmp_path / 'source.safetensors'))


def test_a_backbone_without_weights_to_install_is_named() -> None:
    with pytest.raises(
        ConfigError, match=r"backbone 'mit_nano', only for 'tf_efficientnet_lite0'"
    ):
        place_pretrained(model('mit_nano'), 'imagenet')


@pytest.mark.skipif(find_spec(LITE0_PACKAGE) is None, reason=f'{LITE0_PACKAGE} is not installed')
def test_imagenet_weights_give_the_features_of_the_network_they_were_made_for() -> None:
    network = model('tf_efficientnet_lite0').eval()
    place_pretrained(network, 'imagenet')
    # As the package's own network computes it (efficientnet_lite_pytorch 0.1.0, float32, CPU):
    # the mean of the last map of a fixed image.
    ramp = torch.linspace(-1, 1, 64).expand(1, 3, 64, 64)
    with torch.inference_mode():
        features = network.encode(ramp)[-1]
    assert features.shape == (1, 320, 2, 2)
    assert float(features.mean()) == pytest.approx(-0.118976, abs=1e-4)
    assert float(features.std()) == pytest.approx(1.945257, abs=1e-4)
