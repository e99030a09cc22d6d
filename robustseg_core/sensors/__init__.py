"""Raw measurements to network images: one implementation for training and for the robot.

``network_input`` is not imported here, because it needs torch and converting sensors does not.
"""

from robustseg_core.sensors.camera import CameraModel, Projection
from robustseg_core.sensors.depth import depth_from_raw, encode_depth
from robustseg_core.sensors.encodings import ENCODINGS, Encoding, Measurement, encoding_of
from robustseg_core.sensors.event_decoders import EventDecoder, decode_mono, event_decoder
from robustseg_core.sensors.events import Events, EventWindow, event_image
from robustseg_core.sensors.evt3 import Evt3Decoder
from robustseg_core.sensors.grey import encode_grey
from robustseg_core.sensors.lidar import lidar_image
from robustseg_core.sensors.radar import RadarPoints, radar_image, radar_points

__all__ = [
    'ENCODINGS',
    'CameraModel',
    'Encoding',
    'EventDecoder',
    'EventWindow',
    'Events',
    'Evt3Decoder',
    'Measurement',
    'Projection',
    'RadarPoints',
    'decode_mono',
    'depth_from_raw',
    'encode_depth',
    'encode_grey',
    'encoding_of',
    'event_decoder',
    'event_image',
    'lidar_image',
    'radar_image',
    'radar_points',
]
