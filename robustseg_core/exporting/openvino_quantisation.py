"""int8 for OpenVINO, by NNCF."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import logging
import re
from typing import Any

from robustseg_core.exporting.calibration import Calibration, Inputs

RESIDUAL_SUM = re.compile(r'blocks\.\d+/Add(_1)?$')  # as the Mix Transformer's are named


def quantise_openvino(
    encoder: Any, head: Any, calibration: Calibration, *, careful: bool
) -> tuple[Any, Any]:
    """Return both ``openvino.Model`` with int8 convolutions, products and sums.

    NNCF's preset for transformers is not used: what it leaves in float32 splits what OpenVINO
    fuses, so that the encoder becomes slower than it was.

    Args:
        encoder: The model.
        head: The model.
        calibration: Gives the ranges.
        careful: Whether the encoder's residual sums stay in float32. They are where most is lost,
            and in float32 they cost two thirds of what int8 gains.
    """
    names = [each.get_friendly_name() for each in encoder.get_ops()]
    kept = [name for name in names if careful and RESIDUAL_SUM.search(name)]
    return (
        _quantised(encoder, calibration.images(), kept, outermost=False),
        # The mean of each frame's extremes, which is usual and right for the encoder, cuts off
        # what a single sensor brings to the head.
        _quantised(head, calibration.maps(), [], outermost=True),
    )


def _quantised(
    graph: Any, inputs: Iterable[Inputs], kept: Sequence[str], *, outermost: bool
) -> Any:
    import nncf
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet as Ranges

    items = list(inputs)
    ranges = Ranges.MINMAX if outermost else Ranges.MEAN_MINMAX
    logger = logging.getLogger('nncf')
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        return nncf.quantize(
            graph,
            nncf.Dataset(items),
            subset_size=len(items),
            ignored_scope=nncf.IgnoredScope(names=list(kept)),
            advanced_parameters=AdvancedQuantizationParameters(
                activations_range_estimator_params=ranges
            ),
        )
    finally:
        logger.setLevel(level)
