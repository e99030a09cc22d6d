"""The handle of one decoder process: started, asked, and given up when it takes too long."""

from __future__ import annotations

import json
import mmap
from multiprocessing import Pipe
import os
import signal
import subprocess
import sys
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import SensorError
from robustseg_core.quoting import quoted
from robustseg_ros.decoding.job import Job

START_LIMIT_S = 30.0  # on a robot whose cores are busy with loading the network
# Isolated: what lies in the folder where the node was started must not be imported there.
_COMMAND = (
    'import json, sys; sys.path[:] = json.loads(sys.argv[1]); '
    'from robustseg_ros.decoding.serving import serve; '
    'serve(int(sys.argv[2]), int(sys.argv[3]))'
)
_THREADS = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')
_ALIGNMENT = 64
_GRAIN = 1 << 20  # the shared memory grows and shrinks by so many bytes


class DecoderProcess:
    """One process and the memory shared with it; used by one thread, except ``kill``."""

    def __init__(self) -> None:
        self._memory = os.memfd_create('pictures')
        self._shared: mmap.mmap | None = None
        self._lock = Lock()
        self._killed = False
        self._connection, theirs = Pipe()
        with theirs:
            handles = (theirs.fileno(), self._memory)
            self._process = subprocess.Popen(
                [sys.executable, '-I', '-c', _COMMAND, json.dumps(sys.path), *map(str, handles)],
                pass_fds=handles,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **dict.fromkeys(_THREADS, '1')},
                start_new_session=True,  # a terminal's signals are for the node
            )

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Wait until pictures can be decoded.

        Raises:
            SensorError: The process ended, or is not there in time.
        """
        self._receive(START_LIMIT_S, f'was not there within {START_LIMIT_S:g} s')

    def decode(self, job: Job, limit_s: float) -> NDArray[Any]:
        """Return the picture of ``job``; after an error of ``is_over`` ask no more.

        Raises:
            SensorError: It cannot be decoded, or not within ``limit_s`` or the memory it may take.
        """
        length = len(job.data)
        start = -(-length // _ALIGNMENT) * _ALIGNMENT
        shared = self._with_room(start + job.result_bytes)
        request = {
            'codec': job.codec,
            'length': length,
            'start': start,
            'size': len(shared),
            'work': job.work_bytes + length,
            'width': job.width,
            'height': job.height,
            'quantised': job.quantised,
        }
        shared[:length] = job.data
        try:
            self._connection.send_bytes(json.dumps(request).encode())
        except OSError as error:
            raise self._ended() from error
        answer = self._receive(limit_s, f'took longer than {limit_s:g} s (input.decode_time)')
        if 'error' in answer:
            raise SensorError(quoted(answer['error'])[1:-1])
        return _copied(shared, start, np.dtype(answer['dtype']), tuple(answer['shape']))

    @property
    def is_over(self) -> bool:
        """Whether the process was given up, or ended by itself."""
        return self._killed or self._process.poll() is not None

    def kill(self) -> None:
        """End the process at once, whatever it is doing; from any thread."""
        with self._lock:
            self._killed = True
            self._process.kill()

    def close(self) -> None:
        """End the process and let go of the memory."""
        self.kill()
        self._process.wait()
        self._connection.close()
        if self._shared is not None:
            self._shared.close()
        os.close(self._memory)

    def _receive(self, limit_s: float, complaint: str) -> dict[str, Any]:
        try:
            if self._connection.poll(limit_s):
                answer: dict[str, Any] = json.loads(self._connection.recv_bytes())
                return answer
        except (EOFError, OSError) as error:
            raise self._ended() from error
        self.kill()
        raise SensorError(complaint)

    def _ended(self) -> SensorError:
        """Return the error of a process that is no more."""
        code = self._process.wait()
        how = signal.Signals(-code).name if code < 0 else f'exit status {code}'
        return SensorError(f'ended its decoder ({how})')

    def _with_room(self, size: int) -> mmap.mmap:
        """Return the shared memory with at least ``size`` bytes.

        It stays as it is from picture to picture, since every new mapping costs its page faults;
        what a huge picture took is given back.
        """
        held = 0 if self._shared is None else len(self._shared)
        if self._shared is None or size > held or held > 4 * size + _GRAIN:
            if self._shared is not None:
                self._shared.close()
            held = -(-size // _GRAIN) * _GRAIN
            os.ftruncate(self._memory, held)
            self._shared = mmap.mmap(self._memory, held)
        return self._shared


def _copied(
    shared: mmap.mmap, start: int, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> NDArray[Any]:
    pixels = np.frombuffer(shared, dtype, int(np.prod(shape)), start)
    try:
        return pixels.reshape(shape).copy()
    finally:
        del pixels  # the memory cannot be let go of while it looks into it
