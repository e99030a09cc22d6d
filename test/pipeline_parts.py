"""What the tests of the pipeline feed it with, and what takes its masks."""

from node_scene import CAMERA_FROM_LIDAR, MODALITIES
from std_msgs.msg import Header

from robustseg_ros.inputs.frames import Frame
from robustseg_ros.inputs.measurements import Cloud
from robustseg_ros.inputs.pictures import Picture
from robustseg_ros.node.config import Looks


class Outputs:
    wants_confidence = False
    wants_shares = False

    def __init__(self):
        self.results = []

    def publish(self, result, looks, camera_info):
        self.results.append(result)

    @property
    def masks(self):
        return [result.class_ids for result in self.results]


def unheard(words):
    pass


def measurements(scene, seed):
    """Return one of each sensor, as the node's readers make them."""
    changed = type(scene)(scene.model, seed, scene.side)
    header = Header(frame_id='camera')

    def picture(pixels, encoding, name):
        wanted = MODALITIES[name].encoding
        return Picture(header=header, pixels=pixels, ros_encoding=encoding, encoding=wanted)

    return {
        'rgb': picture(changed.rgb, 'rgb8', 'rgb'),
        'depth': picture(changed.depth_m, '32FC1', 'depth'),
        'event': picture(changed.events, 'rgb8', 'event'),
        'lidar': Cloud(
            header, changed.points, changed.intensity, CAMERA_FROM_LIDAR, changed.camera
        ),
    }


def frame(stamp_ns, parts, names=MODALITIES.names):
    return Frame({name: (stamp_ns, parts[name]) for name in names}, 0.0, 0.0, Looks(), None)
