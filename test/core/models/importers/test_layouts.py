from pathlib import Path

import pytest
import torch

from robustseg_core.errors import CheckpointError
from robustseg_core.models.importers.layouts import LAYOUTS, recognise, translate

PATH = Path('x.pth')


@pytest.mark.parametrize(
    ('key', 'family'),
    [
        ('patch_embed1.proj.weight', 'MiT backbone (NVIDIA, smp)'),
        ('backbone.patch_embed1.proj.weight', 'SegFormer (NVIDIA, mmseg before 0.20)'),
        ('encoder.patch_embed1.proj.weight', 'RobustSeg or AnySeg'),
        ('segformer.encoder.patch_embeddings.0.proj.weight', 'SegFormer (Hugging Face)'),
        ('encoder.patch_embeddings.0.proj.weight', 'SegFormer encoder (Hugging Face)'),
        (
            'segformer.stages.0.patch_embeddings.proj.weight',
            'SegFormer (Hugging Face, transformers 5)',
        ),
        (
            'stages.0.patch_embeddings.proj.weight',
            'SegFormer encoder (Hugging Face, transformers 5)',
        ),
        ('layers.0.0.projection.weight', 'MiT backbone (mmseg from 0.20)'),
        ('backbone.layers.0.0.projection.weight', 'SegFormer (mmseg from 0.20)'),
    ],
)
def test_family_is_recognised_by_its_first_convolution(key, family):
    assert recognise(['unrelated', key], PATH).name == family


def test_every_family_is_recognised_by_some_test():
    # The list above; a new family needs a line there.
    assert len(LAYOUTS) == 9


def test_unknown_family_is_answered_with_the_known_ones():
    with pytest.raises(CheckpointError, match=r"conv1\.weight, fc\.bias, known.*'RobustSeg or"):
        recognise(['conv1.weight', 'fc.bias'], PATH)


def test_dots_in_the_tables_are_not_wildcards():
    layout = recognise(['patch_embed1.proj.weight'], PATH)
    assert layout.translate('patch_embed1xproj.weight') is None
    assert layout.translate('norm1.weight.more') is None


def test_unknown_weights_are_counted(tmp_path):
    layout = recognise(['patch_embed1.proj.weight'], PATH)
    weights = {f'neck.{index}': torch.zeros(1) for index in range(5)}
    with pytest.raises(CheckpointError, match=r'neck\.0, neck\.1, neck\.2 and 2 more'):
        translate(weights, layout, PATH)


def test_a_weight_that_is_a_single_number_is_refused():
    tensors = {'patch_embed1.proj.weight': torch.tensor(1.0)}
    with pytest.raises(CheckpointError, match='single numbers, not arrays'):
        translate(tensors, recognise(tensors, PATH), PATH)


def test_keys_and_values_of_two_shapes_are_refused():
    start = 'segformer.stages.0.blocks.0.attention'
    tensors = {
        'segformer.stages.0.patch_embeddings.proj.weight': torch.zeros(3),
        f'{start}.k_proj.weight': torch.zeros(3, 3),
        f'{start}.v_proj.weight': torch.zeros(3, 2),
    }
    with pytest.raises(CheckpointError, match='belong together do not fit'):
        translate(tensors, recognise(tensors, PATH), PATH)
