"""``FrameSynchronizer`` as a message_filters filter, for other people's nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import RLock
from typing import Any, Protocol

from rclpy.clock import Clock, ClockType

from robustseg_core.errors import ConfigError
from robustseg_core.runtime import (
    AvailabilityConfig,
    AvailabilityMonitor,
    FrameSet,
    FrameSynchronizer,
    SyncConfig,
)
from robustseg_ros.inputs.conversions import stamp_to_ns

POLL_S = 0.01  # how late the end of a wait may be noticed where nothing arrives


class Filter(Protocol):
    """What is asked of an input: any filter of message_filters has it."""

    def registerCallback(self, cb: Callable[..., None], *args: Any) -> Any:  # noqa: N802 theirs
        """Have ``cb(message, *args)`` called with every message."""
        ...


class AvailabilitySynchronizer:
    """Matches messages by their stamps, and goes on with what is left when a topic dies.

    To be used like ``message_filters.ApproximateTimeSynchronizer``, which one silent topic stops
    for good. The first living filter leads: each of its messages makes one call of the registered
    callbacks, ``callback(*messages)`` in the order of the filters, with None for a filter that is
    dead or has no message within ``slop`` of the leader's stamp. Stamps of the leader strictly
    increase until time begins again (a looped bag), which is noticed.

    Callbacks are called outside of any lock, in the thread of the message that completed the
    frame or of a timer; what one raises goes to the executor and harms no later frame.

    Args:
        fs: The filters, highest priority first: ``message_filters.Subscriber`` or any other.
        node: Its clock judges who is alive; owns the timer that ends waits.
        timeout: Seconds of silence after which a filter counts as dead.
        slop: Largest distance in seconds between the leader's stamp and another's.
        max_wait: Seconds that a message of the leader waits for the other living filters.
        recovery_messages: Consecutive timely messages that bring a dead filter back.
        allow_headerless: Stamp messages without a header by the node's clock at their arrival;
            otherwise one raises ConfigError.

    Raises:
        ConfigError: There is no filter, or a time is out of range.
    """

    def __init__(
        self,
        fs: Sequence[Filter],
        node: Any,
        *,
        timeout: float = 0.5,
        slop: float = 0.05,
        max_wait: float = 0.05,
        recovery_messages: int = 2,
        allow_headerless: bool = False,
    ) -> None:
        if not fs:
            msg = 'AvailabilitySynchronizer needs at least one filter, got none.'
            raise ConfigError(msg)
        self._node = node
        self._names = tuple(str(number) for number in range(len(fs)))
        self._allow_headerless = allow_headerless
        self._callbacks: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        # Filters may be called by the threads of a MultiThreadedExecutor.
        self._lock = RLock()
        config = AvailabilityConfig(timeout_ns=_ns(timeout), recovery_frames=recovery_messages)
        self._monitor = AvailabilityMonitor(dict.fromkeys(self._names, config), self._now_ns)
        self._synchronizer: FrameSynchronizer[Any] = FrameSynchronizer(
            SyncConfig(
                order=self._names,
                tolerance_ns=dict.fromkeys(self._names, _ns(slop)),
                max_wait_ns=_ns(max_wait),
            ),
            self._now_ns,
        )
        for name, source in zip(self._names, fs, strict=True):
            source.registerCallback(self._add, name)
        # Steady: the node's clock may stand still, and a wait must end all the same.
        self._timer = node.create_timer(
            POLL_S, self._poll, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def registerCallback(self, cb: Callable[..., None], *args: Any) -> int:  # noqa: N802 theirs
        """Have ``cb(*messages, *args)`` called with every frame; return its number."""
        self._callbacks.append((cb, args))
        return len(self._callbacks) - 1

    def alive(self) -> tuple[int, ...]:
        """Return the places of the living filters in ``fs``."""
        with self._lock:
            return tuple(int(name) for name in self._monitor.alive())

    def close(self) -> None:
        """End the timer; the filters stay their owners'."""
        self._node.destroy_timer(self._timer)

    def _add(self, message: Any, name: str) -> None:
        with self._lock:
            refusal = self._synchronizer.add(name, self._stamp_ns(message), message)
            if refusal is not None:
                self._monitor.refused(name, refusal)
            else:
                self._monitor.arrived(name)
        self._poll()

    def _stamp_ns(self, message: Any) -> int:
        stamp = getattr(getattr(message, 'header', None), 'stamp', None)
        if stamp is not None:
            return stamp_to_ns(stamp)
        if self._allow_headerless:
            return self._now_ns()
        msg = (
            f'{type(message).__name__} has no header to match by; wanted one, or '
            f'allow_headerless=True.'
        )
        raise ConfigError(msg)

    def _poll(self) -> None:
        while (frame := self._next()) is not None:
            messages = [
                frame.items[name].item if name in frame.items else None for name in self._names
            ]
            for callback, args in self._callbacks:
                callback(*messages, *args)

    def _next(self) -> FrameSet[Any] | None:
        with self._lock:
            return self._synchronizer.poll(self._monitor.alive())

    def _now_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
