"""Files that are the old one whole or the new one whole, at any moment and after a crash."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import os
from pathlib import Path
import re
import stat
from typing import BinaryIO

from robustseg_core.errors import DataError, WriteError
from robustseg_core.quoting import quoted


def replace_file(path: Path, content: bytes | str, *, settled: bool = False) -> None:
    """Write ``content``; whoever opens ``path`` meets the old file or the new one, never a part.

    Args:
        path: A regular file, or where none is yet, in an existing folder; a link is followed.
        content: Texts are written as UTF-8; names of files in them may be any bytes.
        settled: Whether to wait until it is on the disk: what must outlive a loss of power.

    Raises:
        WriteError: It cannot be written, or what is there is no regular file; what was there
            stays as it was.
    """
    data = content.encode(errors='surrogateescape') if isinstance(content, str) else content
    with replacing(path, settled=settled) as partial:
        partial.write_bytes(data)


@contextmanager
def replacing(path: Path, *, settled: bool = False) -> Iterator[Path]:
    """Give the file to write, which takes the place of ``path`` where the block ends well.

    It lies beside ``path`` as ``.NAME.PID`` and goes where the block raises. Those that processes
    left behind which were killed go too.

    Args:
        path: See ``replace_file``.
        settled: See ``replace_file``.

    Raises:
        WriteError: See ``replace_file``; also for any OSError that the block raises.
    """
    check_writable(path)
    target = Path(os.path.realpath(path))
    partial = target.with_name(f'.{target.name}.{os.getpid()}')
    try:
        remove_left_behind(target)
        try:
            yield partial
            if settled:
                _settle(partial)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        msg = f'{quoted(path)} cannot be written: {error.strerror or error}.'
        raise WriteError(msg) from error


def check_writable(path: Path) -> None:
    """Refuse now what ``replace_file`` would refuse later.

    Raises:
        WriteError: What is there is no regular file but a device, a pipe or a folder, or its
            folder is not there or may not be written to.
    """
    target = Path(os.path.realpath(path))
    try:
        folder, mode = target.parent.stat().st_mode, stat.S_IFREG
        with suppress(FileNotFoundError):
            mode = target.stat().st_mode
    except OSError as error:
        msg = f'{quoted(path)} cannot be written: {error.strerror}.'
        raise WriteError(msg) from error
    if not stat.S_ISREG(mode):
        found = kind_of(mode)
        msg = f'{quoted(path)} cannot be written: it is {found}; wanted a regular file, or none.'
        raise WriteError(msg)
    if not stat.S_ISDIR(folder) or not os.access(target.parent, os.W_OK | os.X_OK):
        msg = f'{quoted(path)} cannot be written: no right to write into its folder.'
        raise WriteError(msg)


def make_folder(path: Path) -> None:
    """Make the folder ``path`` and those above it, where they are not there yet.

    Raises:
        WriteError: It cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f'Folder {quoted(path)} cannot be made: {error.strerror}.'
        raise WriteError(msg) from error


def open_regular(path: Path) -> BinaryIO:
    """Open ``path`` for reading, if it is a regular file; a pipe is refused, not waited for.

    Raises:
        DataError: It is missing, may not be read, or is no regular file.
    """
    try:
        # Without it a pipe that nobody writes to would be waited for for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        msg = f'{quoted(path)} cannot be read: {reason}.'
        raise DataError(msg) from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        msg = f'{quoted(path)} is {kind_of(mode)}; wanted a regular file.'
        raise DataError(msg)
    return os.fdopen(descriptor, 'rb')


def read_regular(path: Path, most_bytes: int) -> bytes:
    """Return the content of the regular file ``path``, of which there may be ``most_bytes``.

    Raises:
        DataError: See ``open_regular``; or it is larger.
    """
    with open_regular(path) as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        msg = f'{quoted(path)} has more than {most_bytes} bytes, which are the most wanted.'
        raise DataError(msg)
    return content


def kind_of(mode: int) -> str:
    """Return in words what a file of such a mode is."""
    kinds = {
        stat.S_IFREG: 'a regular file',
        stat.S_IFDIR: 'a folder',
        stat.S_IFIFO: 'a pipe',
        stat.S_IFSOCK: 'a socket',
        stat.S_IFCHR: 'a device',
        stat.S_IFBLK: 'a device',
    }
    return kinds.get(stat.S_IFMT(mode), 'no file')


def _settle(path: Path) -> None:
    """Wait until the content of ``path`` is on the disk, not just on its way."""
    with path.open('rb') as file:
        os.fsync(file.fileno())


def remove_left_behind(target: Path) -> None:
    """Remove what processes that were killed left of ``target`` in its folder, half-written."""
    name = re.compile(rf'\.{re.escape(target.name)}\.(\d+)')
    for path in target.parent.glob('.*'):
        found = name.fullmatch(path.name)
        if found and path.is_file() and not _is_alive(int(found[1])):
            path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)  # signal 0 only asks
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # someone else's
    return True
