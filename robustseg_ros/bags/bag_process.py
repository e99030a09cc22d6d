"""Reads one bag, in a process of its own that may use so much memory and time and no more.

Bags come from strangers. A few bytes of one can ask for any amount of either, and the libraries
that read them promise nothing. Started by ``robustseg_ros.bags.reading``, which says what to read
as JSON on stdin and gets frames on stdout: a header, then as many bytes as it says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
import json
import os
from pathlib import Path
import resource
import struct
import sys
from typing import Any, BinaryIO

HEADER = struct.Struct('<BIqQ')  # kind, index of the topic, time (ns), bytes that follow
MESSAGE, INFO, ERROR, END = range(4)

MOST_MEMORY = 2 << 30  # bytes, beyond what the libraries take
# To see what is in a bag: where it has no index, all of it is read.
INFO_S = 20
INFO_BYTES_PER_S = 10 << 20
# Of a bag that was compressed as a whole, what it may become.
MOST_UNPACKED = 1 << 30
MOST_GROWTH = 100
MOST_METADATA = 4 << 20


def main() -> int:
    """Answer the request on stdin; return the exit status."""
    with os.fdopen(os.dup(1), 'wb') as out:
        os.dup2(2, 1)  # what libraries print is none of ours
        try:
            for header, data in _answers(json.load(sys.stdin)):
                out.write(HEADER.pack(*header, len(data)))
                out.write(data)
        except BrokenPipeError:
            return 0  # nobody wants more
        # The boundary: whatever a bag makes a library raise, MemoryError and RecursionError too.
        except Exception as error:
            _report(out, error)
        with suppress(BrokenPipeError):
            out.flush()
    return 0


def _answers(request: dict[str, Any]) -> Iterator[tuple[tuple[int, int, int], bytes]]:
    path = Path(request['path'])
    _check(path)
    from rosbags.rosbag2 import Reader

    topics = request['topics']
    _limit(path, is_timed=topics is None)
    with Reader(path) as reader:
        if topics is None:
            yield (INFO, 0, 0), json.dumps(_info(reader)).encode()
        else:
            index = {name: place for place, name in enumerate(topics)}
            wanted = [each for each in reader.connections if each.topic in index]
            # To rosbags an empty list means all.
            found = reader.messages(wanted, request['start'], request['stop']) if wanted else ()
            for connection, time_ns, data in found:
                yield (MESSAGE, index[connection.topic], time_ns), bytes(data)
    yield (END, 0, 0), b''


def _check(path: Path) -> None:
    """Refuse files that would be waited for, and YAML that would be worked on for ever."""
    from robustseg_core.documents import check_yaml, read_text
    from robustseg_core.files import open_regular

    if path.is_dir():
        metadata = path / 'metadata.yaml'
        check_yaml(read_text(metadata, MOST_METADATA), str(metadata))
    for file in path.iterdir() if path.is_dir() else [path]:
        if not file.is_dir():
            open_regular(file).close()


def _limit(path: Path, *, is_timed: bool) -> None:
    files = [file for file in path.iterdir() if file.is_file()] if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in files)
    pages = int(Path('/proc/self/statm').read_text(encoding='ascii').split()[0])
    _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + MOST_MEMORY)
    _lower(resource.RLIMIT_FSIZE, MOST_UNPACKED + MOST_GROWTH * size)
    _lower(resource.RLIMIT_CORE, 0)
    if is_timed:
        _lower(resource.RLIMIT_CPU, INFO_S + size // INFO_BYTES_PER_S)


def _lower(limit: int, value: int) -> None:
    _, hard = resource.getrlimit(limit)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(limit, (value, hard))


def _info(reader: Any) -> dict[str, Any]:
    return {
        'messages': reader.message_count,
        'start': reader.start_time,
        'end': reader.end_time - 1,  # rosbags counts the end as the first moment after
        'topics': [
            [each.topic, each.msgtype, each.msgcount, [_qos(q) for q in _offered(each)]]
            for each in reader.connections
        ],
    }


def _offered(connection: Any) -> list[Any]:
    return list(getattr(connection.ext, 'offered_qos_profiles', ()))


def _qos(qos: Any) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else getattr(value, 'value', value)
        for name, value in qos._asdict().items()
    }


def _report(out: BinaryIO, error: Exception) -> None:
    words = ' '.join(f'{type(error).__name__}: {error}'.split())
    text = words[:500].encode(errors='replace')
    with suppress(BrokenPipeError):
        out.write(HEADER.pack(ERROR, 0, 0, len(text)) + text)


if __name__ == '__main__':
    sys.exit(main())
