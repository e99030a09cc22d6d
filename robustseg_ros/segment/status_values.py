"""What /diagnostics tells of the node's parts, beside what is right or wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from robustseg_core.models.embedded import checkpoint_path
from robustseg_ros.inputs.measurements import size_text
from robustseg_ros.inputs.streams import Streams
from robustseg_ros.node.config import NodeConfig
from robustseg_ros.segment.pipeline import Pipeline

if TYPE_CHECKING:
    from robustseg_core.runtime.engine import Engine


def status_values(
    config: NodeConfig | None,
    engine: Engine | None,
    pipeline: Pipeline | None,
    streams: Streams | None,
) -> dict[str, Any]:
    """Return the values of those parts that there are in the node's present state."""
    values: dict[str, Any] = {}
    if config is not None:
        values['checkpoint'] = checkpoint_path(config.checkpoint).name
    if engine is not None:
        values['device'] = str(engine.backend.device)
        values['backend'] = engine.backend.name
    if pipeline is not None and pipeline.sizes is not None:
        mask_size, network_size = pipeline.sizes
        values['mask_size'] = size_text(mask_size)
        values['network_size'] = size_text(network_size)
    if streams is not None:
        values |= {f'dropped_{cause}': n for cause, n in streams.dropped.items()}
    return values
