"""What of a bag is replayed, and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from robustseg_core.errors import ConfigError, DataError
from robustseg_core.quoting import cut, shown
from robustseg_ros.bags.reading import BagInfo
from robustseg_ros.bags.recorded import RecordedTopic, check_topic

CLOCK_TOPIC = '/clock'
MOST_SHOWN = 1000  # characters of a list of topics

# (topic, nanoseconds since the bag's first message) -> whether the message is published.
Gate = Callable[[str, int], bool]


@dataclass(frozen=True, kw_only=True)
class PlayOptions:
    """How a bag is replayed.

    Attributes:
        rate: Seconds of the bag per second, > 0.
        loop: Start over at the end; the clock then jumps back.
        topics: Only these; None for all.
        exclude: Not these.
        clock_hz: Rate of /clock, > 0; None for none.
        start_offset_s: Where to begin, in seconds of the bag; latched messages recorded before are
            published all the same.
        delay_s: Pause between the creation of the publishers and the first message.
        wait_for_subscribers_s: Wait for the first subscribers to come, but no longer than this.
        gate: Asked for every message; None to publish all.
    """

    rate: float = 1.0
    loop: bool = False
    topics: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    clock_hz: float | None = None
    start_offset_s: float = 0.0
    delay_s: float = 0.0
    wait_for_subscribers_s: float = 0.0
    gate: Gate | None = None

    def __post_init__(self) -> None:
        for name in ('rate', 'clock_hz'):
            if (value := getattr(self, name)) is not None and not value > 0:
                msg = f'{name} is {value!r}; wanted > 0.'
                raise ConfigError(msg)
        for name in ('start_offset_s', 'delay_s', 'wait_for_subscribers_s'):
            if not (value := getattr(self, name)) >= 0:
                msg = f'{name} is {value!r}; wanted >= 0.'
                raise ConfigError(msg)


def choose_topics(info: BagInfo, options: PlayOptions) -> list[RecordedTopic]:
    """Return the topics of a bag that ``options`` asks for.

    Raises:
        DataError: The bag has no topic of a name given, none is left, or one that is left cannot
            have been recorded by ROS.
    """
    recorded = [topic.name for topic in info.topics]
    if unknown := sorted({*(options.topics or ()), *options.exclude} - set(recorded)):
        msg = f'Bag {str(info.path)!r} has no topic {unknown}; it has {_shown(recorded)}.'
        raise DataError(msg)
    chosen = [
        topic
        for topic in info.topics
        if topic.name not in options.exclude
        and (options.topics is None or topic.name in options.topics)
        and not (topic.name == CLOCK_TOPIC and options.clock_hz is not None)
    ]
    if not chosen:
        msg = f'No topic of bag {str(info.path)!r} is left to play; it has {_shown(recorded)}.'
        raise DataError(msg)
    for topic in chosen:
        check_topic(info.path, topic)
    if twice := [name for name, count in Counter(t.name for t in chosen).items() if count > 1]:
        msg = f'Bag {str(info.path)!r} has topic {twice[0]!r} twice; wanted one type for each.'
        raise DataError(msg)
    return chosen


def not_installed_line(topics: Sequence[RecordedTopic]) -> str:
    """Say which topics are skipped for want of their message packages."""
    names = cut(', '.join(f'{topic.name} ({topic.msgtype})' for topic in topics), MOST_SHOWN)
    return f'Skipped, because their message types are not installed: {names}.'


def _shown(names: Sequence[str]) -> str:
    return shown(sorted(names), MOST_SHOWN)
