"""Every subset of the sensors with every fault, over real DDS, and what must hold of the masks.

``python test/fault_matrix.py --all --seed 1`` tries all of it, ``--part 1/3`` the first third.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
import random
import sys
import tempfile
import time
from typing import Any

from fault_cells import Cell, Faulty, all_cells
from fault_claims import Claims
from node_driver import PERIOD_S, Driver, starting
from node_scene import Scene, tiny_model
import pytest

from robustseg_core.models.checkpoint import save_model

# Longer than the timeout, so that a cell begins with nobody alive.
QUIET_S = 0.7
SETTLE_S, FAULT_S, AFTER_S = 0.7, 1.3, 0.8


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of a cell: what was broken, in words, and how many masks there were."""

    cell: Cell
    broken: tuple[str, ...]
    masks: int


def try_cell(driver: Driver, claims: Claims, cell: Cell) -> Result:
    """Drive a node that is running through one cell."""
    for _ in range(round(QUIET_S / PERIOD_S)):
        driver.tick()  # nobody dies while simulated time stands
        driver.spin(PERIOD_S)
    claims.begin(cell)
    faulty = Faulty(driver, claims, cell)
    try:
        for phase, length_s in (('settle', SETTLE_S), ('fault', FAULT_S), ('after', AFTER_S)):
            claims.enter(phase)
            faulty.run(phase, length_s)
            claims.leave(phase)
    finally:
        faulty.tidy()
    return Result(cell=cell, broken=tuple(claims.broken), masks=len(claims.masks))


def try_cells(
    start: Callable[..., Driver], scene: Scene, cells: Iterable[Cell], tell: Callable[[str], Any]
) -> list[Result]:
    """Drive nodes through cells: one for those on the wall's clock, one for simulated time."""
    results: list[Result] = []
    ordered = sorted(cells, key=lambda cell: cell.is_simulated)
    driver, claims = None, None
    for cell in ordered:
        if driver is None or (driver.time_ns is not None) != cell.is_simulated:
            driver = start(use_sim_time=cell.is_simulated)
            driver.time_ns = 1_000_000_000_000 if cell.is_simulated else None
            claims = Claims(driver, scene)
            driver.settle('RDEL', timeout_s=60)
            driver.spin(1.0)
        assert claims is not None
        if driver.process.process.poll() is not None:
            tell(f'the node has ended:\n{driver.process.log()}')
            break
        results.append(try_cell(driver, claims, cell))
        if results[-1].broken:
            tell(f'{cell}: {"; ".join(results[-1].broken)}')
    return results


def main() -> int:
    """Try the whole matrix or a part of it; return 1 if a claim was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--all', action='store_true', help='all cells, instead of a sample')
    parser.add_argument('--part', default='1/1', help='which part of them, e.g. 2/3')
    parser.add_argument('--only', default='', help='cells whose name has this')
    parser.add_argument('--seed', type=int, default=1, help='of who has the fault')
    args = parser.parse_args()
    cells = [cell for cell in all_cells(args.seed) if args.only in str(cell)]
    if not args.all:
        cells = random.Random(args.seed).sample(cells, min(12, len(cells)))
    part, parts = (int(number) for number in args.part.split('/'))
    cells = cells[part - 1 :: parts]
    begin_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        model = tiny_model()
        checkpoint = Path(folder) / 'tiny.safetensors'
        save_model(model, checkpoint)
        scene = Scene(model, seed=1)
        folders = _Folders(Path(folder))
        with starting(checkpoint, scene, folders) as start:  # type: ignore[arg-type]
            tell = partial(print, file=sys.stderr, flush=True)
            results = try_cells(start, scene, cells, tell)
    broken = [result for result in results if result.broken]
    by_fault = Counter(result.cell.fault for result in broken)
    print(  # noqa: T201
        f'{len(results)} of {len(cells)} cells, {sum(r.masks for r in results)} masks, '
        f'{len(broken)} cells with a broken claim {dict(by_fault)}, '
        f'{time.monotonic() - begin_s:.0f} s, seed {args.seed}, part {args.part}'
    )
    return 1 if broken or len(results) < len(cells) else 0


class _Folders:
    """What ``starting`` wants of pytest's."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def mktemp(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=name, dir=self._root))


if __name__ == '__main__':
    try:
        raise SystemExit(main())
    except pytest.fail.Exception as error:
        raise SystemExit(str(error)) from None
