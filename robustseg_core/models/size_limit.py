"""A network that is built for the weights of a file may not be larger than the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from robustseg_core.errors import CheckpointError

# What makes memory from numbers alone; everything else a network does while it is built takes what
# one of these has made.
FACTORIES = frozenset(
    {torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn, torch.arange}
    | {torch.linspace, torch.eye, torch.tril_indices, torch.triu_indices}
)


class SizeLimit(TorchFunctionMode):
    """Within it no more numbers are allocated than ``most``.

    A header of a few bytes may name a backbone of two billion weights, or a head that no machine
    holds: building it takes minutes, or all memory, before anything could be compared.

    Args:
        most: Numbers.
        place: The file, for the message.

    Raises:
        CheckpointError: More is asked for; it is not allocated.
    """

    def __init__(self, most: int, place: str) -> None:
        super().__init__()
        self._most = most
        self._place = place
        self._taken = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        if func in FACTORIES:
            self._taken += func(*args, **{**given, 'device': 'meta'}).numel()
            if self._taken > self._most:
                msg = (
                    f'{self._place}: the weights do not fit the model: its metadata describes a '
                    f'network of more than {self._most} numbers.'
                )
                raise CheckpointError(msg)
        return func(*args, **given)
