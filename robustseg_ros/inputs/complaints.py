"""Sentences about an input that is alive and yet of little use: the cause and the remedy."""

from __future__ import annotations

from math import ceil

# Frames in a row that a living input must miss before that is called a problem.
UNMATCHED_LIMIT = 10
# Seconds for which a publisher must be matched before it is odd that nothing comes.
SILENT_MATCHED_S = 5.0
# More than the lateness that was seen, since the next one may come a little later still.
SPARE = 1.2


def late(name: str, leader: str, lateness_ns: int, max_wait_ns: int) -> str:
    """Return that an input comes after its frames have gone, and what would do."""
    wanted_s = ceil(lateness_ns / 1e9 * SPARE * 100) / 100
    return (
        f'alive, but never fused: it comes {lateness_ns / 1e6:.0f} ms after {leader} of the same '
        f'moment, and frames wait {max_wait_ns / 1e6:.0f} ms: set sync.max_wait to {wanted_s:g} '
        f'to fuse it (masks come later by as much), or {name}.offset where its stamps are wrong'
    )


def unmatched(name: str, frames: int, tolerance_ns: int) -> str:
    """Return that the stamps of an input are not near those of the leading one."""
    return (
        f'alive, but {frames} frames in a row had none of it within {tolerance_ns / 1e9:g} s of '
        f'the leading stamp: compare the clocks, or set {name}.offset or {name}.tolerance'
    )


def publishers(topic: str, names: list[str]) -> str:
    """Return that a topic has several publishers; their messages would be taken for one's."""
    if len(names) < 2:
        return ''
    return f'{len(names)} publishers on {topic}: {", ".join(sorted(names))}'


def silent_although_matched(silent_s: float, foreign_users: list[str]) -> str:
    """Return what may be wrong where a publisher is matched and nothing comes."""
    users = (
        f'shared memory of {", ".join(foreign_users)} lies in /dev/shm, which this user cannot '
        'read'
        if foreign_users
        else 'where the driver runs as another user (root, a container), neither can read the '
        "other's shared memory in /dev/shm"
    )
    return (
        f'a publisher is matched, but nothing has come for {silent_s:.0f} s: either it does not '
        f'send, or {users}: run both as one user, or both with '
        'FASTDDS_BUILTIN_TRANSPORTS=UDPv4; a profile (config/fastdds.xml) must be that of both'
    )
