"""A small network, and frames for it in which something can be recognised."""

from exported_networks import make_network
import pytest
import torch

from robustseg_core.data.sample import Batch
from robustseg_core.runtime.torch_backend import TorchBackend


@pytest.fixture(scope='session')
def model():
    return make_network()


@pytest.fixture(scope='session')
def network(model):
    return TorchBackend(model)


@pytest.fixture(scope='session')
def make_frames(model):
    """Build batches of one frame, with some of the sensors."""

    def make(count, names=('rgb', 'depth', 'event')) -> list[Batch]:
        generator = torch.Generator().manual_seed(count)
        known = model.config.modalities.names
        return [
            Batch(
                images={name: torch.randn(1, 3, 64, 96, generator=generator) for name in names},
                availability=torch.tensor([[name in names for name in known]]),
                labels=torch.randint(0, 5, (1, 64, 96), generator=generator),
                ids=[str(index)],
                conditions=['sun'],
            )
            for index in range(count)
        ]

    return make
