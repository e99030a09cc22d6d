"""Tables as Markdown and CSV."""

import csv
import io
import math

from robustseg_core.evaluation.tables import EMPTY, Row, Table

TABLE = Table(
    'model', ['R', 'mean'], [Row('a', {'R': 12.345, 'mean': 1.0}), Row('b|c', {'R': math.nan})]
)


def test_markdown_rounds_to_two_decimals_and_marks_what_is_not_there():
    assert TABLE.markdown().splitlines() == [
        '| model | R | mean |',
        '|---|---|---|',
        '| a | 12.35 | 1.00 |',
        rf'| b\|c | {EMPTY} | {EMPTY} |',
    ]


def test_csv_keeps_four_decimals_and_leaves_empty_what_is_not_there():
    rows = list(csv.reader(io.StringIO(TABLE.csv())))
    assert rows == [['model', 'R', 'mean'], ['a', '12.3450', '1.0000'], ['b|c', '', '']]
