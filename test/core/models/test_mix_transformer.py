import pytest
import torch

from robustseg_core.models.backbones import create_backbone
from robustseg_core.models.mix_transformer import MIX_TRANSFORMERS, DropPath, MixTransformer


@pytest.mark.parametrize(
    ('name', 'millions'),
    [
        ('mit_b0', 3.32),
        ('mit_b1', 13.15),
        ('mit_b2', 24.20),
        ('mit_b3', 44.07),
        ('mit_b4', 60.84),
        ('mit_b5', 81.44),
    ],
)
def test_parameter_count_is_the_published_one(name, millions):
    with torch.device('meta'):
        encoder = create_backbone(name)
    count = sum(parameter.numel() for parameter in encoder.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.005)


@pytest.mark.parametrize('size', [(64, 96), (65, 97), (33, 47), (32, 32)])
def test_maps_have_strides_4_to_32_rounded_up_for_any_size(size):
    encoder = create_backbone('mit_nano')
    maps = encoder(torch.randn(2, 3, *size))
    expected = [
        (2, channels, -(-size[0] // stride), -(-size[1] // stride))
        for channels, stride in zip((16, 32, 80, 128), (4, 8, 16, 32), strict=True)
    ]
    assert [tuple(each.shape) for each in maps] == expected


def test_drop_path_rises_linearly_over_all_blocks():
    encoder = MixTransformer(MIX_TRANSFORMERS['mit_nano'], drop_path_rate=0.7)
    rates = [block.drop_path.rate for stage in encoder.stages for block in stage.blocks]
    assert rates == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])


def test_drop_path_skips_whole_samples_and_keeps_the_expectation():
    torch.manual_seed(0)
    dropped = DropPath(0.25)(torch.ones(4000, 2, 3))
    per_sample = dropped.flatten(1)
    assert per_sample.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert (per_sample == per_sample[:, :1]).all()
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.05)


def test_drop_path_does_nothing_in_evaluation():
    x = torch.randn(3, 4, 5)
    assert torch.equal(DropPath(0.5).eval()(x), x)


def test_weights_are_drawn_as_in_the_paper():
    torch.manual_seed(0)
    stage = create_backbone('mit_b0').stages[3]
    linear = stage.blocks[0].mlp.fc1
    assert linear.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert not linear.bias.any()
    depthwise = stage.blocks[0].mlp.dwconv  # fan-out of a depth-wise 3x3 is 9
    assert depthwise.weight.std().item() == pytest.approx((2 / 9) ** 0.5, rel=0.05)
    embed = stage.embed.proj  # fan-out 3 * 3 * 256
    assert embed.weight.std().item() == pytest.approx((2 / (9 * 256)) ** 0.5, rel=0.05)
    assert stage.norm.weight.eq(1).all()


def test_norms_have_the_published_eps():
    stage = create_backbone('mit_nano').stages[0]
    block = stage.blocks[0]
    assert {block.norm1.eps, block.norm2.eps, stage.norm.eps} == {1e-6}
    assert {stage.embed.norm.eps, block.attn.norm.eps} == {1e-5}
