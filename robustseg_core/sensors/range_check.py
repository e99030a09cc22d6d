"""What an image holds, compared with what training saw: findings with a cause and a remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
import math

from robustseg_core.modalities import Modality, ModalitySet
from robustseg_core.ranges import Seen
from robustseg_core.sensors.encodings import Measurement, encoding_of
from robustseg_core.sensors.range_causes import CHANNELS, COLOURS, Cause, causes_of
from robustseg_core.sensors.values import ValueStatistics

FAR = 4.0  # times beyond the largest magnitude of a frame of training, or below the smallest
FITS = 2.0  # a cause fits if without it the magnitude is at most so many times beyond
TINT_MARGIN = 0.1  # of the range of tints seen


@dataclass(frozen=True)
class Finding:
    """One thing in which an input is far from what training saw.

    Attributes:
        what: Which numbers: ``intensity``, ``distance``, ``value``, ``colours``, ...
        words: What was found beside what training saw.
        cause: The likely cause, or empty.
        factor: The numbers times this would fit, or None.
    """

    what: str
    words: str
    cause: str = ''
    factor: float | None = None

    def text(self, setting: str = '') -> str:
        """Return it in words, with the remedy.

        Args:
            setting: What the user sets to multiply the numbers, or empty if there is nothing.
        """
        if self.what == 'colours' and self.factor is None:
            return f'{self.words}: likely {self.cause}'
        if not self.cause:
            return f'{self.words}: check its unit and its scale'
        by = '' if self.factor is None else f'; multiply by {_factor_words(self.factor)}'
        where = f' ({setting})' if by and setting else ''
        return f'{self.words}: likely {self.cause}{by}{where}'


def findings(found: ValueStatistics, modality: Modality) -> tuple[Finding, ...]:
    """Compare the statistics of an image, or of several, with what training saw of a modality.

    Returns:
        What is far outside; nothing where all is well, or where ``modality.seen`` is None.
    """
    if modality.seen is None:
        return ()
    kind = encoding_of(modality.encoding).measurement
    if modality.encoding == 'rgb':
        return _colour_findings(found, modality.seen)
    checks = (
        _magnitude_finding(found, modality, channel, index)
        for index, channel in enumerate(CHANNELS[kind])
    )
    return tuple(finding for finding in checks if finding is not None)


def worded(found: Sequence[Finding], setting: Callable[[str], str]) -> str:
    """Return findings in one line.

    Args:
        found: At least one.
        setting: From ``Finding.what`` to what the user sets, or an empty string.
    """
    texts = [each.text(setting(each.what)) for each in found]
    return f'not as in training: {"; ".join(texts)}'


def without_ranges(modalities: ModalitySet, names: Iterable[str]) -> str:
    """Return the sentence on inputs with which nothing can be compared, or an empty string."""
    unknown = [name for name in names if modalities[name].seen is None]
    if not unknown:
        return ''
    return (
        f'The checkpoint does not say which values training saw of {", ".join(unknown)}: they are '
        f'not compared (python -m robustseg_core.calibrate --values-only adds what it lacks).'
    )


def _magnitude_finding(
    found: ValueStatistics, modality: Modality, channel: str, index: int
) -> Finding | None:
    assert modality.seen is not None
    least = modality.seen.smallest_magnitude[index]
    most = modality.seen.largest_magnitude[index]
    value = float(found.magnitude[index])
    kind = encoding_of(modality.encoding).measurement
    if kind is Measurement.DEPTH and found.maximum[index] <= 1 and least > 1:
        # The encoding ends at a metre, so that no factor can be read from it.
        words = f'no distance above 1 m, where each frame of training had some of {least:.3g} m'
        return Finding(channel, words, 'metres for millimetres', 1000.0)
    # A scene at rest has few events or none.
    at_least = 0.0 if kind is Measurement.EVENTS else least / FAR
    if at_least <= value <= most * FAR:
        return None
    unit = _unit(modality, channel)
    words = f'{channel} reaches {value:.4g}{unit}, in training {least:.4g} to {most:.4g}{unit}'
    if value == 0:
        return Finding(channel, words, f'no {channel} in what is sent')
    cause = _fitting(causes_of(kind, channel), value, float(found.maximum[index]), least, most)
    if cause is None:
        return Finding(channel, words)
    return Finding(channel, words, cause.words, 1 / cause.factor)


def _fitting(
    causes: tuple[Cause, ...], value: float, maximum: float, least: float, most: float
) -> Cause | None:
    """Return the cause without which the value would be nearest to the middle of training."""
    if least <= 0:
        return None
    middle = math.sqrt(least * most)

    def distance(cause: Cause) -> float:
        return abs(math.log(value / cause.factor / middle))

    fitting = [
        cause
        for cause in causes
        if maximum <= cause.most and least / FITS <= value / cause.factor <= most * FITS
    ]
    return min(fitting, key=distance, default=None)


def _colour_findings(found: ValueStatistics, seen: Seen) -> tuple[Finding, ...]:
    maximum, least = float(found.maximum.max()), max(seen.smallest_magnitude)
    for cause in COLOURS:
        # Every frame of training was brighter than that by far.
        if maximum <= cause.most and least > 2 * cause.most:
            words = f'nothing is brighter than {maximum:.4g}, in training {least:.4g} at least'
            return (Finding('colours', words, cause.words, 1 / cause.factor),)
    low, high = seen.tint
    margin = TINT_MARGIN * (high - low)
    outside = not low - margin <= found.tint <= high + margin
    if outside and low <= -found.tint <= high:
        words = (
            f'red minus blue is {found.tint:.0f} on average, in training {low:.0f} to {high:.0f}'
        )
        return (Finding('colours', words, 'BGR for RGB: name the order that is sent'),)
    return ()


def _unit(modality: Modality, channel: str) -> str:
    if channel in {'distance', 'range', 'height'}:
        return ' m'
    return f' {modality.unit}' if modality.unit else ''


def _factor_words(factor: float) -> str:
    thousandths = round(factor * 1000)
    exact = math.isclose(factor * 1000, thousandths) if thousandths else False
    return f'{factor:g}' if exact else f'1/{1 / factor:g}'
