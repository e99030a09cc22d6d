"""Files that are the old one or the new one, and no other."""

import errno
import os
from pathlib import Path
import re
import stat
import subprocess
import sys

import pytest

from robustseg_core.errors import WriteError
from robustseg_core.files import check_writable, replace_file, replacing

ROOT = Path(__file__).parents[2]


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_a_file_is_made_and_replaced(tmp_path):
    path = tmp_path / 'a.txt'
    replace_file(path, 'one')
    replace_file(path, b'two', settled=True)
    assert path.read_bytes() == b'two'
    assert names(tmp_path) == ['a.txt']


def test_it_may_be_read_by_whom_a_normal_file_may(tmp_path):
    (tmp_path / 'normal').touch()
    replace_file(tmp_path / 'ours', '')
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ('normal', 'ours')]
    assert modes[0] == modes[1]


def test_what_is_cut_off_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / 'a.txt'
    replace_file(path, 'old')

    def be_cut_off() -> None:
        with replacing(path) as partial:
            partial.write_text('ne')
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        be_cut_off()
    assert path.read_text() == 'old'
    assert names(tmp_path) == ['a.txt']


def test_a_link_stays_and_its_file_is_replaced(tmp_path):
    (tmp_path / 'link').symlink_to(tmp_path / 'file')
    replace_file(tmp_path / 'link', 'new')
    assert (tmp_path / 'link').is_symlink()
    assert (tmp_path / 'file').read_text() == 'new'


def test_what_is_no_regular_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'link').symlink_to('/dev/null')
    for path, kind in (
        (Path('/dev/null'), 'a device'),
        (tmp_path / 'link', 'a device'),
        (tmp_path / 'pipe', 'a pipe'),
        (tmp_path / 'folder', 'a folder'),
    ):
        with pytest.raises(WriteError, match=f'cannot be written: it is {kind};'):
            replace_file(path, 'x')
    assert stat.S_ISCHR(Path('/dev/null').stat().st_mode)
    assert names(tmp_path) == ['folder', 'link', 'pipe']


def test_a_folder_that_is_not_there_is_told(tmp_path):
    for refuse in (check_writable, lambda path: replace_file(path, '')):
        with pytest.raises(WriteError, match='No such file or directory'):
            refuse(tmp_path / 'no' / 'a.txt')


def test_a_link_that_leads_in_a_circle_is_told(tmp_path):
    (tmp_path / 'a').symlink_to(tmp_path / 'b')
    (tmp_path / 'b').symlink_to(tmp_path / 'a')
    with pytest.raises(WriteError, match='symbolic links'):
        replace_file(tmp_path / 'a', 'x')


def test_a_full_disk_is_one_line_and_leaves_no_part(tmp_path, monkeypatch):
    path = tmp_path / 'a.bin'
    replace_file(path, b'old')
    whole = Path.write_bytes

    def half(self: Path, data: bytes) -> int:
        whole(self, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, 'write_bytes', half)
    with pytest.raises(WriteError, match=r"a\.bin' cannot be written: No space left on device\.$"):
        replace_file(path, b'new and larger')
    assert path.read_bytes() == b'old'
    assert names(tmp_path) == ['a.bin']


def test_what_killed_processes_left_goes_and_what_living_ones_write_stays(tmp_path):
    with subprocess.Popen([sys.executable, '-c', '']) as ended:
        pass
    (tmp_path / f'.a.txt.{ended.pid}').write_text('left')
    (tmp_path / '.a.txt.99999999999999999999').write_text('left')
    (tmp_path / f'.b.txt.{ended.pid}').write_text("another file's")
    (tmp_path / f'.a.txt.{os.getppid()}').write_text('being written')
    (tmp_path / '.a.txt.backup').write_text("somebody's")
    replace_file(tmp_path / 'a.txt', 'new')
    assert names(tmp_path) == sorted(
        ['.a.txt.backup', f'.a.txt.{os.getppid()}', f'.b.txt.{ended.pid}', 'a.txt']
    )


def test_a_name_that_is_no_text_is_written_as_it_is(tmp_path):
    replace_file(tmp_path / 'a.txt', os.fsdecode(b'caf\xe9.png'))
    assert (tmp_path / 'a.txt').read_bytes() == b'caf\xe9.png'


def test_nothing_else_in_the_packages_writes_files():
    writing = re.compile(r'\.write_(text|bytes)\(.*|\.savefig\((?!partial\b).*')
    found = {
        (file.name, match[0])
        for package in ('robustseg_core', 'robustseg_ros')
        for file in (ROOT / package).rglob('*.py')
        for match in writing.finditer(file.read_text())
    }
    assert found == {
        ('files.py', '.write_bytes(data)'),
        # The kernel's, and one in a temporary folder.
        ('process.py', ".write_text('5', encoding='ascii')"),
        ('onnx_quantisation.py', '.write_bytes(graph)'),
    }
