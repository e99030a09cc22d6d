"""The processes that train together: how many there are, and what they tell each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import distributed

T = TypeVar('T')


@dataclass(frozen=True)
class Processes:
    """Who trains, as known before any of them can talk.

    Attributes:
        rank: Which this is; 0 writes the files and speaks.
        devices: Processes on each machine.
        nodes: Machines.
    """

    rank: int = 0
    devices: int = 1
    nodes: int = 1

    @property
    def count(self) -> int:
        return self.devices * self.nodes

    @classmethod
    def of(cls, environment: Mapping[str, str], devices: int, nodes: int) -> Processes:
        """Read what ``torchrun``, Lightning or SLURM left in the environment.

        Args:
            environment: Its variables.
            devices: Of the configuration, which ``torchrun`` overrules.
            nodes: Likewise.
        """
        if 'LOCAL_WORLD_SIZE' in environment:  # torchrun
            devices = int(environment['LOCAL_WORLD_SIZE'])
            count = int(environment['WORLD_SIZE'])
            return cls(int(environment['RANK']), devices, count // devices)
        if 'LOCAL_RANK' in environment:  # a process that Lightning started
            node = int(environment.get('NODE_RANK', '0'))
            return cls(node * devices + int(environment['LOCAL_RANK']), devices, nodes)
        node = int(environment.get('NODE_RANK', '0'))
        return cls(int(environment.get('SLURM_PROCID', node * devices)), devices, nodes)


def place() -> tuple[int, int]:
    """Return the rank of this process and their number, once they can talk; else (0, 1)."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


def gathered(value: T) -> list[T]:
    """Return what each process has, by rank; all must call this."""
    _, count = place()
    if count == 1:
        return [value]
    values: list[T | None] = [None] * count
    distributed.all_gather_object(values, value)
    return values  # type: ignore[return-value]


def share_buffers(module: torch.nn.Module) -> None:
    """Give all processes the buffers of the first; all must call this."""
    if place()[1] > 1:
        for buffer in module.buffers():
            distributed.broadcast(buffer, 0)
