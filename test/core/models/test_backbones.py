import subprocess
import sys

import pytest
import torch

from robustseg_core.errors import ConfigError
from robustseg_core.models.backbones import create_backbone


@pytest.mark.parametrize(
    ('name', 'channels'),
    [('resnet18', (64, 128, 256, 512)), ('efficientnet_lite0', (24, 40, 112, 320))],
)
def test_timm_backbone_gives_its_last_four_levels(name, channels):
    encoder = create_backbone(name, drop_path_rate=0.1).eval()
    assert encoder.channels == channels
    maps = encoder(torch.randn(1, 3, 64, 96))
    assert [tuple(each.shape) for each in maps] == [
        (1, channels[0], 16, 24),
        (1, channels[1], 8, 12),
        (1, channels[2], 4, 6),
        (1, channels[3], 2, 3),
    ]


def test_timm_backbone_that_keeps_channels_last_gives_channels_first():
    encoder = create_backbone('swin_tiny_patch4_window7_224').eval()
    maps = encoder(torch.randn(1, 3, 224, 224))
    assert tuple(maps[1].shape) == (1, 192, 28, 28)


def test_timm_backbone_without_drop_path_is_accepted():
    assert create_backbone('dla46_c', drop_path_rate=0.1).channels == (64, 64, 128, 256)


def test_timm_backbone_serves_as_the_shared_encoder(make_model, images):
    model = make_model(backbone='resnet18')
    with torch.no_grad():
        logits = model(images)
    assert logits.shape == (2, 25, 64, 96)
    assert logits.isfinite().all()


def test_unknown_backbone_is_answered_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"'mit_b9'; known are \['mit_b0'.*timm\.list_models"):
        create_backbone('mit_b9')


def test_backbone_without_four_levels_is_refused_with_what_it_has():
    with pytest.raises(ConfigError, match=r'strides \[16, 16, 16\]; needed are \[4, 8, 16, 32\]'):
        create_backbone('vit_tiny_patch16_224')


def test_mix_transformer_runs_without_timm():
    code = (
        'import sys, torch\n'
        'from robustseg_core.models.backbones import create_backbone\n'
        'from robustseg_core.models import checkpoint\n'
        "create_backbone('mit_nano', 0.1)(torch.zeros(1, 3, 32, 32))\n"
        "sys.exit('timm' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0
