"""From a model to the files of a format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from robustseg_core.errors import ConfigError
from robustseg_core.exporting.calibration import Calibration
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.runtime.graph_description import GraphDescription, Size
from robustseg_core.runtime.graphs import CHANNELS_AT_A_TIME
from robustseg_core.runtime.onnx_graphs import onnx_graphs, save_onnx
from robustseg_core.runtime.openvino_graphs import openvino_graphs, save_openvino

FORMATS = {'onnx': 'onnxruntime', 'openvino': 'openvino', 'tensorrt': 'tensorrt'}  # its backend
PRECISIONS = ('fp32', 'fp16', 'int8')


@dataclass(frozen=True)
class Target:
    """What to make of a checkpoint.

    Attributes:
        format: One of ``FORMATS``.
        precision: One of ``PRECISIONS``. In OpenVINO fp16 is that of the stored weights; its CPU
            plugin computes in fp32 all the same.
        size: (height, width) of the only images it shall take, multiples of 32; None = any.
    """

    format: str
    precision: str = 'fp32'
    size: Size | None = None

    def __post_init__(self) -> None:
        for name, known in (('format', tuple(FORMATS)), ('precision', PRECISIONS)):
            if (value := getattr(self, name)) not in known:
                msg = f'Unknown {name} {value!r}; wanted one of {list(known)}.'
                raise ConfigError(msg)
        if self.size is not None and (min(self.size) < 32 or any(s % 32 for s in self.size)):
            msg = f'The size must be multiples of 32, got {self.size[0]}x{self.size[1]}.'
            raise ConfigError(msg)


def write_graphs(
    model: MultimodalSegmenter,
    target: Target,
    calibration: Calibration | None,
    folder: Path,
    *,
    careful: bool = False,
) -> None:
    """Write encoder and head into ``folder``, with the checkpoint's metadata.

    Args:
        model: The network.
        target: What to make of it.
        calibration: Gives the ranges of int8; None for other precisions.
        folder: Exists.
        careful: Whether int8 spares what costs most.
    """
    description = GraphDescription.of(model, target.format, target.precision, target.size)
    if target.format == 'openvino':
        pair = openvino_graphs(model, target.size)
        if calibration is not None:
            from robustseg_core.exporting.openvino_quantisation import quantise_openvino

            pair = quantise_openvino(*pair, calibration, careful=careful)
        save_openvino(*pair, description, folder)
        return
    import onnx

    # TensorRT halves the graph itself, and knows better where that hurts.
    is_for_gpu = target.format == 'tensorrt'
    encoder, head = onnx_graphs(
        model,
        target.size,
        channels_at_a_time=None if is_for_gpu else CHANNELS_AT_A_TIME,
        half=target.precision == 'fp16' and not is_for_gpu,
    )
    if calibration is not None:
        from robustseg_core.exporting.onnx_quantisation import quantise_onnx

        models = quantise_onnx(encoder, head, calibration, for_gpu=is_for_gpu, careful=careful)
    else:
        models = onnx.load_model_from_string(encoder), onnx.load_model_from_string(head)
    save_onnx(*models, description, folder)
