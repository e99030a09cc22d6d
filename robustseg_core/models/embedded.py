"""The checkpoints that come with the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

DEFAULT = 'streets_student'


def checkpoint_path(text: str = DEFAULT) -> Path:
    """Return the file that ``text`` names.

    Args:
        text: A checkpoint that comes with the package, by its bare name (``streets_student``,
            ``streets_teacher``, ``nyuv2_student``), else a path, ``~`` being the home folder;
            empty means the default.
    """
    name = text or DEFAULT
    embedded = Path(str(files('robustseg_core'))) / 'checkpoints' / f'{name}.safetensors'
    return embedded if embedded.is_file() and Path(name).name == name else Path(name).expanduser()
