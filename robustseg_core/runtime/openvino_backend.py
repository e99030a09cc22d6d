"""The network as OpenVINO computes it on a CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from robustseg_core.errors import ConfigError
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.runtime.graph_description import GraphDescription
from robustseg_core.runtime.graphs import IMAGE, MAPS, SUBSET, takes_subset
from robustseg_core.runtime.preparation import SIZES_KEPT, Preparation, UsedLast

HINTS = {'fp32': 'f32', 'bf16': 'bf16'}

Shapes = tuple[tuple[int, ...], ...]


class OpenVinoBackend:
    """Two OpenVINO models, compiled for each size of image as it first comes.

    Compiled for one size the encoder takes half the time that it takes compiled for any.

    Args:
        encoder: The ``openvino.Model`` of ``EncoderGraph``.
        head: That of ``HeadGraph``.
        description: What they are.
        precision: Of the arithmetic that the models do not say: ``fp32`` or ``bf16``.

    Raises:
        ConfigError: This CPU cannot compute in that precision.
    """

    name = 'openvino'
    preparation = Preparation.BESIDE

    def __init__(
        self, encoder: Any, head: Any, description: GraphDescription, precision: str = 'fp32'
    ) -> None:
        import openvino

        self.config = description.config
        self.provenance = description.provenance
        # fp32 overrules nothing: it is what the models say.
        self.precision = precision if precision != 'fp32' else description.precision
        self.size = description.size
        self.device = torch.device('cpu')
        self._core = openvino.Core()
        self._check_precision(precision)
        self._description = description
        self._options = {
            'PERFORMANCE_HINT': 'LATENCY',
            'INFERENCE_PRECISION_HINT': HINTS[precision],
            # As many as torch uses, so that OMP_NUM_THREADS and torch.set_num_threads hold here.
            'INFERENCE_NUM_THREADS': torch.get_num_threads(),
        }
        self._graphs = {'encoder': encoder, 'head': head}
        self._compiled: UsedLast[tuple[str, Shapes], _Compiled] = UsedLast(2 * SIZES_KEPT)

    @classmethod
    def of(cls, model: MultimodalSegmenter, precision: str = 'fp32') -> OpenVinoBackend:
        """Convert ``model`` and build its backend.

        Raises:
            ConfigError: This CPU cannot compute in that precision.
        """
        from robustseg_core.runtime.openvino_graphs import openvino_graphs

        description = GraphDescription.of(model, 'openvino', 'fp32', None)
        return cls(*openvino_graphs(model), description, precision)

    def encode(self, images: Tensor) -> list[Tensor]:
        """Return the four maps (B, C_i, h_i, w_i) of normalised images (B, 3, H, W)."""
        self._description.check_size((images.shape[2], images.shape[3]))
        return self._run('encoder', {IMAGE: images})

    def head(self, maps: Sequence[Tensor], subset: int) -> Tensor:
        """Return logits (B, K, h_1, w_1) of fused maps; see ``Backend``."""
        inputs = dict(zip(MAPS, maps, strict=True))
        if takes_subset(self.config):
            inputs[SUBSET] = torch.tensor([subset])
        return self._run('head', inputs)[0]

    def _run(self, half: str, inputs: Mapping[str, Tensor]) -> list[Tensor]:
        key = half, tuple(tuple(each.shape) for each in inputs.values())

        def compiled() -> _Compiled:
            graph = self._graphs[half].clone()
            graph.reshape({name: list(each.shape) for name, each in inputs.items()})
            return _Compiled(self._core.compile_model(graph, 'CPU', self._options))

        return self._compiled.find(key, compiled)(inputs)

    def _check_precision(self, precision: str) -> None:
        known = self._core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES')
        wanted = [each for each in HINTS if each == 'fp32' or HINTS[each].upper() in known]
        if precision not in wanted:
            msg = (
                f'OpenVINO on this CPU has no precision {precision!r}; wanted one of {wanted}. '
                f'int8 is made by `python -m robustseg_core.export`.'
            )
            raise ConfigError(msg)


class _Compiled:
    """A model compiled for one shape of inputs."""

    def __init__(self, model: Any) -> None:
        self._request = model.create_infer_request()
        self._shapes = [tuple(each.shape) for each in model.outputs]

    def __call__(self, inputs: Mapping[str, Tensor]) -> list[Tensor]:
        from openvino import Tensor as Shared

        # OpenVINO reads and writes torch's memory. The outputs' is new every time, since the
        # caller keeps them.
        arrays = {name: each.contiguous().numpy() for name, each in inputs.items()}
        outputs = [torch.empty(shape) for shape in self._shapes]
        for index, each in enumerate(outputs):
            self._request.set_output_tensor(index, Shared(each.numpy(), shared_memory=True))
        self._request.infer(arrays, share_inputs=True, share_outputs=True)
        return outputs
