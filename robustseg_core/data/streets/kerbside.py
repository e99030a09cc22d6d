"""What stands on the sidewalk, at junctions, in the parking lane and on the median."""

from __future__ import annotations

import numpy as np

from robustseg_core.data.streets.placing import Placed
from robustseg_core.data.streets.plan import BLOCK_M, LAMP_GAP_M, LAMP_PHASE_M, PARKING_M, Median
from robustseg_core.data.streets.site import Site, take


def kerbside(site: Site, *, lamps: bool) -> list[Placed]:
    """Return furniture, trees of the sidewalk and parked vehicles; ``lamps``: they are on."""
    placed = [*_lamps(site, lit=lamps), *_furniture(site), *_traffic_lights(site)]
    if site.plan.has_parking(site.side):
        placed += _parked(site)
    if site.plan.median == Median.GREEN and site.side > 0:
        placed += _median(site)
    return placed


def _lamps(site: Site, *, lit: bool) -> list[Placed]:
    x = site.block * BLOCK_M + LAMP_PHASE_M[site.side]
    places = [x + k for k in (0.0, LAMP_GAP_M) if site.start + 1 < x + k < site.end - 1]
    return [p for x in places for p in site.put('lamp', x, site.kerb + 0.4, glow=float(lit))]


def _furniture(site: Site) -> list[Placed]:
    """Return what stands along the kerb, each at a place of its own."""
    rng, y = site.rng, site.kerb + 0.55
    xs = site.places(3.0, 3.25)
    placed: list[Placed] = []
    for kind, count, aside, turn in (
        ('tree', 4 if site.plan.trees else 0, 0.0, 3.0),
        ('sign', rng.integers(1, 4), 0.0, 0.0),
        ('static', rng.integers(1, 4), 0.0, 0.0),
        ('dynamic', rng.integers(1, 4), 0.2, 0.4),
        ('cycle', rng.integers(0, 4), 0.2, 0.5),
    ):
        for x in take(xs, int(count)):
            placed += site.put(kind, x, y + aside, turn=rng.uniform(-turn, turn), glow=0.0)
    for x in take(xs, int(rng.random() < 0.25)):
        placed = [item for item in placed if not item.reaches(x, 3.0)]
        placed += site.put('shelter', x, site.outer - 0.9)
    return placed


def _traffic_lights(site: Site) -> list[Placed]:
    """Return the traffic lights of the junctions at both ends."""
    kind = 'green' if site.rng.random() < 0.7 else 'red'
    lights: list[Placed] = []
    if site.side > 0 and site.plan.has_junction(site.block):
        lights += site.put(kind, site.start + 1.0, site.kerb + 0.5)
    if site.side < 0 and site.plan.has_junction(site.block + 1):
        lights += site.put(kind, site.end - 0.8, site.kerb + 0.5)
    return lights


def _parked(site: Site) -> list[Placed]:
    rng, y = site.rng, site.kerb - PARKING_M / 2
    places = np.arange(site.start + 9, site.end - 7, 6.2)
    taken = rng.random(len(places)) < 0.6
    xs = places[taken] + rng.uniform(-0.3, 0.3, taken.sum())
    turns = rng.normal(0, 0.02, len(xs))
    pairs = zip(xs, turns, strict=True)
    return [p for x, turn in pairs for p in site.put('car', x, y, on='road', turn=turn, glow=0.0)]


def _median(site: Site) -> list[Placed]:
    """Return a crash barrier, or bushes and trees, between the directions."""
    if site.block % 5 < 2:
        return site.line('guard rail', 0.0)
    xs = site.places(4.0, 3.0)
    bushes = [p for x in take(xs, 4) for p in site.put('bush', x, 0.0, on='road')]
    return [*bushes, *(p for x in take(xs, 2) for p in site.put('tree', x, 0.0, on='road'))]
