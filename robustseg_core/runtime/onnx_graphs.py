"""Our graphs as ONNX models; onnx is imported when they are made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
import warnings

import torch
from torch import Tensor, nn

from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.runtime.graph_description import METADATA_KEY, GraphDescription, Size
from robustseg_core.runtime.graphs import (
    IMAGE,
    LOGITS,
    MAPS,
    SUBSET,
    EncoderGraph,
    HeadGraph,
    example_image,
    example_maps,
)

ENCODER_FILE, HEAD_FILE = 'encoder.onnx', 'head.onnx'
OPSET = 20  # the first with GELU as one operator; TensorRT 10 reads it


class InHalf(nn.Module):
    """Compute in float16 what is given and returned as float32."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module.half()

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        halves = [each.half() if each.is_floating_point() else each for each in inputs]
        outputs = self.module(*halves)
        if isinstance(outputs, Tensor):
            return outputs.float()
        return tuple(each.float() for each in outputs)


def onnx_graphs(
    model: MultimodalSegmenter,
    size: Size | None = None,
    *,
    channels_at_a_time: int | None,
    half: bool = False,
) -> tuple[bytes, bytes]:
    """Return encoder and head as serialised ``onnx.ModelProto``, for batches of any number.

    They are traced. Export by ``torch.export`` gives graphs of the same speed, but takes half a
    minute where sizes are free, and a package more.

    Args:
        model: Folded or not.
        size: (height, width) of the only images they will take; None = any.
        channels_at_a_time: As ``HeadGraph``.
        half: Whether weights and arithmetic are float16; inputs and outputs never are.
    """
    encoder, head = EncoderGraph(model).eval(), HeadGraph(model, channels_at_a_time).eval()
    image = example_image() if size is None else torch.zeros(1, 3, *size)
    inputs = example_maps(encoder, head, image)
    names = [*MAPS, SUBSET] if head.takes_subset else list(MAPS)
    return (
        _exported(InHalf(encoder) if half else encoder, (image,), [IMAGE], list(MAPS), size),
        _exported(InHalf(head) if half else head, inputs, names, [LOGITS], size),
    )


def save_onnx(encoder: Any, head: Any, description: GraphDescription, folder: Path) -> None:
    """Write two models (``onnx.ModelProto``) with their description, in place of any other."""
    import onnx

    for graph, name in ((encoder, ENCODER_FILE), (head, HEAD_FILE)):
        onnx.helper.set_model_props(graph, {METADATA_KEY: description.to_text()})
        onnx.save(graph, folder / name)


def _exported(
    module: nn.Module,
    example: tuple[Tensor, ...],
    inputs: Sequence[str],
    outputs: Sequence[str],
    size: Size | None,
) -> bytes:
    axes: dict[str, dict[int, str]] = {}
    for name in (*inputs, *outputs):
        sides = {} if size is not None else {2: f'{name}_height', 3: f'{name}_width'}
        axes[name] = {} if name == SUBSET else {0: 'batch', **sides}
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        file = Path(folder) / 'graph.onnx'
        # Tracing warns of sides taken for constants where they are, and of its age.
        warnings.simplefilter('ignore')
        torch.onnx.export(
            module,
            example,
            file,
            dynamo=False,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=axes,
        )
        return file.read_bytes()
