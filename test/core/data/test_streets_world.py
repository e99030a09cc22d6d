"""The street itself: random numbers, plan, blocks and traffic."""

from itertools import pairwise

import numpy as np

from robustseg_core.data.streets.blocks import build_block
from robustseg_core.data.streets.classes import Class
from robustseg_core.data.streets.light import LAMP_Z
from robustseg_core.data.streets.placing import Placed
from robustseg_core.data.streets.plan import BLOCK_M, LAMP_GAP_M, LAMP_PHASE_M, Side, StreetPlan
from robustseg_core.data.streets.randomness import Stream, dice, stream
from robustseg_core.data.streets.scene import normals_of
from robustseg_core.data.streets.textures import LEVELS, SIZE, SURFACES, Material, texture_atlas
from robustseg_core.data.streets.traffic import Ride, moving

PLANS = [StreetPlan.from_seed(seed) for seed in range(6)]


def test_dice_are_uniform_and_do_not_depend_on_company() -> None:
    many = dice(3, Stream.AGENT, np.arange(-5000, 5000), 7)
    counts, _ = np.histogram(many, bins=10, range=(0, 1))
    assert (np.abs(counts - 1000) < 150).all()
    assert float(dice(3, Stream.AGENT, -12, 7)) == many[5000 - 12]
    assert float(dice(4, Stream.AGENT, -12, 7)) != many[5000 - 12]
    assert abs(np.corrcoef(many[1:], many[:-1])[0, 1]) < 0.05


def test_streams_differ_by_purpose_and_place() -> None:
    draws = [
        stream(1, Stream.BLOCK, *place).random() for place in ((0,), (1,), (-1,), (0, 0), (0, 1))
    ]
    assert len({*draws, stream(1, Stream.LIGHT, 0).random()}) == 6


def test_bent_street_keeps_lengths_across_and_along_the_middle() -> None:
    plan = next(plan for plan in PLANS if plan.bend)
    xs = np.linspace(0, 500, 501)
    for y in (0.0, 8.0, -8.0):
        world = plan.bent(np.column_stack([xs, np.full(501, y), np.zeros(501)])).astype(float)
        length = np.linalg.norm(np.diff(world, axis=0), axis=1).sum()
        assert abs(length - 500 * (1 - plan.bend * y)) < 0.1
    middle, aside = plan.bent(np.array([[300.0, 0, 0], [300.0, 5, 0]])).astype(float)
    assert abs(np.linalg.norm(aside - middle) - 5) < 1e-3


def test_ground_faces_look_up_and_join_without_a_gap() -> None:
    for plan in PLANS:
        mesh = build_block(plan, 3, lamps=False, coarse=True)
        road = mesh.corners[(mesh.owner == 0) & (mesh.label == Class.ROAD)]
        assert (normals_of(road)[:, 2] > 0.99).all()
        spans = sorted(set(zip(road[..., 0].min(axis=1), road[..., 0].max(axis=1), strict=True)))
        assert spans[0][0] == 3 * BLOCK_M
        assert spans[-1][1] == 4 * BLOCK_M
        assert all(a[1] == b[0] for a, b in pairwise(spans))


def test_coarse_block_shows_the_same_houses() -> None:
    for plan in PLANS[:3]:
        whole, coarse = (build_block(plan, 2, lamps=False, coarse=c) for c in (False, True))
        houses = [mesh.corners[mesh.label == Class.BUILDING] for mesh in (whole, coarse)]
        np.testing.assert_array_equal(*houses)
        assert len(coarse) < len(whole)


def test_lamps_hang_where_their_light_falls() -> None:
    plan = PLANS[0]
    mesh = build_block(plan, 1, lamps=True)
    heads = mesh.centre[(mesh.glow >= 4) & (mesh.label == Class.POLE)]
    assert len(heads)
    for x, y, z in heads:
        phase = LAMP_PHASE_M[1 if y > 0 else -1]
        assert abs((x - phase + LAMP_GAP_M / 2) % LAMP_GAP_M - LAMP_GAP_M / 2) < 0.01
        assert abs(z - LAMP_Z) < 0.5
    dark = build_block(plan, 1, lamps=False)
    assert not (dark.glow[dark.label == Class.POLE] > 0).any()


def test_every_kind_of_side_can_be_built() -> None:
    seen = set()
    for plan in PLANS:
        for block in range(0, 60, 2):
            for side in (1, -1):
                kind = plan.side_of(block, side)
                if kind not in seen:
                    seen.add(kind)
                    assert len(build_block(plan, block, lamps=False)) > 100
    assert seen == set(Side)


def reaching(placed: list[Placed], low: float, high: float) -> list[tuple[float, float]]:
    return sorted((item.x, item.y) for item in placed if low < item.x < high)


def test_traffic_is_the_same_whatever_part_of_it_is_looked_at() -> None:
    plan = max(PLANS, key=lambda plan: plan.traffic)
    ride = Ride.from_plan(plan)
    here = ride.x(3.0)
    wide, _ = moving(plan, ride, 3.0, (80, 120), 0.0)
    tight, _ = moving(plan, ride, 3.0, (40, 60), 0.0)
    span = (here - 30, here + 50)
    assert reaching(wide, *span) == reaching(tight, *span)
    assert len(tight) > 3


def test_movers_move_at_the_velocity_they_are_said_to_have() -> None:
    for plan in PLANS:
        ride = Ride.from_plan(plan)
        now, velocity = moving(plan, ride, 2.0, (50, 90), 0.0)
        soon, _ = moving(plan, ride, 2.05, (50, 90), 0.0)
        places = np.array([(item.x, item.y) for item in soon])
        here = ride.x(2.0)
        for item, speed in zip(now, velocity, strict=True):
            if -40 < item.x - here < 80:
                expected = np.array([item.x, item.y]) + 0.05 * speed
                assert np.abs(places - expected).sum(axis=1).min() < 0.05


def test_nobody_drives_where_the_ride_is() -> None:
    for plan in PLANS:
        ride = Ride.from_plan(plan)
        for time_s in (0.0, 5.0, 20.0):
            placed, _ = moving(plan, ride, time_s, (60, 100), 0.0)
            y = plan.lane_y(ride.lane, 1)
            close = [p for p in placed if abs(p.x - ride.x(time_s)) < 6 and abs(p.y - y) < 1]
            assert not close


def test_textures_keep_their_mean_at_every_level() -> None:
    atlas = texture_atlas().view(np.uint8).reshape(len(Material), LEVELS, SIZE, SIZE, 4)
    means = atlas.mean(axis=(2, 3))
    # Bytes are rounded down and, in bright spots, cut off: a few levels of 255 at most.
    assert np.abs(means - means[:, :1]).max() < 4
    detail = atlas[..., :3].astype(float).std(axis=(2, 3)).mean(axis=2)
    assert (detail[:, -1] < detail[:, 0]).all()
    assert set(SURFACES) == set(Material)
