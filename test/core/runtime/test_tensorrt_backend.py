"""TensorRT's backend as far as it goes without a GPU: what it refuses."""

import pytest
import torch

from robustseg_core.errors import ConfigError
from robustseg_core.runtime.tensorrt_backend import TensorRtBackend


def test_without_a_gpu_it_says_so(tmp_path):
    with pytest.raises(ConfigError, match=r'needs an NVIDIA GPU.*the device is cpu'):
        TensorRtBackend(tmp_path, torch.device('cpu'), 'fp32', str)


@pytest.mark.parametrize('precision', ['int8', 'fp4'])
def test_a_precision_that_is_not_chosen_here_is_refused(tmp_path, precision):
    with pytest.raises(ConfigError, match=rf"no precision '{precision}'; wanted one of \['fp32'"):
        TensorRtBackend(tmp_path, torch.device('cuda'), precision, str)
