"""The ground of a block: road, lines, kerbs, sidewalks, and what lies beyond them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from robustseg_core.data.streets.classes import Class
from robustseg_core.data.streets.mesh import Colour, Mesh, faces, join
from robustseg_core.data.streets.placing import Placed, assemble
from robustseg_core.data.streets.plan import BLOCK_M, SEGMENT_M, Median, Side, StreetPlan
from robustseg_core.data.streets.randomness import Stream, stream
from robustseg_core.data.streets.textures import Material

WATER_Z = -0.8
FAR_Y = 70.0
JUNCTION_M = SEGMENT_M
CANAL_M = 14.0

_ASPHALT: Colour = (0.13, 0.13, 0.135)
_LINE: Colour = (0.75, 0.75, 0.72)
_GRASS: Colour = (0.2, 0.29, 0.1)
_SOIL: Colour = (0.3, 0.24, 0.17)
_BALLAST: Colour = (0.3, 0.26, 0.23)
_STONE: Colour = (0.4, 0.39, 0.37)
# Painting order of the ground.
BASE, LOW, VERGE, ROAD, LINE, RAISED = range(-1, 5)


def lay_ground(plan: StreetPlan, block: int) -> Mesh:
    """Return the ground of ``block`` in street coordinates."""
    start = block * BLOCK_M
    junction, next_junction = plan.has_junction(block), plan.has_junction(block + 1)
    kinds = (plan.side_of(block, 1), plan.side_of(block, -1))
    slices = [_open_slice(plan, *kinds)] * round(BLOCK_M / SEGMENT_M)
    if junction:
        slices[0] = _junction_slice(plan)
    pieces = [Placed(piece, start + k * SEGMENT_M, 0.0) for k, piece in enumerate(slices)]
    if junction:
        pieces.append(Placed(_crossing_after(plan), start + JUNCTION_M, 0.0))
    if next_junction:
        pieces.append(Placed(_crossing_before(plan), start + BLOCK_M, 0.0))
    return assemble(pieces, ground=True)


@lru_cache(maxsize=64)
def _open_slice(plan: StreetPlan, left: Side, right: Side) -> Mesh:
    """Return a segment's length of ground, from x = 0."""
    tone = stream(plan.seed, Stream.STREET, 4).uniform(0.8, 1.2, 3)
    road = _strip(
        0, SEGMENT_M, -plan.half_width(-1), plan.half_width(1), 0, _shade(_ASPHALT, tone[0]),
        Class.ROAD, Material.ASPHALT, ROAD,
    )  # fmt: skip
    pieces = [road, *_lane_lines(plan)]
    for side, kind in ((1, left), (-1, right)):
        pieces += _sidewalk(plan, side, _shade(_STONE, tone[1]))
        pieces += _verge(plan, kind, side, tone[2])
    return join(pieces)


@lru_cache(maxsize=16)
def _junction_slice(plan: StreetPlan) -> Mesh:
    tone = stream(plan.seed, Stream.STREET, 4).uniform(0.8, 1.2, 3)
    return _strip(
        0,
        JUNCTION_M,
        -FAR_Y,
        FAR_Y,
        0,
        _shade(_ASPHALT, tone[0]),
        Class.ROAD,
        Material.ASPHALT,
        ROAD,
    )


def _shade(colour: Colour, tone: float) -> Colour:
    return colour[0] * tone, colour[1] * tone, colour[2] * tone


def _strip(
    x: float, length: float, y0: float, y1: float, z: float, colour: Colour, label: int,
    material: Material, level: int,
) -> Mesh:  # fmt: skip
    """Return a horizontal rectangle from ``x`` on, between ``y0`` and ``y1``."""
    low, high = min(y0, y1), max(y0, y1)
    quad = [[x, low, z], [x + length, low, z], [x + length, high, z], [x, high, z]]
    return faces(np.array(quad), colour, label, material, level=level)


def _line(x: float, length: float, y: float, width: float = 0.16) -> Mesh:
    return _strip(
        x, length, y - width / 2, y + width / 2, 0, _LINE, Class.ROAD_LINE, Material.RETRO, LINE
    )


def _lane_lines(plan: StreetPlan) -> list[Mesh]:
    half = plan.median_half
    lines = _median(plan)
    if half:
        lines += [_line(0, SEGMENT_M, y) for y in (-half - 0.2, half + 0.2)]
    elif plan.double_line:
        lines += [_line(0, SEGMENT_M, y) for y in (-0.16, 0.16)]
    else:
        lines.append(_line(0, 4.0, 0.0))
    for side in (1, -1):
        edge = plan.lanes_end
        lines += [_line(0, 4.0, side * (half + k * plan.lane_width)) for k in range(1, plan.lanes)]
        if plan.has_parking(side):
            lines.append(_line(0, SEGMENT_M, side * edge, 0.14))
            middle = side * (edge + plan.half_width(side)) / 2
            lines.append(_line(0, 0.15, middle, plan.half_width(side) - edge))
        else:
            lines.append(_line(0, SEGMENT_M, side * (edge - 0.2)))
    return lines


def _median(plan: StreetPlan) -> list[Mesh]:
    half = plan.median_half
    if plan.median == Median.TRAM:
        return [
            _strip(
                0, SEGMENT_M, -half, half, 0, _BALLAST, Class.RAIL_TRACK, Material.BALLAST, LINE
            ),
            *(
                _strip(
                    0,
                    SEGMENT_M,
                    y - 0.06,
                    y + 0.06,
                    0.01,
                    (0.4, 0.38, 0.36),
                    Class.RAIL_TRACK,
                    Material.METAL,
                    RAISED,
                )
                for y in (-0.72, 0.72)
            ),
        ]
    if plan.median == Median.GREEN:
        return [_strip(0, SEGMENT_M, -half, half, 0, _GRASS, Class.TERRAIN, Material.GRASS, LINE)]
    return []


def _sidewalk(plan: StreetPlan, side: int, stone: Colour) -> list[Mesh]:
    inner, outer, kerb = side * plan.half_width(side), side * plan.outer(side), plan.kerb
    rim = inner + side * 0.18
    edge = (_shade(stone, 1.15), Class.SIDEWALK, Material.CONCRETE)
    return [
        _face(inner, 0, kerb, side, _shade(stone, 0.9), *edge[1:], RAISED),
        _strip(0, SEGMENT_M, inner, rim, kerb, *edge, RAISED),
        _strip(0, SEGMENT_M, rim, outer, kerb, stone, Class.SIDEWALK, Material.PAVING, RAISED),
    ]


def _verge(plan: StreetPlan, kind: Side, side: int, tone: float) -> list[Mesh]:
    """Return the ground beyond the sidewalk."""
    near, far, z = plan.outer(side), FAR_Y, plan.kerb - 0.02
    grass = (_shade(_GRASS, tone), Class.TERRAIN, Material.GRASS)
    soil = (_shade(_SOIL, tone), Class.GROUND, Material.SOIL)
    paved = (_shade((0.36, 0.31, 0.27), tone), Class.GROUND, Material.PAVING)

    def strip(
        y0: float,
        y1: float,
        look: tuple[Colour, int, Material],
        height: float = z,
        level: int = VERGE,
    ) -> Mesh:
        return _strip(0, SEGMENT_M, side * y0, side * y1, height, *look, level)

    if kind == Side.CANAL:
        water = ((0.07, 0.12, 0.13), Class.WATER, Material.WATER)
        bank = near + 0.5 + CANAL_M
        return [
            strip(near, near + 0.5, ((0.3, 0.3, 0.29), Class.SIDEWALK, Material.CONCRETE)),
            strip(near + 0.5, bank, water, WATER_Z, LOW),
            _face(
                side * bank, WATER_Z, z, side, (0.33, 0.31, 0.28), Class.WALL, Material.BRICKS, LOW
            ),
            strip(bank, far, grass),
        ]
    if kind == Side.RAILWAY:
        track = (_BALLAST, Class.RAIL_TRACK, Material.BALLAST)
        return [
            strip(near, far, grass),
            strip(near + 1.2, near + 4.8, track, level=ROAD),
            strip(near + 5.6, near + 9.2, track, level=ROAD),
        ]
    if kind in {Side.PLAZA, Side.YARD}:
        return [
            strip(near, near + 26, paved if kind == Side.PLAZA else soil),
            strip(near + 26, far, grass),
        ]
    if kind == Side.HOUSES:
        return [strip(near, near + 6, paved), strip(near + 6, far, soil)]
    if kind == Side.COUNTRY:
        return [strip(near, near + 1.2, soil), strip(near + 1.2, far, grass)]
    return [strip(near, far, grass)]


def _face(
    y: float, z0: float, z1: float, side: int, colour: Colour, label: int,
    material: Material, level: int,
) -> Mesh:  # fmt: skip
    """Return an upright rectangle on ``side`` that looks back at the road."""
    ends = (0, SEGMENT_M) if side > 0 else (SEGMENT_M, 0)
    quad = [[ends[0], y, z0], [ends[1], y, z0], [ends[1], y, z1], [ends[0], y, z1]]
    return faces(np.array(quad), colour, label, material, level=level)


@lru_cache(maxsize=16)
def _crossing_after(plan: StreetPlan) -> Mesh:
    """Return the zebra crossing after a junction that ends at x = 0, and the line to stop at."""
    stop = _strip(
        4.8,
        0.4,
        plan.median_half + 0.2,
        plan.half_width(1),
        0,
        _LINE,
        Class.ROAD_LINE,
        Material.RETRO,
        LINE,
    )
    return join([*(_line(0.8, 3.0, y, 0.5) for y in _bars(plan)), stop])


@lru_cache(maxsize=16)
def _crossing_before(plan: StreetPlan) -> Mesh:
    """Return the zebra crossing before a junction at x = 0, the line to stop at, and arrows."""
    stop = _strip(
        -5.2,
        0.4,
        -plan.half_width(-1),
        -plan.median_half - 0.2,
        0,
        _LINE,
        Class.ROAD_LINE,
        Material.RETRO,
        LINE,
    )
    arrows = [part for lane in range(plan.lanes) for part in _arrow(-13.0, plan.lane_y(lane, 1))]
    return join([*(_line(-3.8, 3.0, y, 0.5) for y in _bars(plan)), stop, *arrows])


def _bars(plan: StreetPlan) -> list[float]:
    bars: list[float] = np.arange(
        -plan.half_width(-1) + 0.5, plan.half_width(1) - 0.4, 1.0
    ).tolist()
    return bars


def _arrow(x: float, y: float) -> list[Mesh]:
    stem = _line(x, 2.2, y, 0.2)
    tip = np.array(
        [[x + 2.2, y - 0.5, 0], [x + 3.6, y, 0], [x + 2.2, y + 0.5, 0], [x + 2.2, y + 0.5, 0]]
    )
    return [stem, faces(tip, _LINE, Class.ROAD_LINE, Material.RETRO, level=LINE)]
