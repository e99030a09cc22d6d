"""/diagnostics: one status per input and one for the whole."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
import numpy as np

from robustseg_core.runtime import State
from robustseg_core.runtime.trust import Trust
from robustseg_ros.inputs.frames import FrameReport
from robustseg_ros.inputs.streams import InputStatus
from robustseg_ros.node.optional import Missing

OK, WARN = DiagnosticStatus.OK, DiagnosticStatus.WARN
ERROR, STALE = DiagnosticStatus.ERROR, DiagnosticStatus.STALE
WHOLE = 'segmentation'
# Frames over which latencies are judged.
WINDOW = 100
# Of a FrameReport.
TIMES = ('latency_ms', 'response_ms', 'rest_ms', 'model_ms', 'around_ms', 'overhead_ms')
_LEVELS = {
    State.ALIVE: OK,
    State.NEVER_SEEN: WARN,
    State.STALE: STALE,
    State.REFUSED: ERROR,
}


class Health:
    """Counts what becomes of frames, and puts everything known into statuses.

    Args:
        node_name: Put before the name of each status.
        missing: Optional packages that are not installed, or do not load.
    """

    def __init__(self, node_name: str, missing: Iterable[Missing]) -> None:
        self._node_name = node_name
        self._missing = dict(_told(missing))
        self.hardware_id = ''
        self.published = 0
        self.dropped: Counter[str] = Counter()
        self._present: tuple[str, ...] = ()
        self._error = ''
        self._trust: Trust | None = None
        self._times: dict[str, deque[float]] = {key: deque(maxlen=WINDOW) for key in TIMES}
        self._ahead = {'ahead_used': 0, 'ahead_wasted': 0}

    def record(self, report: FrameReport) -> None:
        """Count a frame that the worker has done with."""
        self._error = report.error
        self._ahead['ahead_used'] += report.ahead_used
        self._ahead['ahead_wasted'] += report.ahead_wasted
        if report.error:
            self.dropped['failed'] += 1
            return
        self.published += 1
        self._present = report.present
        self._trust = report.trust
        for key, times in self._times.items():
            times.append(getattr(report, key))

    def begin_times(self) -> None:
        """Judge the times by the frames from now on."""
        for times in self._times.values():
            times.clear()

    def modality(self, name: str, status: InputStatus) -> DiagnosticStatus:
        """Return the status of one input."""
        known = status.availability
        level, message = _LEVELS[known.state], known.state.name.lower().replace('_', ' ')
        if known.reason:
            message += f': {known.reason}'
        if not status.config.enabled:
            level, message = OK, 'disabled by parameter'
        elif level != OK and status.problem:
            level = ERROR
        elif level == OK and status.complaint:
            level, message = WARN, f'{message}: {status.complaint}'
        values = {
            'state': known.state.name.lower() if status.config.enabled else 'disabled',
            'topic': status.topic,
            'type': status.config.type,
            'rate_hz': f'{known.rate_hz:.1f}',
            'age_s': '' if known.age_ns is None else f'{known.age_ns / 1e9:.3f}',
            'received': known.received,
            'refused': known.refused,
            'arriving': '' if status.share is None else f'{status.share:.2f}',
            'fused': status.fused,
            'unmatched': status.unmatched,
        }
        return self._status(name, level, message, values)

    def whole(
        self,
        *,
        lifecycle: str,
        failure: str,
        alive: Sequence[str],
        enabled: Sequence[str],
        letters: Mapping[str, str],
        notes: Iterable[str],
        is_error: bool,
        values: Mapping[str, Any],
    ) -> DiagnosticStatus:
        """Return the status of the whole.

        Args:
            lifecycle: State of the node's life.
            failure: Why the last transition failed, or empty.
            alive: The living inputs.
            enabled: The inputs listened to.
            letters: Name -> letter in the names of subsets.
            notes: What else is worth a warning.
            is_error: One of them is worse than that.
            values: More values.
        """
        # What the last mask rests on; one that is long past is in nobody's use.
        subset = ''.join(letters[name] for name in self._present) if alive else ''
        problems = list(notes)
        if lifecycle != 'active':
            level, message = (ERROR, failure) if failure else (WARN, f'{lifecycle}: no masks')
        elif not alive:
            level, message = ERROR, '; '.join(['no living input: no masks', *problems])
        else:
            dead = [name for name in enabled if name not in alive]
            if dead:
                problems.append(f'without {", ".join(dead)}')
            if self._error:
                problems.append(f'last frame failed: {self._error}')
            level = ERROR if is_error else WARN if problems else OK
            # Not what has died since the last mask: the next one is without it.
            used = ''.join(letters[name] for name in self._present if name in alive)
            message = '; '.join([f'segmenting with {used or "nothing yet"}', *problems])
        times = {
            f'{key}{suffix}': f'{number:.2f}'
            for key, recent in self._times.items()
            if recent
            for suffix, number in (
                ('', recent[-1]),
                ('_p50', median(recent)),
                ('_p99', float(np.percentile(recent, 99))),
            )
        }
        everything = {
            'state': lifecycle,
            'subset': subset,
            'alive': ''.join(letters[name] for name in alive),
            'masks_published': self.published,
            **(self._trust.values() if self._trust is not None and alive else {}),
            **times,
            **self._ahead,
            **{f'dropped_{cause}': count for cause, count in sorted(self.dropped.items())},
            **values,
            **self._missing,
        }
        return self._status(WHOLE, level, message, everything)

    def _status(
        self, name: str, level: Any, message: str, values: Mapping[str, Any]
    ) -> DiagnosticStatus:
        return DiagnosticStatus(
            level=level,
            name=f'{self._node_name}: {name}',
            message=message,
            hardware_id=self.hardware_id,
            values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
        )


def _told(missing: Iterable[Missing]) -> Iterator[tuple[str, str]]:
    for package in missing:
        if package.broken:
            yield f'does not load: {package.name}', f'{package.loss}; it {package.why}'
        else:
            yield f'not installed: {package.name}', package.loss


def diagnostics(stamp: Any, statuses: list[DiagnosticStatus]) -> DiagnosticArray:
    """Return the message that carries ``statuses``."""
    message = DiagnosticArray(status=statuses)
    message.header.stamp = stamp
    return message
