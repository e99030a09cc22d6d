"""What lies behind the sidewalk, for each kind of side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from robustseg_core.data.streets.ground import CANAL_M
from robustseg_core.data.streets.placing import Placed
from robustseg_core.data.streets.plan import Side
from robustseg_core.data.streets.site import Site, take


def frontage(site: Site) -> list[Placed]:
    """Return houses and other things that are seen from afar."""
    return _FRONTAGE[site.kind](site)


def _houses(site: Site) -> list[Placed]:
    return site.row('shop', site.rng.uniform(0, 6) * (site.rng.random() < 0.7))


def _gardens(site: Site) -> list[Placed]:
    return [*_border(site), *site.row('cottage', site.rng.uniform(4, 8), gap=5.0)]


def _park(site: Site) -> list[Placed]:
    front = _border(site) if site.rng.random() < 0.6 else []
    return [*front, *site.trees(8, 3, 24), *site.row('house', 30.0)]


def _plaza(site: Site) -> list[Placed]:
    return site.row('shop', site.rng.uniform(15, 19))


def _canal(site: Site) -> list[Placed]:
    return [*site.trees(4, CANAL_M + 2, CANAL_M + 7), *site.row('house', CANAL_M + 10)]


def _railway(site: Site) -> list[Placed]:
    beyond = site.row('house', 18.0) if site.rng.random() < 0.5 else site.trees(7, 13, 20)
    return [*site.line('wall', site.outer + 11.5), *beyond]


def _wall(site: Site) -> list[Placed]:
    wall = site.line('wall', site.outer + 0.3)
    return [*wall, *site.row('house', 6.0), *site.trees(3, 2.5, 4.5)]


def _yard(site: Site) -> list[Placed]:
    fence = site.line('railing' if site.rng.random() < 0.7 else 'planks', site.outer + 0.3)
    middle = (site.start + site.end) / 2
    return [*fence, *site.put('hall', middle, site.outer + 22, on='verge', turn=np.pi)]


def _country(site: Site) -> list[Placed]:
    field = site.line('railing', site.outer + 7.0)
    return [*site.line('guard rail', site.outer + 0.4), *field, *site.trees(6, 9, 34)]


_FRONTAGE: dict[Side, Callable[[Site], list[Placed]]] = {
    Side.HOUSES: _houses,
    Side.GARDENS: _gardens,
    Side.PARK: _park,
    Side.PLAZA: _plaza,
    Side.CANAL: _canal,
    Side.RAILWAY: _railway,
    Side.WALL: _wall,
    Side.YARD: _yard,
    Side.COUNTRY: _country,
}


def _border(site: Site) -> list[Placed]:
    kind = ('hedge', 'low wall', 'railing', 'planks')[site.rng.integers(4)]
    return site.line(kind, site.outer + 0.3)


def behind_sidewalk(site: Site) -> list[Placed]:
    """Return the small things between the sidewalk and the frontage."""
    rng, out, placed = site.rng, site.outer, list[Placed]()
    xs = site.places(6.0, 4.0)
    if site.kind == Side.PLAZA:
        placed += site.scatter('kiosk', take(xs, 2), 2, 9)
        placed += site.scatter('static', take(xs, 2), 1, 6)
        placed += site.scatter('tree', take(xs, 2), 5, 9)
    elif site.kind == Side.YARD:
        for kind in ('truck', 'truck', 'bus', 'car'):
            placed += site.scatter(kind, take(xs, int(rng.integers(0, 2))), 4, 10, turn=0.3)
        placed += site.scatter('dynamic', take(xs, 2), 2, 3)
    elif site.kind == Side.CANAL:
        placed += site.line('guard rail' if rng.random() < 0.3 else 'railing', out + 0.3)
    elif site.kind == Side.RAILWAY:
        placed += site.line('railing', out + 0.5)
        for y in (2.3, 3.7, 6.7, 8.1):
            placed += site.line('rail', out + y)
    elif site.kind in {Side.PARK, Side.GARDENS, Side.COUNTRY}:
        placed += site.scatter('bush', take(xs, 4), 1.5, 4)
    if site.kind in {Side.COUNTRY, Side.HOUSES, Side.PARK}:
        placed += site.scatter('kiosk', take(xs, int(rng.random() < 0.2)), 2, 2)
    return placed
