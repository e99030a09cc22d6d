"""From the parameters to a network at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robustseg_core.models.embedded import checkpoint_path
from robustseg_ros.node.config import NodeConfig, check_against_checkpoint

if TYPE_CHECKING:
    from robustseg_core.runtime.engine import Engine


def load_engine(config: NodeConfig) -> tuple[Engine, str]:
    """Load and warm up the model; return it, and why other backends were passed over.

    Raises:
        RobustSegError: The model cannot be had, or is not for these inputs.
    """
    # Torch is loaded here, in the thread that will use it, and not with this file.
    from robustseg_core.runtime.engine import Engine
    from robustseg_core.runtime.opening import open_backend

    passed_over: list[str] = []
    engine = Engine(
        open_backend(
            checkpoint_path(config.checkpoint),
            config.device,
            config.backend,
            config.precision,
            tell_passed_over=passed_over.append,
        )
    )
    check_against_checkpoint(config, engine.modalities)
    engine.warm_up(*(config.expected_size or engine.resolution))
    return engine, ' '.join(passed_over)
