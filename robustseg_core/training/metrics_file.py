"""The numbers of a run as a CSV file that survives an interruption."""

from __future__ import annotations

from collections.abc import Mapping
import csv
from io import StringIO
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from robustseg_core.files import replace_file

FIRST = ('epoch', 'step')


class MetricsFile(Logger):
    """One row per logged step or score; columns appear when their number is first logged.

    Lightning's own CSV logger begins anew when a run is resumed.

    Args:
        path: The file, in an existing folder; it is made when the first row comes.
        first_step: Rows of this step and later are of an attempt that was interrupted, and go.
    """

    def __init__(self, path: Path, first_step: int = 0) -> None:
        super().__init__()
        self._path = path
        self._first_step = first_step
        self._rows: list[dict[str, Any]] | None = None
        self._columns: list[str] = list(FIRST)

    @property
    def name(self) -> str:
        return self._path.parent.name

    @property
    def version(self) -> str:
        return ''

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """Do nothing: the settings have a file of their own."""

    @rank_zero_only  # type: ignore[untyped-decorator]
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        if self._rows is None:
            self._rows = self._kept()
            self._learn(self._rows)
            self._write(self._rows)
        row = {**metrics, 'step': step}
        self._rows.append(row)
        if self._learn([row]):
            self._write(self._rows)
            return
        with self._path.open('a', newline='', encoding='utf-8') as file:
            csv.DictWriter(file, self._columns).writerow(row)

    def _kept(self) -> list[dict[str, Any]]:
        """Return the rows that an interrupted run has left."""
        if not self._path.exists() or not self._first_step:
            return []
        return [row for row in read_rows(self._path) if int(row['step']) < self._first_step]

    def _learn(self, rows: list[dict[str, Any]]) -> bool:
        """Note new columns; tell whether there are any."""
        new = [key for row in rows for key in row if key not in self._columns]
        self._columns += dict.fromkeys(new)
        return bool(new)

    def _write(self, rows: list[dict[str, Any]]) -> None:
        text = StringIO(newline='')
        writer = csv.DictWriter(text, self._columns)
        writer.writeheader()
        writer.writerows(rows)
        replace_file(self._path, text.getvalue(), settled=True)


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the whole rows of a file, which may have been killed while it was written.

    A row is whole if its line has an end, as many fields as there are columns, and a step.
    """
    # After a loss of power there may be zeros where the last rows should be.
    text = path.read_text(encoding='utf-8', errors='replace').replace('\0', '')
    lines = [line for line in text.splitlines(keepends=True) if line.endswith('\n')]
    return [
        row
        for row in csv.DictReader(lines)
        if None not in row and None not in row.values() and row.get('step', '').isdecimal()
    ]
