"""Our graphs as OpenVINO models; OpenVINO is imported when they are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from robustseg_core.errors import CheckpointError
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.models.weights_file import check_readable
from robustseg_core.runtime.graph_description import METADATA_KEY, GraphDescription, Size
from robustseg_core.runtime.graphs import CHANNELS_AT_A_TIME
from robustseg_core.runtime.onnx_graphs import onnx_graphs

ENCODER_FILE, HEAD_FILE = 'encoder.xml', 'head.xml'


def openvino_graphs(model: MultimodalSegmenter, size: Size | None = None) -> tuple[Any, Any]:
    """Return encoder and head as ``openvino.Model``, for images of ``size`` or of any.

    They come by way of ONNX: the same graphs as those that OpenVINO traces itself, in a quarter of
    the time.
    """
    import openvino

    core = openvino.Core()
    encoder, head = onnx_graphs(model, size, channels_at_a_time=CHANNELS_AT_A_TIME)
    return core.read_model(encoder, b''), core.read_model(head, b'')


def save_openvino(encoder: Any, head: Any, description: GraphDescription, folder: Path) -> None:
    """Write both models with their description; weights as float16 where the precision says so."""
    import openvino

    for graph, name in ((encoder, ENCODER_FILE), (head, HEAD_FILE)):
        graph.set_rt_info(description.to_text(), [METADATA_KEY])
        openvino.save_model(
            graph, str(folder / name), compress_to_fp16=description.precision == 'fp16'
        )


def read_openvino(folder: Path) -> tuple[Any, Any, GraphDescription]:
    """Read what ``save_openvino`` wrote.

    Raises:
        CheckpointError: A file is missing, damaged, or not ours; or the two are not a pair.
    """
    import openvino

    core = openvino.Core()
    graphs: list[Any] = []
    texts: dict[str, str | None] = {}
    for file in (folder / ENCODER_FILE, folder / HEAD_FILE):
        check_readable(file)
        try:
            graph = core.read_model(file)
        except RuntimeError as error:
            msg = f'{file}: OpenVINO cannot read it: {_last_line(error)}'
            raise CheckpointError(msg) from error
        graphs.append(graph)
        says = graph.has_rt_info([METADATA_KEY])
        texts[str(file)] = str(graph.get_rt_info([METADATA_KEY]).astype(str)) if says else None
    return graphs[0], graphs[1], GraphDescription.of_pair(texts)


def _last_line(error: Exception) -> str:
    """Return the line of OpenVINO's message that is not about its source code."""
    return next((line for line in reversed(str(error).splitlines()) if line.strip()), '').strip()
