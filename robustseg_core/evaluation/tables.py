"""Tables of numbers, as Markdown for people and CSV for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import csv
from dataclasses import dataclass, field
import io
import math
from typing import NamedTuple

EMPTY = '\N{EN DASH}'


class Row(NamedTuple):
    """One line of a table.

    Attributes:
        name: What the numbers belong to.
        values: Column to number; an absent column or NaN is an empty cell.
    """

    name: str
    values: Mapping[str, float]


@dataclass
class Table:
    """Rows over named columns.

    Attributes:
        corner: Heading of the rows' names.
        columns: Headings, in order.
        rows: From top to bottom.
    """

    corner: str
    columns: Sequence[str]
    rows: list[Row] = field(default_factory=list)

    def markdown(self, decimals: int = 2) -> str:
        """Return the table as Markdown."""
        lines = [[self.corner, *self.columns]]
        lines += [[row.name, *self._cells(row, f'.{decimals}f', EMPTY)] for row in self.rows]
        text = [
            '| ' + ' | '.join(cell.replace('|', r'\|') for cell in each) + ' |' for each in lines
        ]
        return '\n'.join([text[0], '|---' * (len(self.columns) + 1) + '|', *text[1:]])

    def csv(self) -> str:
        """Return the table as comma-separated values of four decimals."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow([self.corner, *self.columns])
        writer.writerows([row.name, *self._cells(row, '.4f', '')] for row in self.rows)
        return file.getvalue()

    def _cells(self, row: Row, format_: str, empty: str) -> list[str]:
        cells = []
        for column in self.columns:
            value = row.values.get(column, math.nan)
            cells.append(empty if math.isnan(value) else format(value, format_))
        return cells
