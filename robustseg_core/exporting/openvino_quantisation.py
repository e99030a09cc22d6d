"""int8 for OpenVINO, by NNCF."""

from __future__ import annotations

from collections.abc import Iterable
import logging
from typing import Any

from robustseg_core.exporting.calibration import Calibration, Inputs


def quantise_openvino(encoder: Any, head: Any, calibration: Calibration) -> tuple[Any, Any]:
    """Return both ``openvino.Model`` with int8 convolutions and products.

    NNCF's preset for transformers is not used: it leaves sums in float32, which splits what
    OpenVINO fuses, so that the encoder becomes slower than it was. Ranges are the extremes of all
    frames, not the usual mean of each frame's extremes, which cuts off what the residual sums hold
    and costs twice the mIoU.
    """
    return _quantised(encoder, calibration.images()), _quantised(head, calibration.maps())


def _quantised(graph: Any, inputs: Iterable[Inputs]) -> Any:
    import nncf
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    extremes = AdvancedQuantizationParameters(
        activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
    )
    items = list(inputs)
    logger = logging.getLogger('nncf')
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        return nncf.quantize(
            graph, nncf.Dataset(items), subset_size=len(items), advanced_parameters=extremes
        )
    finally:
        logger.setLevel(level)
