"""The decoder process: decodes what it is told to, one picture after another.

Small and quick to start: numpy and OpenCV, neither ROS nor torch. What it is asked and answers
goes as JSON through one socket; pictures lie in memory that both share. It ends with the other
end of the socket, whatever it is doing then.
"""

from __future__ import annotations

from collections.abc import Callable
import json
import mmap
from multiprocessing.connection import Connection
import os
from pathlib import Path
import resource
import select
import signal
from threading import Thread
from typing import Any

import cv2
import numpy as np

from robustseg_core.errors import SensorError
from robustseg_ros.decoding.pixels import decoded

# Besides a picture and what it needs: what the libraries keep for themselves.
_SPARE_BYTES = 64 << 20


def serve(socket: int, memory: int) -> None:
    """Answer until the other end of ``socket`` is closed.

    Args:
        socket: File descriptor of a connected socket.
        memory: File descriptor of the shared memory.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the node
    Thread(target=_end_with, args=(socket,), daemon=True).start()
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)  # libpng and libjpeg complain there, at every damaged picture
    cv2.setNumThreads(1)
    pictures = _Pictures(memory)
    with Connection(socket) as connection:
        connection.send_bytes(b'{}')  # ready
        while True:
            try:
                request = json.loads(connection.recv_bytes())
            except EOFError:
                return
            connection.send_bytes(json.dumps(pictures.answer(request)).encode())


class _Pictures:
    """Decodes what lies in the shared memory.

    Args:
        memory: Its file descriptor.
    """

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._own_bytes = _address_space()
        self._shared: mmap.mmap | None = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Put the picture asked for into the shared memory and return its type and shape."""
        try:
            _limit(self._own_bytes + request['size'] + request['work'] + _SPARE_BYTES)
            shared = self._mapped(request['size'])
            pixels = decoded(
                np.frombuffer(shared.read(request['length']), np.uint8),
                request['codec'],
                request['width'],
                request['height'],
                request['quantised'],
            )
            shared.seek(request['start'])
            shared.write(np.ascontiguousarray(pixels).data)
        except SensorError as error:
            return {'error': str(error)}
        except Exception as error:  # the boundary of this process: whatever it is, it is told
            return {'error': f'{type(error).__name__}: {error}'}
        return {'dtype': pixels.dtype.name, 'shape': pixels.shape}

    def _mapped(self, size: int) -> mmap.mmap:
        """Return the memory, ``size`` bytes of it, at its beginning."""
        if self._shared is None or len(self._shared) != size:
            if self._shared is not None:
                self._shared.close()
                self._shared = None
            self._shared = mmap.mmap(self._memory, size)
        self._shared.seek(0)
        return self._shared


def _limit(most_bytes: int) -> None:
    """Let no allocation go beyond ``most_bytes`` of address space."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = most_bytes if hard == resource.RLIM_INFINITY else min(most_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _address_space() -> int:
    pages = Path('/proc/self/statm').read_text(encoding='ascii').split()[0]
    return int(pages) * mmap.PAGESIZE


def _end_with(socket: int, end: Callable[[int], Any] = os._exit) -> None:
    """End this process with the other end of ``socket``, in mid-picture too."""
    hung_up = select.poll()
    hung_up.register(socket, 0)  # a hang-up is told without being asked for
    hung_up.poll()
    end(0)
