import pytest
import timm
import torch

from robustseg_core.errors import ConfigError
import robustseg_core.models.timm_registration  # noqa: F401 -- registers


def test_timm_lists_and_builds_the_mix_transformers():
    assert {f'mit_b{size}' for size in range(6)} <= set(timm.list_models('mit_*'))
    classifier = timm.create_model('mit_b0', num_classes=7)
    assert classifier(torch.randn(2, 3, 64, 64)).shape == (2, 7)


def test_timm_gives_the_levels_of_our_encoder():
    levels = timm.create_model('mit_nano', features_only=True, out_indices=(1, 3))
    image = torch.randn(1, 3, 64, 96)
    expected = levels.model.trunk(image)
    maps = levels(image)
    assert levels.feature_info.channels() == [32, 128]
    assert levels.feature_info.reduction() == [8, 32]
    assert len(maps) == 2
    assert torch.equal(maps[0], expected[1])
    assert torch.equal(maps[1], expected[3])


def test_images_of_other_channels_are_refused():
    with pytest.raises(ConfigError, match='in_chans=4'):
        timm.create_model('mit_nano', in_chans=4)
