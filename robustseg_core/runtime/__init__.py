"""The robot's side: who is alive, which measurements make a frame, the network at work.

Plain Python, without threads or sleep; clocks are handed in. ``engine`` and ``measure`` are not
imported here, because they need torch and judging sensors does not.
"""

from robustseg_core.runtime.availability import (
    AvailabilityConfig,
    AvailabilityMonitor,
    ModalityStatus,
    State,
)
from robustseg_core.runtime.synchronizer import (
    Drops,
    FrameSet,
    FrameSynchronizer,
    Stamped,
    SyncConfig,
)

__all__ = [
    'AvailabilityConfig',
    'AvailabilityMonitor',
    'Drops',
    'FrameSet',
    'FrameSynchronizer',
    'ModalityStatus',
    'Stamped',
    'State',
    'SyncConfig',
]
