"""What the inputs say of themselves, in the words of /diagnostics and the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from robustseg_core.modalities import ModalitySet
from robustseg_core.sensors.input_watch import InputWatch, Noticed
from robustseg_core.sensors.range_check import worded

# What a finding is about -> the parameter that multiplies it.
_SETTINGS = {'intensity': 'intensity_scale', 'distance': 'scale', 'value': 'scale'}


class InputWatches:
    """Looks at the image of every input of every frame; lives in the worker's thread."""

    def __init__(self, modalities: ModalitySet) -> None:
        self._modalities = modalities
        self.reset()

    def reset(self) -> None:
        """Forget what was seen: time has begun again."""
        self._watches = {each.name: InputWatch(each) for each in self._modalities}
        self._last: dict[str, tuple[int, Noticed]] = {}

    def look(self, name: str, image: NDArray[Any], stamp_ns: int) -> Noticed:
        """Return what is to be said of an input whose newest image is this (H, W, 3).

        An image that is in several frames is looked at once.
        """
        last_ns, noticed = self._last.get(name, (None, Noticed()))
        if last_ns != stamp_ns:
            noticed = self._watches[name].look(image)
            self._last[name] = stamp_ns, noticed
        return noticed


def noticed_words(name: str, noticed: Noticed, *, left_out: bool) -> str:
    """Return what is wrong with a living input, or an empty string."""
    if noticed.problem:
        if not noticed.lasts and not left_out:
            return ''
        return f'degraded: {noticed.problem}' + (', left out of the fusion' if left_out else '')
    if not noticed.findings:
        return ''
    settings: Mapping[str, str] = {
        what: f'parameter {name}.{key}' for what, key in _SETTINGS.items()
    }
    return worded(noticed.findings, lambda what: settings.get(what, ''))
