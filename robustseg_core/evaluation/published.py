"""Published figures to stand beside one's own: mIoU in percent, absent classes counted as 0.

Source: RobustSeg (arXiv:2505.12861v1), Tables 1 to 5; the other methods' rows are as quoted there.
NM Mid and High: README of Liao et al., Multi-Modal Semantic Segmentation Robustness Benchmark.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

_Rows = tuple[tuple[str, tuple[float, ...]], ...]


class PublishedRow(NamedTuple):
    """One line of a published table.

    Attributes:
        name: Method, with its backbone where the table mixes several.
        values: Column to mIoU in percent.
        note: Source, and what stands in the way of a comparison.
    """

    name: str
    values: Mapping[str, float]
    note: str


_SOURCE = 'RobustSeg, arXiv:2505.12861v1'
_RESOLUTION = (
    'the training resolution is ambiguous (the paper says 1024 px, the released configuration '
    '256 px)'
)
_LETTERS = {'deliver': 'RDEL', 'muses': 'FEL', 'mcubes': 'IADN'}

# Columns: the subsets, smallest first, then the mean.
_DELIVER_ANY_MODAL: _Rows = (
    (
        'CMNeXt',
        (
            *(17.55, 44.69, 4.98, 5.56, 60.19, 18.49, 17.93, 45.21, 45.65, 4.97),
            *(60.28, 60.54, 18.69, 46.01, 60.59, 34.09),
        ),
    ),
    (
        'MAGIC',
        (
            *(32.60, 55.06, 0.52, 0.39, 63.32, 33.02, 33.12, 55.16, 55.17, 0.26),
            *(63.37, 63.36, 33.32, 55.26, 63.40, 40.49),
        ),
    ),
    (
        'SegFormer (teacher)',
        (
            *(33.08, 51.69, 1.64, 1.57, 61.84, 32.66, 32.50, 51.83, 51.84, 1.57),
            *(61.90, 61.93, 32.53, 51.87, 61.92, 39.36),
        ),
    ),
    (
        'AnySeg',
        (
            *(48.17, 51.14, 21.74, 22.66, 59.58, 48.91, 49.43, 52.18, 51.38, 27.57),
            *(59.45, 59.72, 49.49, 51.89, 59.41, 47.13),
        ),
    ),
    (
        'RobustSeg',
        (
            *(48.80, 53.99, 23.96, 26.06, 62.60, 49.49, 50.58, 55.36, 54.04, 32.13),
            *(62.08, 62.13, 50.63, 55.04, 60.16, 49.89),
        ),
    ),
)
_DELIVER_NOTE = (
    f'{_SOURCE}, Table 1: MiT-B0, val split; {_RESOLUTION}; the printed means of AnySeg and '
    f'RobustSeg are not those of their printed subsets, which are 47.51 and 49.80'
)

_MUSES_ANY_MODAL: _Rows = (
    ('CMX', (2.52, 2.35, 3.01, 41.15, 41.25, 2.56, 42.27, 19.30)),
    ('CMNeXt', (3.50, 2.77, 2.64, 6.63, 10.28, 3.14, 46.66, 10.80)),
    ('MAGIC', (43.22, 2.68, 22.95, 43.51, 49.05, 22.98, 49.02, 33.34)),
    ('Any2Seg', (44.40, 3.17, 22.33, 44.51, 49.96, 22.63, 50.00, 33.86)),
    ('AnySeg', (46.01, 19.57, 32.13, 46.29, 51.25, 35.21, 51.14, 40.23)),
    ('RobustSeg', (46.63, 22.86, 34.08, 46.93, 51.05, 36.32, 50.63, 41.21)),
)
_MUSES_NOTE = (
    f'{_SOURCE}, Table 4: val split squashed to 1024x1024, inputs neither scaled nor normalised, '
    f'and unlabelled pixels counted as road, so that figures that ignore them do not compare'
)

_FAILURES = (
    'EMM Avg',
    'EMM E(0.2)',
    'RMM Avg (r=0.5)',
    'RMM E(0.2) (r=0.5)',
    'NM Low',
    'mean',
)
_DELIVER_FAILURES: _Rows = (
    ('CMNeXt (MiT-B2)', (37.90, 54.46, 47.49, 58.85, 35.23, 46.79)),
    ('GeminiFusion (MiT-B2)', (37.07, 54.33, 42.41, 57.30, 5.52, 39.33)),
    ('MAGIC (MiT-B2)', (44.97, 58.66, 48.19, 59.53, 24.03, 47.08)),
    ('MAGIC++ (MiT-B2)', (44.85, 59.18, 49.31, 60.50, 33.12, 49.39)),
    ('StitchFusion (MiT-B2)', (41.98, 58.02, 48.33, 60.58, 24.91, 46.76)),
    ('SegFormer (MiT-B0)', (39.06, 53.12, 39.69, 53.48, 1.78, 37.43)),
    ('RobustSeg (MiT-B0)', (49.72, 58.04, 51.81, 58.44, 32.13, 50.03)),
)
_DELIVER_NOISE_LEVELS: dict[str, dict[str, float]] = {
    'CMNeXt (MiT-B2)': {'NM Mid': 16.37, 'NM High': 2.31},
    'GeminiFusion (MiT-B2)': {'NM Mid': 4.14, 'NM High': 3.30},
    'MAGIC (MiT-B2)': {'NM Mid': 13.31, 'NM High': 3.98},
    'MAGIC++ (MiT-B2)': {'NM Mid': 18.31, 'NM High': 8.70},
    'StitchFusion (MiT-B2)': {'NM Mid': 17.11, 'NM High': 9.25},
}
_DELIVER_FAILURE_NOTE = (
    f'{_SOURCE}, Table 2: val split; RobustSeg is another checkpoint than in Table 1, trained '
    f'with zeroed modalities; {_RESOLUTION}; the noise was not seeded'
)
_MCUBES_FAILURES: _Rows = (
    ('CMNeXt (MiT-B2)', (40.67, 46.03, 40.25, 46.85, 26.70, 39.97)),
    ('MAGIC (MiT-B2)', (42.61, 47.05, 42.25, 46.98, 23.88, 40.55)),
    ('MMSFormer (MiT-B4)', (30.03, 43.12, 42.49, 47.87, 36.96, 40.10)),
    ('SegFormer (MiT-B2)', (37.44, 47.11, 39.33, 47.15, 24.78, 39.16)),
    ('RobustSeg (MiT-B2)', (44.56, 47.75, 43.03, 47.28, 31.82, 42.89)),
)
_MCUBES_FAILURE_NOTE = (
    f'{_SOURCE}, Table 3: the test split, on which the checkpoint was also chosen (the loader '
    f'reads test.txt as val); the noise was not seeded; the printed mean of CMNeXt is not that of '
    f'its printed figures, which is 40.10'
)

_CONDITIONS = (
    'cloud',
    'fog',
    'night',
    'rain',
    'sun',
    'motionblur',
    'overexposure',
    'underexposure',
    'lidarjitter',
    'eventlowres',
)
_DELIVER_CONDITIONS: _Rows = (
    ('RobustSeg', (64.06, 60.91, 60.40, 59.38, 62.70, 60.33, 60.75, 58.02, 60.61, 59.22)),
)
_CONDITIONS_NOTE = f'{_SOURCE}, Table 5: MiT-B0, val split, all four modalities; {_RESOLUTION}'

# By data set, split and protocol: columns (of any_modal, by the letters), rows, note.
_TABLES: dict[tuple[str, str, str], tuple[tuple[str, ...], _Rows, str]] = {
    ('deliver', 'val', 'any_modal'): ((), _DELIVER_ANY_MODAL, _DELIVER_NOTE),
    ('muses', 'val', 'any_modal'): ((), _MUSES_ANY_MODAL, _MUSES_NOTE),
    ('deliver', 'val', 'failures'): (_FAILURES, _DELIVER_FAILURES, _DELIVER_FAILURE_NOTE),
    ('mcubes', 'test', 'failures'): (_FAILURES, _MCUBES_FAILURES, _MCUBES_FAILURE_NOTE),
    ('deliver', 'val', 'conditions'): (_CONDITIONS, _DELIVER_CONDITIONS, _CONDITIONS_NOTE),
}
# These three share a table, of which the mean is over all its columns.
_FAILURE_PROTOCOLS = {'emm', 'rmm', 'nm'}


def published(dataset: str, split: str, letters: str, protocol: str) -> list[PublishedRow]:
    """Return the published rows that figures of this data set and protocol may stand beside.

    Args:
        dataset: Kind of the data set, e.g. ``deliver``; not of the label set, which the synthetic
            streets share with DELIVER.
        split: Its part; scores on frames that others trained or chose on do not compare.
        letters: Of the modalities in use, in one's own order; subsets are named in this order.
        protocol: ``any_modal``, ``emm``, ``rmm``, ``nm`` or ``conditions``.

    Returns:
        The rows with all columns of their table; none where nothing was published for this
        split and these modalities. ``emm``, ``rmm`` and ``nm`` are columns of one table.
    """
    is_failure = protocol in _FAILURE_PROTOCOLS
    table = _TABLES.get((dataset, split, 'failures' if is_failure else protocol))
    if table is None or set(letters) != set(_LETTERS[dataset]):
        return []
    columns, rows, note = table
    if protocol == 'any_modal':
        columns = (*_subsets(_LETTERS[dataset], letters), 'mean')
    found = []
    for name, numbers in rows:
        values = dict(zip(columns, numbers, strict=True))
        if protocol == 'nm' and dataset == 'deliver':
            values |= _DELIVER_NOISE_LEVELS.get(name, {})
        found.append(PublishedRow(name, values, note))
    return found


def _subsets(published_order: str, order: str) -> list[str]:
    """Return the subsets in the order of the papers, each with its letters in ``order``."""
    return [
        ''.join(sorted(subset, key=order.index))
        for size in range(1, len(published_order) + 1)
        for subset in combinations(published_order, size)
    ]
