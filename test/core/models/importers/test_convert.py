from collections import OrderedDict

import pytest
from safetensors.torch import load_file
import torch

from robustseg_core.errors import CheckpointError
from robustseg_core.labels import DELIVER, MUSES
from robustseg_core.models.importers.convert import import_model
from robustseg_core.models.importers.protocols import published_modalities

RDEL = published_modalities('deliver')


def same(loaded, model, part):
    """Tell whether ``part`` of two networks has the same weights."""
    ours, theirs = getattr(model, part).state_dict(), getattr(loaded, part).state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(theirs[k], v) for k, v in ours.items())


@pytest.fixture(scope='module')
def model(make_model):
    return make_model()


@pytest.fixture(scope='module')
def robustseg(model, nvidia):
    """The published layout, with its classifier that nothing reads."""
    dead = {'classifier.weight': torch.zeros(25, 128, 1, 1)}
    return {**nvidia(model.state_dict(), 'encoder.', 'decoder.'), **dead}


@pytest.mark.parametrize('wrapping', ['bare', 'checkpoint', 'data parallel'])
@torch.no_grad()
def test_published_checkpoint_is_the_same_function(wrapping, model, robustseg, images, tmp_path):
    content = OrderedDict(robustseg)
    if wrapping == 'data parallel':
        content = {f'module.{name}': tensor for name, tensor in content.items()}
    if wrapping == 'checkpoint':
        content = {
            'epoch': 12,
            'model_state_dict': content,
            'optimizer_state_dict': {'state': {0: {'step': torch.tensor(3.0)}}},
            'loss': 0.1,
            'best_miou': 49.9,
        }
    path = tmp_path / 'deliver_checkpoint.pth'
    torch.save(content, path)
    loaded = import_model(path, DELIVER, RDEL, resolution=(64, 96), missing='zero')
    assert loaded.config.backbone == 'mit_nano'
    assert loaded.config.head_width == 24
    assert loaded.config.resolution == (64, 96)
    assert loaded.config.missing == 'zero'
    assert loaded.provenance['head'] == 'imported'
    assert loaded.provenance['imported_from']['file'] == 'deliver_checkpoint.pth'
    assert loaded.provenance['imported_from']['dropped'] == ['classifier.weight']
    assert same(loaded, model, 'encoder')
    assert same(loaded, model, 'head')
    assert torch.equal(loaded(images), model(images))


def test_nvidia_backbone_gets_a_fresh_head_and_says_so(model, nvidia, tmp_path):
    path = tmp_path / 'mit_nano.pth'
    head = {'head.weight': torch.zeros(1000, 128), 'head.bias': torch.zeros(1000)}
    torch.save({**nvidia(model.state_dict()), **head}, path)
    loaded = import_model(path, DELIVER, RDEL)
    torch.rand(1)  # the fresh head must not follow the generator of whoever calls
    again = import_model(path, DELIVER, RDEL)
    assert same(loaded, model, 'encoder')
    assert loaded.provenance['head'] == 'freshly initialised, must be trained'
    assert loaded.provenance['imported_from']['dropped'] == ['head.bias', 'head.weight']
    assert same(loaded, again, 'head')


def test_backbone_without_its_classifier_is_read_alike(model, nvidia, tmp_path):
    path = tmp_path / 'smp.pth'
    torch.save(nvidia(model.state_dict()), path)
    assert same(import_model(path, DELIVER, RDEL), model, 'encoder')


def test_segformer_of_mmseg_before_0_20_is_read_with_its_head(model, nvidia, tmp_path):
    path = tmp_path / 'segformer.pth'
    weights = nvidia(model.state_dict(), 'backbone.', 'decode_head.')
    unused = {
        'decode_head.conv_seg.weight': torch.zeros(25, 24, 1, 1),
        'decode_head.conv_seg.bias': torch.zeros(25),
    }
    torch.save({'meta': {'CLASSES': ('a', 'b')}, 'state_dict': {**weights, **unused}}, path)
    loaded = import_model(path, DELIVER, RDEL)
    assert same(loaded, model, 'encoder')
    assert same(loaded, model, 'head')


@pytest.mark.parametrize('prefix', ['', 'backbone.'])
def test_mmseg_from_0_20_is_read_without_its_other_head(prefix, model, openmmlab, tmp_path):
    path = tmp_path / 'segformer.pth'
    weights = openmmlab(model.state_dict(), prefix)
    if prefix:
        weights |= {
            'decode_head.convs.0.conv.weight': torch.zeros(24, 16, 1, 1),
            'decode_head.convs.0.bn.running_mean': torch.zeros(24),
            'decode_head.fusion_conv.conv.weight': torch.zeros(24, 96, 1, 1),
            'decode_head.fusion_conv.bn.weight': torch.zeros(24),
            'decode_head.conv_seg.weight': torch.zeros(25, 24, 1, 1),
        }
    torch.save({'state_dict': weights}, path)
    loaded = import_model(path, DELIVER, RDEL)
    assert same(loaded, model, 'encoder')
    assert loaded.provenance['head'].startswith('freshly initialised')
    assert len(loaded.provenance['imported_from']['dropped']) == (5 if prefix else 0)


def test_other_number_of_classes_is_refused(robustseg, tmp_path):
    torch.save(robustseg, tmp_path / 'x.pth')
    with pytest.raises(CheckpointError, match="head has 25 classes, but label set 'muses' has 19"):
        import_model(tmp_path / 'x.pth', MUSES, RDEL)


def test_weight_that_is_neither_used_nor_droppable_is_refused(robustseg, tmp_path):
    torch.save({**robustseg, 'encoder.extra_block1.weight': torch.zeros(1)}, tmp_path / 'x.pth')
    with pytest.raises(CheckpointError, match=r'RobustSeg.*unknown weights encoder\.extra_block1'):
        import_model(tmp_path / 'x.pth', DELIVER, RDEL)


@pytest.mark.parametrize(
    ('lost', 'message'),
    [
        (
            'encoder.block2.1.attn.kv.bias',
            r'missing encoder\.stages\.1\.blocks\.1\.attn\.kv\.bias',
        ),
        ('decoder.linear_c3.proj.weight', r'missing head\.projections\.2\.weight'),
        ('decoder.linear_fuse.conv.weight', "head is incomplete: nothing stands for 'head.fuse"),
        (
            'encoder.patch_embed4.proj.weight',
            r'channels \(16, 32, 80, 0\) and depths \(2, 2, 2, 2',
        ),
    ],
)
def test_missing_weight_is_refused(lost, message, robustseg, tmp_path):
    torch.save({k: v for k, v in robustseg.items() if k != lost}, tmp_path / 'x.pth')
    with pytest.raises(CheckpointError, match=message):
        import_model(tmp_path / 'x.pth', DELIVER, RDEL)


def test_half_of_the_keys_and_values_is_refused(model, tmp_path):
    transformers = pytest.importorskip('transformers')
    config = transformers.SegformerConfig(hidden_sizes=[16, 32, 80, 128])
    transformers.SegformerModel(config).save_pretrained(tmp_path)
    weights = load_file(tmp_path / 'model.safetensors')
    del weights['encoder.block.0.1.attention.self.value.weight']
    torch.save(weights, tmp_path / 'x.pth')
    with pytest.raises(CheckpointError, match=r'missing encoder\.stages\.0.*kv\.weight; unexpec'):
        import_model(tmp_path / 'x.pth', DELIVER, RDEL)


def test_network_of_another_size_is_refused(robustseg, tmp_path):
    shallow = {k: v for k, v in robustseg.items() if not k.startswith('encoder.block3.1')}
    torch.save(shallow, tmp_path / 'x.pth')
    with pytest.raises(CheckpointError, match=r'depths \(2, 2, 1, 2\); known are'):
        import_model(tmp_path / 'x.pth', DELIVER, RDEL)
