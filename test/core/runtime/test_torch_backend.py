"""Torch's backend; the reference is the network itself, unfolded."""

from copy import deepcopy

import pytest
import torch

from robustseg_core.errors import ConfigError
from robustseg_core.runtime.torch_backend import TorchBackend


@pytest.fixture
def image():
    return torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(3))


@torch.no_grad()
def test_the_two_halves_are_the_network(model, image):
    backend = TorchBackend(model)
    maps = backend.encode(image)
    for ours, expected in zip(maps, model.encode(image), strict=True):
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-4)
    logits = backend.head(maps, 14)
    expected = model.head(model.encode(image))
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-4)


@torch.no_grad()
def test_the_model_is_copied(model, image):
    copy = deepcopy(model)
    backend = TorchBackend(copy)
    before = backend.encode(image)[0]
    for parameter in copy.parameters():
        parameter.zero_()
    assert torch.equal(backend.encode(image)[0], before)


@torch.no_grad()
def test_bfloat16_is_near_and_returns_float32_logits(model, image):
    backend = TorchBackend(model, precision='bf16')
    maps = backend.encode(image)
    assert maps[0].dtype == torch.bfloat16
    logits, expected = backend.head(maps, 14), model.head(model.encode(image))
    assert logits.dtype == torch.float32
    assert (logits - expected).norm() < 0.1 * expected.norm()


@torch.no_grad()
def test_compiled_is_the_same_function(model, image):
    backend = TorchBackend(model, compiled=True)
    assert backend.name == 'compiled'
    logits = backend.head(backend.encode(image), 14)
    torch.testing.assert_close(logits, model.head(model.encode(image)), rtol=0, atol=1e-4)


@pytest.mark.parametrize('precision', ['fp16', 'int8'])
def test_a_precision_the_cpu_does_not_have_is_refused(model, precision):
    with pytest.raises(ConfigError, match=rf"no precision '{precision}'; wanted one of \['fp32'"):
        TorchBackend(model, 'cpu', precision)


def test_an_unknown_device_is_named(model):
    with pytest.raises(ConfigError, match="'fpga'"):
        TorchBackend(model, 'fpga')


@pytest.mark.skipif(torch.cuda.is_available(), reason='this machine has the device')
def test_a_device_that_is_not_there_is_named(model):
    with pytest.raises(ConfigError, match="Device 'cuda' cannot be used"):
        TorchBackend(model, 'cuda')


@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device')
@torch.no_grad()
@pytest.mark.parametrize('compiled', [False, True])
def test_a_cuda_device_gives_the_same_logits(model, image, compiled):
    backend = TorchBackend(model, 'cuda', compiled=compiled)
    logits = backend.head(backend.encode(image), 14).cpu()
    torch.testing.assert_close(logits, model.head(model.encode(image)), rtol=0, atol=5e-2)
