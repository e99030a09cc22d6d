"""The network's images, each input's drawn in a thread of its own and within a time."""

from __future__ import annotations

from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from robustseg_ros.inputs.measurements import Measurement, Size
from robustseg_ros.inputs.refusals import InDoubtError, refusal
from robustseg_ros.node.side_thread import SideThread

if TYPE_CHECKING:
    from robustseg_core.runtime.engine import Engine


@dataclass(frozen=True)
class Drawn:
    """A measurement as an image.

    Attributes:
        image: (H, W, 3) at the measurement's own size, as it is shown.
        fitted: (h, w, 3) at the network's.
        took_s: For both.
        fitting: From when until when, in steady time, it was brought to the network's size.
    """

    image: NDArray[Any]
    fitted: NDArray[Any]
    took_s: float
    fitting: tuple[float, float]

    @property
    def fitting_s(self) -> float:
        """For how long it was brought to the network's size."""
        return self.fitting[1] - self.fitting[0]


@dataclass
class _Input:
    """What is known of one input; ``doubt`` is why no frame waits for it, or empty."""

    thread: SideThread[Drawn]
    doubt: str = ''


class DrawingThreads:
    """Draws the measurements of each input in a thread of its own; none holds up the others.

    An input of which one could not be drawn, or not in time, is in doubt: no frame waits for it,
    and what it sends is drawn only to see whether one is good and in time again.

    Args:
        engine: Knows what an image must be.
        most_s: A frame waits so long for a drawing.
    """

    def __init__(self, engine: Engine, most_s: float) -> None:
        self._engine = engine
        self._most_s = most_s
        self._inputs: dict[str, _Input] = {}

    def close(self) -> None:
        """End the threads; one that is stuck ends with what it is stuck in."""
        for each in self._inputs.values():
            each.thread.close()

    def begin(self, name: str, measurement: Measurement, size: Size) -> Future[Drawn]:
        """Have a measurement of ``name`` drawn for the network's ``size``."""
        return self._input(name).thread.ask(partial(self._draw, name, measurement, size))

    def wait(self, name: str, drawing: Future[Drawn], began_s: float) -> Drawn:
        """Return what was begun at ``began_s`` on the monotonic clock, once it is there.

        Raises:
            InDoubtError: It is not there in time, or was given up for a newer one.
            Exception: Whatever drawing raised.
        """
        each = self._input(name)
        left_s = began_s + self._most_s - monotonic()
        try:
            # In doubt, it is not waited for; a moment is for what costs nothing to draw.
            return drawing.result(0.0 if each.doubt else max(0.0, left_s))
        except (TimeoutError, CancelledError):
            if drawing.done() and not drawing.cancelled():  # just now
                return drawing.result()
            # Not cancelled: it shows whether the input is good again, unless a newer one does.
            each.doubt = each.doubt or self._too_slow()
            raise InDoubtError(each.doubt) from None

    def doubt(self, name: str, reason: str) -> None:
        """Look into what ``name`` sends before a frame is made with it again."""
        self._input(name).doubt = reason

    def vet(self, name: str, measurement: Measurement, size: Size) -> str:
        """Return why a measurement cannot be relied on, or an empty string.

        For any thread. One of an input in doubt is drawn on trial, for those that come after it.
        """
        each = self._inputs.get(name)
        if each is None or not each.doubt:
            return ''
        self.begin(name, measurement, size)
        return each.doubt

    def _input(self, name: str) -> _Input:
        if name not in self._inputs:
            self._inputs[name] = _Input(SideThread(f'draw-{name}'))
        return self._inputs[name]

    def _draw(self, name: str, measurement: Measurement, size: Size) -> Drawn:
        each = self._input(name)
        start_s = monotonic()
        try:
            image = measurement.network_image(size)
            drawn_s = monotonic()
            fitted = self._engine.fitted(name, image, size)
        except Exception as error:  # a boundary: of what others send, anything may come out
            each.doubt = refusal(error)
            raise
        end_s = monotonic()
        drawn = Drawn(image, fitted, end_s - start_s, (drawn_s, end_s))
        each.doubt = '' if drawn.took_s <= self._most_s else self._too_slow()
        return drawn

    def _too_slow(self) -> str:
        return (
            f'too slow: its image is not drawn within {self._most_s:g} s (drawing.max_time); '
            f'the others go on without it'
        )
