"""Synthetic streets: aligned pictures, depth, events, LiDAR and labels, drawn from a seed."""

from robustseg_core.data.streets.dataset import STREET_MODALITIES, SyntheticStreets, street_images
from robustseg_core.data.streets.drive import StreetDrive, StreetFrame

__all__ = [
    'STREET_MODALITIES',
    'StreetDrive',
    'StreetFrame',
    'SyntheticStreets',
    'street_images',
]
