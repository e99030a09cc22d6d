"""The cells of the fault matrix: who is there, what is wrong with whom, and how it is played."""

from __future__ import annotations

from dataclasses import dataclass
import random
import time
from typing import TYPE_CHECKING, Any

from node_driver import PERIOD_S, Driver
from node_scene import MODALITIES
import numpy as np
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import PointCloud2

if TYPE_CHECKING:
    from fault_claims import Claims

SENSORS = (
    'never published',
    'dies',
    'dies and returns',
    'half rate',
    'late within tolerance',
    'late beyond tolerance',
    'out of order',
    'duplicated',
    'stamps back 10 s',
    'stamps ahead 1 h',
    'stamps to and fro',
    'another qos',
    'another size',
    'another frame_id',
    'camera info wrong',
    'all die and one returns',
)
CLOCKS = ('clock paused', 'clock at 0.2x', 'clock at 3x', 'clock stands')
# Whose messages are of no use while it lasts.
USELESS = {
    'never published',
    'dies',
    'dies and returns',
    'stamps back 10 s',
    'stamps ahead 1 h',
    'stamps to and fro',
    'all die and one returns',
}


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        letters: Of the sensors that are there.
        fault: What is wrong.
        victim: The one that has it; with 'all die and one returns' the one that returns.
    """

    letters: str
    fault: str
    victim: str

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(MODALITIES.from_letters(self.letters))

    @property
    def others(self) -> str:
        """Letters of those without the fault."""
        return MODALITIES.letters_of([name for name in self.names if name != self.victim])

    @property
    def after(self) -> str:
        """Letters of those that are there once the fault is over."""
        if self.fault == 'all die and one returns':
            return MODALITIES.letters_of([self.victim])
        return self.others if self.fault in {'never published', 'dies'} else self.letters

    @property
    def is_simulated(self) -> bool:
        return self.fault in CLOCKS

    def __str__(self) -> str:
        return f'{self.letters} x {self.fault} ({self.victim})'


def all_cells(seed: int) -> list[Cell]:
    """Return every subset with every fault; the seed says who has it."""
    rng = random.Random(seed)
    cells = []
    for names in MODALITIES.subsets():
        for fault in (*SENSORS, *CLOCKS):
            victim = rng.choice(list(names))
            if fault == 'camera info wrong':
                if 'lidar' not in names:
                    continue
                victim = 'lidar'
            cells.append(Cell(MODALITIES.letters_of(names), fault, victim))
    return cells


class Faulty:
    """Plays the sensors of a cell."""

    def __init__(self, driver: Driver, claims: Claims, cell: Cell) -> None:
        self._driver = driver
        self._claims = claims
        self._cell = cell
        self._ticks = 0

    def run(self, phase: str, length_s: float) -> None:
        """Play one phase: ``settle`` and ``after`` are without the fault."""
        if phase == 'fault' and self._cell.fault == 'another qos':
            self._restart_publisher(ReliabilityPolicy.BEST_EFFORT)
        while not self._claims.is_over(length_s):
            self._ticks += 1
            begin_s = time.monotonic()
            self._tick(phase)
            self._driver.spin(max(0.0, PERIOD_S - (time.monotonic() - begin_s)))
            self._claims.took(time.monotonic() - begin_s)

    def tidy(self) -> None:
        """Leave the driver as it was."""
        if self._cell.fault == 'another qos':
            self._restart_publisher(ReliabilityPolicy.RELIABLE)

    def _restart_publisher(self, reliability: ReliabilityPolicy) -> None:
        driver, victim = self._driver, self._cell.victim
        driver.node.destroy_publisher(driver.publishers[victim])
        qos = QoSProfile(depth=5, reliability=reliability)
        driver.publishers[victim] = driver.publisher(victim, qos)

    def _tick(self, phase: str) -> None:
        fault, driver = self._cell.fault, self._driver
        if phase == 'fault' and fault == 'clock paused':
            return
        if phase == 'fault' and fault == 'clock at 0.2x':
            # Sensors of a slow simulation: a fifth as often on the wall's clock.
            if self._ticks % 5 == 0:
                driver.tick()
                self._send_all(self._cell.names)
            return
        turns = 3 if phase == 'fault' and fault == 'clock at 3x' else 1
        for _ in range(turns):
            if phase == 'fault' and fault == 'clock stands':
                assert driver.time_ns is not None
                driver.time_ns += int(PERIOD_S * 1e9)  # stamps go on, nobody publishes it
            else:
                driver.tick()
            self._send_all(self._sending(phase))
            if phase == 'fault':
                self._send_victim()

    def _sending(self, phase: str) -> tuple[str, ...]:
        """Return who sends as usual in this tick."""
        cell = self._cell
        if phase == 'after':
            return tuple(MODALITIES.from_letters(cell.after))
        if phase == 'settle':
            if cell.fault == 'never published':
                return tuple(MODALITIES.from_letters(cell.others))
            return cell.names
        if cell.fault == 'all die and one returns':
            return ()
        is_usual = cell.fault in {'another qos', 'camera info wrong', *CLOCKS}
        return cell.names if is_usual else tuple(MODALITIES.from_letters(cell.others))

    def _send_all(self, names: tuple[str, ...]) -> None:
        stamp = self._driver.stamp()
        self._claims.sent(names, stamp)
        self._driver.publish(names, stamp)

    def _send_victim(self) -> None:
        """Send what the victim sends while its fault lasts, if that is not the usual."""
        fault, odd = self._cell.fault, self._ticks % 2
        offsets: dict[str, tuple[float, ...]] = {
            'half rate': (0.0,) if odd else (),
            'late within tolerance': (-0.02,),
            'late beyond tolerance': (-0.25,),
            'out of order': (0.0, -0.02),
            'duplicated': (0.0, 0.0),
            'stamps back 10 s': (-10.0,),
            'stamps ahead 1 h': (3600.0,),
            'stamps to and fro': (-1.5 * odd,),
            'another size': (0.0,),
            'another frame_id': (0.0,),
        }
        if fault == 'camera info wrong':
            bad = self._driver.scene.camera_info(self._driver.stamp())
            bad.k = np.zeros(9)
            self._driver.camera_info.publish(bad)
        for offset_s in offsets.get(fault, ()):
            stamp = self._driver.stamp(offset_s)
            self._claims.sent((self._cell.victim,), stamp)
            self._driver.publishers[self._cell.victim].publish(self._message(fault, stamp))

    def _message(self, fault: str, stamp: Any) -> Any:
        message = self._driver.scene.message(self._cell.victim, stamp)
        if fault == 'another frame_id':
            message.header.frame_id += '_2'
        if fault == 'another size':
            return _doubled(message)
        return message


def _doubled(message: Any) -> Any:
    """Return a picture of twice the size with the same content, or each point of a cloud twice."""
    if isinstance(message, PointCloud2):
        message.data = bytes(message.data) * 2
        message.width *= 2
        message.row_step *= 2
        return message
    height, width = message.height, message.width
    rows = np.frombuffer(message.data, np.uint8).reshape(height, width, -1)
    pixels = rows.repeat(2, axis=0).repeat(2, axis=1)
    message.height, message.width = 2 * height, 2 * width
    message.step = 2 * message.step
    message.data = pixels.tobytes()
    return message
