"""What is scored and written are the first process's batch norm statistics."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from robustseg_core.training import processes
from robustseg_core.training.validation import Validation


def test_the_network_is_scored_and_written_with_the_buffers_of_the_first_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each process has seen other frames; here the first one's statistics are all 7."""
    network = nn.BatchNorm1d(2)
    monkeypatch.setattr(processes, 'place', lambda: (1, 2))

    def broadcast(buffer: torch.Tensor, source: int) -> None:
        assert source == 0
        buffer.fill_(7)

    monkeypatch.setattr(processes.distributed, 'broadcast', broadcast)
    scored: list[float] = []
    written: list[float] = []

    def score(scored_network: Any, _device: str) -> Any:
        scored.extend(scored_network.running_mean.tolist())
        return SimpleNamespace(mean_ious=lambda: {'R': 1.0})

    class Files:
        def write(self, written_network: Any, *_: Any) -> None:
            written.extend(written_network.running_mean.tolist())

    trainer = SimpleNamespace(
        current_epoch=0, max_epochs=1, global_step=1, loggers=[], is_global_zero=True
    )
    module = SimpleNamespace(device='cpu', log=lambda *_, **__: None)
    Validation(network, score, Files(), 1).on_train_epoch_end(trainer, module)  # type: ignore[arg-type]
    assert scored == [7.0, 7.0]
    assert written == [7.0] * 4, 'as the last and as the best'
