"""At which size the network sees a frame, while it is made ready for others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
import math
from time import monotonic
from typing import TYPE_CHECKING

from robustseg_core.quoting import quoted
from robustseg_core.runtime.preparation import SIZES_KEPT, Preparation
from robustseg_ros.inputs.measurements import Size, size_text
from robustseg_ros.node.side_thread import SideThread

if TYPE_CHECKING:
    from robustseg_core.runtime.engine import Engine

# A size is worth preparing for if so many of the last frames wanted it.
WANTED, OF_FRAMES = 3, 10
# One is always being prepared, and takes the place of none that is in use.
KEPT = SIZES_KEPT - 1
# Once as many are ready as are kept, the next one waits so long: somebody may send ever new ones.
PAUSE_S = 60.0


class NetworkSizes:
    """Chooses a size that the network is ready for, and has it made ready for those that last.

    Masks never wait for a new size: until the network is ready for it, frames are seen at the one
    of most similar shape that is ready. Lives in the worker's thread; the preparing has its own.

    Args:
        engine: The network.
        tell: Is told that, and then how long, the network prepares for another size.
        ready: The network's (height, width) at which it has been warmed up; None = it was not.
        timer: A steady time in seconds.

    Attributes:
        preparing: (height, width) of the masks for which the network is being made ready, if any.
    """

    def __init__(
        self,
        engine: Engine,
        tell: Callable[[str], None],
        ready: Size | None = None,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        self.preparing: Size | None = None
        self._engine = engine
        self._tell = tell
        self._timer = timer
        self._ready = [] if ready is None else [ready]  # the last was used last
        self._wanted: deque[Size] = deque(maxlen=OF_FRAMES)
        # That it cannot be, or need not be, made ready for these was told.
        self._told: deque[Size] = deque(maxlen=OF_FRAMES)
        self._thread: SideThread[None] | None = None
        self._job: tuple[Size, Size, float, Future[None]] | None = None
        self._ended_s = -math.inf

    def close(self) -> None:
        """Prepare no more; what is being prepared is not waited for."""
        if self._thread is not None:
            self._thread.close()

    def now(self, mask_size: Size) -> Size:
        """Return the network's size for masks of ``mask_size``, as things stand.

        Raises:
            SensorError: No sensor has such a size.
        """
        natural = self._engine.network_size(*mask_size)
        if self._engine.backend.preparation is Preparation.NEVER or not self._ready:
            return natural
        return natural if natural in self._ready else min(self._ready, key=_unlike(natural))

    def choose(self, mask_size: Size) -> Size:
        """Return the network's size for the frame at hand, and see to it that it will be the best.

        Args:
            mask_size: (height, width) of the frame's mask.

        Raises:
            SensorError: No sensor has such a size.
        """
        natural = self._engine.network_size(*mask_size)
        if self._engine.backend.preparation is Preparation.NEVER:
            return natural
        self._take_over()
        self._wanted.append(natural)
        chosen = self.now(mask_size)
        if chosen != natural:
            self._see_to(natural, mask_size, chosen)
        self._use(chosen)
        return chosen

    def _use(self, size: Size) -> None:
        """Note that ``size`` is used; what was used longest ago is let go."""
        if size in self._ready:
            self._ready.remove(size)
        self._ready.append(size)
        del self._ready[:-KEPT]

    def _see_to(self, size: Size, mask_size: Size, meanwhile: Size) -> None:
        """Have the network made ready for ``size`` if it is there to stay."""
        if self._job is not None or size in self._told or self._wanted.count(size) < WANTED:
            return
        words = f'masks of {size_text(mask_size)}, which it is to see at {size_text(size)}'
        seen = f'it sees them at {size_text(meanwhile)}'
        if self._engine.backend.preparation is Preparation.BEFORE:
            self._told.append(size)
            height, width = mask_size
            self._tell(
                f'The network is not ready for {words}, and {self._engine.backend.name!r} cannot '
                f'be made ready for them at work: {seen}. Set expected_size to '
                f'[{height}, {width}] and configure again.'
            )
            return
        if len(self._ready) >= KEPT and self._timer() - self._ended_s < PAUSE_S:
            return
        self._tell(f'The network prepares for {words}; until then {seen}.')
        if self._thread is None:
            self._thread = SideThread('prepare')
        self.preparing = mask_size
        future = self._thread.ask(lambda: self._engine.prepare(size))
        self._job = size, mask_size, self._timer(), future

    def _take_over(self) -> None:
        """Take over what has been prepared since this was last called."""
        if self._job is None or not self._job[3].done():
            return
        (size, mask_size, began_s, future), self._job = self._job, None
        self.preparing = None
        self._ended_s = self._timer()
        words = f'masks of {size_text(mask_size)}, which it sees at {size_text(size)}'
        if (error := future.exception()) is not None:
            self._told.append(size)
            self._tell(
                f'The network cannot be made ready for {words}: {type(error).__name__}: '
                f'{quoted(error)}; it goes on with another size.'
            )
            return
        self._use(size)
        self._tell(f'The network is ready for {words}, after {self._ended_s - began_s:.1f} s.')


def _unlike(wanted: Size) -> Callable[[Size], float]:
    """Return how unlike in shape another size is."""
    return lambda size: abs(math.log(size[0] * wanted[1] / (size[1] * wanted[0])))
