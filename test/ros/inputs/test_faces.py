"""What messages say of themselves."""

from node_scene import cloud_message, image_message
import numpy as np
from std_msgs.msg import Header

from robustseg_ros.inputs.faces import (
    Face,
    Faces,
    camera_complaint,
    face_of,
    registration_complaint,
)

WIDE = Face('camera', (480, 640))


def test_an_image_has_a_size_and_a_cloud_has_none():
    header = Header(frame_id='camera')
    assert face_of(image_message(np.zeros((480, 640, 3), np.uint8), 'rgb8', header)) == WIDE
    cloud = cloud_message(np.zeros((3, 3), np.float32), np.zeros(3, np.float32), header)
    assert face_of(cloud) == Face('camera', None)


def test_two_publishers_that_take_turns_are_told_and_a_new_setting_is_not():
    faces = Faces()
    for _ in range(5):
        faces.add(WIDE)
        faces.add(Face('other', (240, 320)))
    assert faces.complaint().startswith(
        "messages of two kinds take turns (frame 'camera', 480x640"
    )
    faces.reset()
    for face in [WIDE] * 5 + [Face('other', (240, 320))] * 5:
        faces.add(face)
    assert faces.complaint() == ''


def test_what_differs_from_the_leading_image_is_named():
    assert registration_complaint(WIDE, 'rgb', WIDE) == ''
    said = registration_complaint(Face('depth', (480, 848)), 'rgb', WIDE)
    assert "its frame is 'depth', that of rgb 'camera'" in said
    assert 'its aspect ratio is 480x848, that of rgb 480x640' in said
    assert 'its size is 240x320' in registration_complaint(Face('camera', (240, 320)), 'rgb', WIDE)


def test_a_compressed_image_says_no_size():
    assert registration_complaint(Face('camera', None), 'rgb', WIDE) == ''


def test_a_frame_of_megabytes_is_cut():
    said = registration_complaint(Face('x' * 5_000_000, (480, 640)), 'rgb', WIDE)
    assert len(said) < 500


def test_a_camera_info_of_another_size_is_told():
    assert camera_complaint((480, 640), WIDE) == ''
    assert 'its CameraInfo is for 720x1280, its image is 480x640' in camera_complaint(
        (720, 1280), WIDE
    )
