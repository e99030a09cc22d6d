"""The classes of the streets: DELIVER's ids (Zhang et al., CVPR 2023, arXiv:2303.01480)."""

from enum import IntEnum


class Class(IntEnum):
    """Ids in the order of ``robustseg_core.labels.DELIVER``."""

    BUILDING = 0
    FENCE = 1
    OTHER = 2
    PEDESTRIAN = 3
    POLE = 4
    ROAD_LINE = 5
    ROAD = 6
    SIDEWALK = 7
    VEGETATION = 8
    CARS = 9
    WALL = 10
    TRAFFIC_SIGN = 11
    SKY = 12
    GROUND = 13
    BRIDGE = 14
    RAIL_TRACK = 15
    GROUND_RAIL = 16
    TRAFFIC_LIGHT = 17
    STATIC = 18
    DYNAMIC = 19
    WATER = 20
    TERRAIN = 21
    TWO_WHEELER = 22
    BUS = 23
    TRUCK = 24
