"""The outside judge: transformers' SegFormer, through its files and our importer."""

import pytest
from safetensors.torch import load_file
import torch

from robustseg_core.labels import DELIVER
from robustseg_core.models.importers.convert import import_model
from robustseg_core.models.importers.protocols import published_modalities

transformers = pytest.importorskip('transformers')

RGB = published_modalities('deliver', 'R')
B0 = {'hidden_sizes': [32, 64, 160, 256]}
B1 = {'hidden_sizes': [64, 128, 320, 512]}


@pytest.mark.parametrize(('sizes', 'width', 'name'), [(B0, 256, 'mit_b0'), (B1, 768, 'mit_b1')])
@torch.no_grad()
def test_our_network_is_theirs_stage_by_stage(sizes, width, name, randomise, tmp_path):
    config = transformers.SegformerConfig(**sizes, decoder_hidden_size=width, num_labels=25)
    theirs = transformers.SegformerForSemanticSegmentation(config)
    randomise(theirs)
    theirs.eval().save_pretrained(tmp_path)
    ours = import_model(tmp_path / 'model.safetensors', DELIVER, RGB)
    assert (ours.config.backbone, ours.config.head_width) == (name, width)

    image = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(4))
    expected = theirs(image, output_hidden_states=True)
    features = ours.encode(image)
    for maps, wanted in zip(features, expected.hidden_states[-4:], strict=True):
        assert wanted.std() > 0.1
        torch.testing.assert_close(maps, wanted, rtol=0, atol=1e-4)
    assert expected.logits.std() > 0.1
    torch.testing.assert_close(ours.head(features), expected.logits, rtol=0, atol=1e-4)
    upsampled = torch.nn.functional.interpolate(expected.logits, (64, 96), mode='bilinear')
    torch.testing.assert_close(ours({'rgb': image}), upsampled, rtol=0, atol=1e-4)
    torch.testing.assert_close(ours.fold()({'rgb': image}), upsampled, rtol=0, atol=1e-4)


@pytest.mark.parametrize('kind', ['SegformerForImageClassification', 'SegformerModel'])
@torch.no_grad()
def test_encoder_alone_is_read_from_a_pickled_file(kind, randomise, tmp_path):
    theirs = getattr(transformers, kind)(transformers.SegformerConfig(**B0))
    randomise(theirs)
    theirs.eval().save_pretrained(tmp_path)
    path = tmp_path / 'pytorch_model.bin'
    torch.save(load_file(tmp_path / 'model.safetensors'), path)
    ours = import_model(path, DELIVER, RGB)
    assert ours.config.backbone == 'mit_b0'
    assert ours.provenance['head'].startswith('freshly initialised')
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(5))
    hidden = getattr(theirs, 'segformer', theirs)(image).last_hidden_state
    torch.testing.assert_close(ours.encode(image)[3], hidden, rtol=0, atol=1e-4)


@pytest.mark.parametrize('kind', ['SegformerForSemanticSegmentation', 'SegformerModel'])
@torch.no_grad()
def test_the_names_in_memory_are_read_like_those_in_files(kind, randomise, tmp_path):
    config = transformers.SegformerConfig(**B0, decoder_hidden_size=256, num_labels=25)
    theirs = getattr(transformers, kind)(config)
    randomise(theirs)
    theirs.eval()
    torch.save(theirs.state_dict(), tmp_path / 'memory.pth')
    theirs.save_pretrained(tmp_path)
    image = {'rgb': torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(5))}
    memory, file = (
        import_model(tmp_path / name, DELIVER, RGB) for name in ('memory.pth', 'model.safetensors')
    )
    assert torch.equal(memory(image), file(image))
    assert memory(image).std() > 0
