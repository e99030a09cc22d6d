"""int8 for ONNX Runtime and TensorRT, by ONNX Runtime's own tool."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from robustseg_core.exporting.calibration import Calibration, Inputs

# What pays: on a CPU ONNX Runtime's products in int8 make the encoder slower than in float.
ON_CPU, ON_GPU = ['Conv'], ['Conv', 'MatMul']
# What lies between the head's convolutions, which it can then keep in int8.
BETWEEN = ['Resize', 'Add', 'Relu']


def quantise_onnx(
    encoder: bytes, head: bytes, calibration: Calibration, *, for_gpu: bool, careful: bool
) -> tuple[Any, Any]:
    """Return both graphs as ``onnx.ModelProto`` with pairs of QuantizeLinear, DequantizeLinear.

    Args:
        encoder: The serialised model.
        head: The serialised model.
        calibration: Gives the ranges.
        for_gpu: Activations around zero and biases in float, as TensorRT wants; otherwise
            activations are unsigned, which CPUs multiply faster.
        careful: Whether the head's sums stay in float.
    """
    kinds = ON_GPU if for_gpu else ON_CPU
    head_kinds = kinds if careful else [*kinds, *BETWEEN]
    return (
        _quantised(encoder, calibration.images(), kinds, for_gpu=for_gpu),
        _quantised(head, calibration.maps(), head_kinds, for_gpu=for_gpu),
    )


def _quantised(
    graph: bytes, inputs: Iterator[Inputs], kinds: Sequence[str], *, for_gpu: bool
) -> Any:
    import onnx
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> Inputs | None:
            return next(inputs, None)

    with TemporaryDirectory() as folder:
        given, ready, done = (Path(folder) / f'{name}.onnx' for name in ('given', 'ready', 'done'))
        given.write_bytes(graph)
        # Its inference of symbolic shapes cannot follow the attention's reshapes.
        quant_pre_process(str(given), str(ready), skip_symbolic_shape=True)
        quantize_static(
            str(ready),
            str(done),
            Reader(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(kinds),
            per_channel=True,
            activation_type=QuantType.QInt8 if for_gpu else QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            extra_options={
                'ActivationSymmetric': for_gpu,
                # TensorRT's parser takes no int32, as which biases would be stored.
                'QuantizeBias': not for_gpu,
                # Products of two activations, in the attention, are few, and hurt.
                'MatMulConstBOnly': True,
            },
        )
        return onnx.load(done)
