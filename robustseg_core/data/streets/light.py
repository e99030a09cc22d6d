"""Lamps, windows, shadows and the sky: what depends on where a pixel is in the world."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.streets.furniture import LAMP_REACH_M
from robustseg_core.data.streets.plan import LAMP_GAP_M, LAMP_PHASE_M, StreetPlan
from robustseg_core.data.streets.raster import View, paint_mask
from robustseg_core.data.streets.scene import Scene
from robustseg_core.data.streets.weather import Weather

Float = NDArray[np.float32]

LAMP_Z = 6.0
SHADOW_BACK_M, SHADOW_AHEAD_M = 25.0, 70.0


class Pose(NamedTuple):
    """Where the camera is.

    Attributes:
        street: (3,) street coordinates.
        world: (3,) world coordinates.
        heading: Of its vehicle in the world, radians.
    """

    street: NDArray[np.float64]
    world: NDArray[np.float64]
    heading: float


def lamp_light(plan: StreetPlan, depth: Float, rays: Float, view: View, pose: Pose) -> Float:
    """Return the light (N,) of the own headlights and of the street lamps on each pixel."""
    heading = np.array([np.cos(pose.heading), np.sin(pose.heading), 0.0])
    left = np.array([-heading[1], heading[0], 0.0])
    ahead, aside, up = (
        (view.axes @ axis).astype(np.float32) @ rays
        for axis in (heading, left, np.array([0, 0, 1.0]))
    )
    # Headlights: a wide beam that is cut off just below the horizon.
    beam = np.exp(-np.square(aside * np.float32(1.9))) * np.clip(0.75 - 14 * up, 0.09, 1)
    light = 0.75 * beam / (1 + np.square(depth * np.float32(1 / 10)))

    ahead, aside, up = ahead * depth, aside * depth, up * depth
    x = ahead + np.float32(pose.street[0] % LAMP_GAP_M)
    y = aside + np.float32(pose.street[1]) - np.float32(plan.bend / 2) * ahead * ahead
    below = np.square(np.float32(LAMP_Z - pose.street[2]) - up)
    for side, phase in LAMP_PHASE_M.items():
        along = (x + np.float32(LAMP_GAP_M * 1.5 - phase)) % np.float32(LAMP_GAP_M)
        across = y - np.float32(side * (plan.half_width(side) + 0.4 - LAMP_REACH_M))
        along -= np.float32(LAMP_GAP_M / 2)
        light += 3.0 / (along * along + across * across + below + 6)
    out: Float = light.astype(np.float32, copy=False)
    return out


def lit_windows(
    place: Float, number: NDArray[np.int32], bay: NDArray[np.int32], pane: NDArray[np.uint8]
) -> Float:
    """Return the light (N,) of the windows that are lit at night.

    Args:
        place: (V, 3) a corner of each face, which decides with ``bay`` who is at home.
        number: (N,) 1 + row of ``place``, or 0.
        bay: (N,) number of the window on the face.
        pane: (N,) 128 where a window pane is.
    """
    home = np.zeros(len(place) + 1, np.int32)
    home[1:] = (np.floor(place[:, 0] * 7) * 31 + np.floor(place[:, 1] * 13)).astype(np.int32)
    dice = (home.take(number) * 7919 + bay * 104729) & 0xFFFF
    dice = (dice * 40503) & 0xFFFF
    glow: Float = np.where(dice < 19000, pane, 0) * (
        np.float32(0.11 / 128) + (dice & 7) * np.float32(0.02 / 128)
    )
    return glow


def shadow_depth(weather: Weather) -> Float:
    """Return the share (3,) of the ground's light that a shadow takes away."""
    if not weather.sun.any():
        return np.full(3, 0.45, np.float32)
    direct = weather.sun * weather.to_sun[2]
    depth: Float = direct / (direct + weather.ambient)
    return depth


def shadow_mask(
    plan: StreetPlan,
    weather: Weather,
    scene: Scene,
    view: View,
    pose: Pose,
    ground: NDArray[np.bool_],
) -> Float:
    """Return how much (N,) of the ground's pixels is in the shadow of objects.

    Under a grey sky, it is only darker below things that nearly touch the ground.
    """
    low, high = scene.low, scene.high
    sunny = bool(weather.sun.any())
    near = (high[:, 0] > pose.street[0] - SHADOW_BACK_M) & (
        low[:, 0] < pose.street[0] + SHADOW_AHEAD_M
    )
    near &= sunny | ((low[:, 2] < 0.5) & (high[:, 2] < 4) & (high[:, 0] > pose.street[0]))
    low, high = low[near], high[near]
    rim = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    margin = np.float32(0.0 if sunny else 0.12)
    foot = np.zeros((len(low), 4, 3), np.float32)
    foot[..., :2] = (low[:, None, :2] - margin) + rim * (high - low + 2 * margin)[:, None, :2]
    base = plan.bent(foot)
    base[..., 2] = 0.02
    slope = np.append(-weather.to_sun[:2] / weather.to_sun[2], 0).astype(np.float32)
    bottom = base + slope * np.maximum(low[:, 2:], 0)[:, None, :]
    top = base + slope * high[:, None, 2:]
    outline = _swept(bottom, top) if sunny else top
    mask = paint_mask(outline - pose.world.astype(np.float32), view)
    soft = cv2.GaussianBlur(mask, (0, 0), 0.8 if sunny else 2.0).ravel()
    shade: Float = soft * ground
    return shade


def _swept(bottom: Float, top: Float) -> Float:
    """Return the outlines (N, 8, 3) of what convex quads (N, 4, 3), counter-clockwise, sweep over.

    Going round, an edge that faces the way of the sweep counts at the top, the others at the
    bottom; where that changes, both corners count.
    """
    edge = np.roll(bottom, -1, axis=1) - bottom
    way = (top - bottom)[:, :1]
    leads = edge[..., 1] * way[..., 0] - edge[..., 0] * way[..., 1] > 0  # (N, 4)
    before = np.roll(leads, 1, axis=1)
    first = np.where(before[..., None], top, bottom)
    second = np.where(leads[..., None], top, bottom)
    outline: Float = np.stack([first, second], axis=2).reshape(-1, 8, 3)
    return outline


def sky_radiance(weather: Weather, directions: Float) -> Float:
    """Return the radiance (3, N) of the sky in world directions (3, N)."""
    x, y, z = directions
    length = np.sqrt(x * x + y * y + z * z)
    up = np.maximum(z / length, np.float32(0.02))
    blend = np.sqrt(np.minimum(up * np.float32(1.3), 1))
    horizon = weather.horizon[:, None]
    sky: Float = horizon + blend * (weather.zenith[:, None] - horizon)
    if weather.clouds:
        # The clouds are a flat ceiling: towards the horizon they crowd together.
        scale = np.float32(90) / (length * (up + np.float32(0.12)))
        column, row = (x * scale).astype(np.int32) & 255, (y * scale).astype(np.int32) & 255
        cover = _cloud_tile().take(row * 256 + column) * blend
        white = np.float32(0.9 if weather.sun.any() else 1.25)
        sky += np.clip(cover * np.float32(2 * weather.clouds), 0, 0.9) * (white * horizon - sky)
        sky *= 1 - np.float32(0.35 * weather.clouds) * np.clip(-cover, 0, 1)
    return sky


@cache
def _cloud_tile() -> Float:
    """Return tileable noise (256, 256) of unit deviation, the same for every sky."""
    rng = np.random.Generator(np.random.PCG64(7))
    total = np.zeros((256, 256), np.float32)
    for sigma in (24, 10, 4, 2):
        raw = np.pad(rng.standard_normal((256, 256)).astype(np.float32), 128, mode='wrap')
        soft = cv2.GaussianBlur(raw, (0, 0), sigma)[128:-128, 128:-128]
        total += soft / soft.std() * (sigma / 24) ** 0.6
    out: Float = total / total.std()
    return out
