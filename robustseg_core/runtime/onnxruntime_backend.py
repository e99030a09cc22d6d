"""The network as ONNX Runtime computes it, on a CPU or with CUDA."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robustseg_core.errors import CheckpointError, ConfigError
from robustseg_core.models.config import MOST_WIDTH
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.models.weights_file import check_readable
from robustseg_core.quoting import shown
from robustseg_core.runtime.graph_description import METADATA_KEY, GraphDescription
from robustseg_core.runtime.graphs import (
    CHANNELS_AT_A_TIME,
    IMAGE,
    LOGITS,
    MAPS,
    STRIDES,
    SUBSET,
    takes_subset,
)
from robustseg_core.runtime.onnx_graphs import ENCODER_FILE, HEAD_FILE, onnx_graphs
from robustseg_core.runtime.preparation import Preparation
from robustseg_core.typed import is_whole

PROVIDERS = {'cpu': 'CPUExecutionProvider', 'cuda': 'CUDAExecutionProvider'}
QUIET = 3  # errors; warnings are about the graph's own constants


class OnnxRuntimeBackend:
    """Two ONNX Runtime sessions, which read and write torch's memory.

    Args:
        encoder: The serialised model of ``EncoderGraph``, or its file.
        head: That of ``HeadGraph``.
        device: ``cpu`` or ``cuda``.
        description: What they are; None = as their metadata says.

    Raises:
        ConfigError: ONNX Runtime was installed without that device.
        CheckpointError: A file cannot be read, is not ours, or the two are not a pair.
    """

    name = 'onnxruntime'

    def __init__(
        self,
        encoder: bytes | Path,
        head: bytes | Path,
        device: torch.device,
        description: GraphDescription | None = None,
    ) -> None:
        self.device = device
        self._encoder = _session(encoder, device)
        self._head = _session(head, device)
        self._description = description or self._said(encoder, head)
        self.config = self._description.config
        self.provenance = self._description.provenance
        self.precision = self._description.precision
        self.size = self._description.size
        # With CUDA, the fastest kernels are searched for each new size.
        self.preparation = Preparation.NEVER if device.type == 'cpu' else Preparation.BESIDE
        inputs = {each.name: each.shape for each in self._head.get_inputs()}
        shapes = [inputs.get(name, ()) for name in MAPS]
        if not all(len(shape) == 4 and is_whole(shape[1], 1, MOST_WIDTH) for shape in shapes):
            place = head if isinstance(head, Path) else 'The head'
            msg = f'{place}: no graph of ours: its inputs are {shown(inputs)}, not {MAPS}.'
            raise CheckpointError(msg)
        self._channels = [shape[1] for shape in shapes]

    @classmethod
    def of(cls, model: MultimodalSegmenter, device: torch.device) -> OnnxRuntimeBackend:
        """Convert ``model`` and build its backend.

        Raises:
            ConfigError: ONNX Runtime was installed without that device.
        """
        at_a_time = CHANNELS_AT_A_TIME if device.type == 'cpu' else None
        encoder, head = onnx_graphs(model, channels_at_a_time=at_a_time)
        return cls(encoder, head, device, GraphDescription.of(model, 'onnx', 'fp32', None))

    @classmethod
    def from_folder(cls, folder: Path, device: torch.device) -> OnnxRuntimeBackend:
        """Build the backend of exported files.

        Raises:
            ConfigError: ONNX Runtime was installed without that device.
            CheckpointError: A file cannot be read, is not ours, or the two are not a pair.
        """
        return cls(folder / ENCODER_FILE, folder / HEAD_FILE, device)

    def encode(self, images: Tensor) -> list[Tensor]:
        """Return the four maps (B, C_i, h_i, w_i) of normalised images (B, 3, H, W)."""
        batch, _, height, width = images.shape
        self._description.check_size((height, width))
        shapes = {
            name: (batch, channels, height // stride, width // stride)
            for name, channels, stride in zip(MAPS, self._channels, STRIDES, strict=True)
        }
        return self._run(self._encoder, {IMAGE: images}, shapes)

    def head(self, maps: Sequence[Tensor], subset: int) -> Tensor:
        """Return logits (B, K, h_1, w_1) of fused maps; see ``Backend``."""
        inputs = dict(zip(MAPS, maps, strict=True))
        if takes_subset(self.config):
            inputs[SUBSET] = torch.tensor([subset], device=self.device)
        batch, _, height, width = maps[0].shape
        shape = (batch, len(self.config.labels), height, width)
        return self._run(self._head, inputs, {LOGITS: shape})[0]

    def _run(
        self, session: Any, inputs: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]
    ) -> list[Tensor]:
        # The outputs' memory is new every time, since the caller keeps them.
        outputs = {name: torch.empty(shape, device=self.device) for name, shape in shapes.items()}
        ready = {name: each.to(self.device).contiguous() for name, each in inputs.items()}
        binding = session.io_binding()
        for bind, tensors in ((binding.bind_input, ready), (binding.bind_output, outputs)):
            for name, each in tensors.items():
                number = np.int64 if each.dtype == torch.int64 else np.float32
                place = self.device.type, self.device.index or 0
                bind(name, *place, number, tuple(each.shape), each.data_ptr())
        if self.device.type == 'cuda':
            torch.cuda.current_stream(self.device).synchronize()  # its stream is another
        session.run_with_iobinding(binding)
        return list(outputs.values())

    def _said(self, encoder: bytes | Path, head: bytes | Path) -> GraphDescription:
        """Return what the metadata of both models say."""
        texts = {
            str(source): session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
            for source, session in ((encoder, self._encoder), (head, self._head))
        }
        return GraphDescription.of_pair(texts)


def check_provider(device: torch.device) -> str:
    """Return what ONNX Runtime calls the device.

    Raises:
        ConfigError: It was installed without it.
    """
    import onnxruntime

    wanted, available = PROVIDERS.get(device.type), onnxruntime.get_available_providers()
    if wanted is None or wanted not in available:
        hint = '; `pip install onnxruntime-gpu` has CUDA' if device.type == 'cuda' else ''
        msg = f'ONNX Runtime cannot compute on {device}: it was built for {available}{hint}.'
        raise ConfigError(msg)
    return wanted


def _session(model: bytes | Path, device: torch.device) -> Any:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as states

    options = onnxruntime.SessionOptions()
    # As many as torch uses, so that OMP_NUM_THREADS and torch.set_num_threads hold here, too.
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = QUIET
    # A plan of the memory for every shape holds it twice, beside the pool, and saves no time.
    options.enable_mem_pattern = False
    # Its idle threads would otherwise keep cores busy that torch and the rest of a robot need.
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    on_device = {'device_id': device.index or 0} if device.type == 'cuda' else {}
    provider = (check_provider(device), on_device)
    if isinstance(model, Path):
        check_readable(model)
    try:
        source = str(model) if isinstance(model, Path) else model
        return onnxruntime.InferenceSession(source, options, providers=[provider])
    except (
        states.Fail,
        states.InvalidArgument,
        states.InvalidGraph,
        states.InvalidProtobuf,
        states.NoSuchFile,
        states.NotImplemented,
        states.RuntimeException,
    ) as error:
        name = model if isinstance(model, Path) else 'the converted network'
        msg = f'{name}: ONNX Runtime cannot read it: {error}'
        raise CheckpointError(msg) from error
