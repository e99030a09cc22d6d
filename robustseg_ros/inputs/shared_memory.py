"""Whose shared memory DDS uses on this machine."""

from __future__ import annotations

import os
from pathlib import Path
import pwd

FOLDER = Path('/dev/shm')  # noqa: S108 the system's, only looked at
PREFIX = 'fastrtps_'


def foreign_users(folder: Path = FOLDER, own_uid: int | None = None) -> list[str]:
    """Return the users, other than this process's, whose segments of Fast DDS lie there.

    Args:
        folder: Where shared memory lies.
        own_uid: User of this process; the current one by default.
    """
    own_uid = os.geteuid() if own_uid is None else own_uid
    if own_uid == 0:
        return []  # root can read everybody's
    try:
        owners = {path.stat().st_uid for path in folder.glob(f'{PREFIX}*')}
    except OSError:  # no such folder here, or a segment that has just gone
        return []
    return sorted(_user_name(uid) for uid in owners - {own_uid})


def _user_name(uid: int) -> str:
    try:
        return f'user {pwd.getpwuid(uid).pw_name}'
    except KeyError:  # a container's
        return f'user {uid}'
