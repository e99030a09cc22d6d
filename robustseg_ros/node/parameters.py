"""Every parameter of the node, once: name, type, default, range, description, when it counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches

from robustseg_core.models.embedded import DEFAULT
from robustseg_core.quoting import quoted
from robustseg_ros.node.parameter import Effect, Parameter, Value

MODALITIES = ('rgb', 'depth', 'event', 'lidar')
INPUT_TYPES = ('image', 'compressed_image', 'points', 'events')
BACKENDS = ('auto', 'torch', 'compiled', 'onnxruntime', 'openvino', 'tensorrt')
PRECISIONS = ('fp32', 'bf16', 'fp16')
RELIABILITIES = ('best_effort', 'reliable')
STAMPS = ('header', 'arrival')

GENERAL = (
    Parameter(
        name='checkpoint',
        default=DEFAULT,
        description='Path of the model (.safetensors) or of a folder that robustseg_core.export '
        'wrote, or the name of a model that comes with the package: streets_student, trained on '
        'synthetic streets, or nyuv2_student, trained on indoor RGB and depth.',
    ),
    Parameter(
        name='device',
        default='auto',
        description='Torch device of the model: auto (the first accelerator, else the CPU), '
        'cpu, cuda, cuda:1, ...',
    ),
    Parameter(
        name='backend',
        default='auto',
        description='What computes the network: auto (of a checkpoint on a CPU openvino, '
        'onnxruntime or torch, the first that is installed and takes it, on a GPU torch; of an '
        'exported folder what it was made for), or one of the others by name. Which one it is, '
        'and why auto passed others over, is on /diagnostics.',
        choices=BACKENDS,
    ),
    Parameter(
        name='precision',
        default='fp32',
        description='Of the numbers in the network; not every backend and device has every one. '
        'With an exported folder fp32 means what it was exported for, int8 too.',
        choices=PRECISIONS,
    ),
    Parameter(
        name='expected_size',
        default=[],
        description='Height and width of the masks, where they are known beforehand: the network '
        'is made ready for that size while it is configured, which takes minutes for tensorrt '
        'and about one for compiled. Another size is made ready once it has come a few times; '
        'until then its frames are seen at the size that is ready (with compiled, always).',
        lengths=(0, 2),
    ),
    Parameter(
        name='encode_ahead',
        default=True,
        description='Encode an image when it arrives, while its frame still waits for the other '
        'inputs: the mask comes sooner after the last of them. Images that turn out to be part of '
        'no frame were encoded for nothing; an input of which most are is left out of this.',
        effect=Effect.AT_ONCE,
    ),
    Parameter(
        name='autostart',
        default=True,
        description='Configure and activate without being asked. If that fails, the node stays '
        'up unconfigured, says why on /diagnostics, and can be configured once the cause is gone.',
        effect=Effect.START,
    ),
    Parameter(
        name='modalities',
        default=list(MODALITIES),
        description='The inputs, highest priority first: the first living one leads, that is, '
        "gives the mask its size, stamp and frame. Names of the checkpoint's modalities.",
        effect=Effect.START,
    ),
    Parameter(
        name='strict_modalities',
        default=True,
        description='A modality in `modalities` that the checkpoint does not know is an error. '
        'False: it is left out with a warning, as long as one is known.',
    ),
    Parameter(
        name='camera_info_topic',
        default='camera/camera_info',
        description='CameraInfo of the camera into whose image points are projected; also '
        'published again as ~/camera_info with the stamp of the mask.',
        is_topic=True,
    ),
    Parameter(
        name='image_is_rectified',
        default=False,
        description="The camera's image is rectified, so that points are projected with P and R "
        'of its CameraInfo instead of K and D.',
    ),
    Parameter(
        name='sync.max_wait',
        default=0.05,
        description='Seconds that a frame of the leading input waits for the other living ones; '
        'who is later is absent from this frame.',
        limits=(0.0, 10.0),
        effect=Effect.AT_ONCE,
    ),
    Parameter(
        name='drawing.max_time',
        default=0.5,
        description="Seconds that a frame waits for one input's image to be made of its message; "
        'an input that needs longer is left out, and what it sends is refused until one was in '
        'time again.',
        limits=(0.01, 60.0),
    ),
    Parameter(
        name='input.max_pixels',
        default=36_000_000,
        description='Pixels of an image at most, raw or compressed, judged before anything is '
        'decoded; a larger one is refused. An 8K camera has up to 35.4 million.',
        limits=(1, 1_000_000_000),
    ),
    Parameter(
        name='input.max_side',
        default=32767,
        description='Pixels on the longer side of an image at most; OpenCV can do no more.',
        limits=(1, 32767),
    ),
    Parameter(
        name='input.max_aspect',
        default=64.0,
        description='Longer side of an image over the shorter at most; the panorama of a LiDAR '
        'with 32 lines has 64.',
        limits=(1.0, 32767.0),
    ),
    Parameter(
        name='input.decode_time',
        default=1.0,
        description='Seconds that decoding one compressed image may take; one that takes longer '
        'is given up and refused. Nothing else waits meanwhile.',
        limits=(0.01, 60.0),
    ),
    Parameter(
        name='mask.min_confidence',
        default=0.0,
        description='Pixels whose best class has a lower probability become 255 (unlabelled). '
        '0: every pixel gets its best class.',
        limits=(0.0, 1.0),
        effect=Effect.AT_ONCE,
    ),
    Parameter(
        name='overlay.opacity',
        default=0.5,
        description='Opacity of the class colours in ~/overlay: 0 shows the image, 1 the classes.',
        limits=(0.0, 1.0),
        effect=Effect.AT_ONCE,
    ),
    Parameter(
        name='overlay.max_rate',
        default=5.0,
        description='Overlays a second at most, since they are for people to look at. 0: one for '
        'every mask.',
        limits=(0.0, 1000.0),
        effect=Effect.AT_ONCE,
    ),
    Parameter(
        name='overlay.jpeg_quality',
        default=80,
        description='Quality of the JPEG on ~/overlay/compressed.',
        limits=(1, 100),
        effect=Effect.AT_ONCE,
    ),
    Parameter(
        name='report.share_rate',
        default=1.0,
        description='How often a second the share of each input in the mask is measured, for '
        '~/report, /diagnostics and the overlay, while somebody listens to one of them: each '
        "measurement computes the network's head once more, after a mask is out. 0: never.",
        limits=(0.0, 1000.0),
        effect=Effect.AT_ONCE,
    ),
    Parameter(
        name='diagnostics.period',
        default=1.0,
        description='Seconds between two messages on /diagnostics, beside those sent at once when '
        'a state changes.',
        limits=(0.1, 60.0),
        effect=Effect.START,
    ),
)

# Per modality; ``<name>.`` is put before each.
PER_MODALITY = (
    Parameter(
        name='enabled',
        default=True,
        description='Whether this input is listened to.',
        effect=Effect.AT_ONCE,
    ),
    Parameter(
        name='topic',
        default='',
        description="Topic of this input; without a slash before it, it moves with the node's "
        'namespace.',
        is_topic=True,
    ),
    Parameter(
        name='type',
        default='image',
        description='Message type: image (sensor_msgs/Image), compressed_image '
        '(sensor_msgs/CompressedImage), points (sensor_msgs/PointCloud2), events '
        '(event_camera_msgs/EventPacket).',
        choices=INPUT_TYPES,
    ),
    Parameter(
        name='encoding',
        default='',
        description="How the measurement becomes the network's image; empty: as the checkpoint "
        'was trained. "image" takes a ready-made three-channel image as it is, "grey" one '
        'channel (thermal, near infrared, ...).',
    ),
    Parameter(
        name='scale',
        default=0.0,
        description="Images of one channel or of depth: factor from the message's numbers (depth: "
        'from its metres) to the unit the network was trained in, e.g. 0.01 for a thermal camera '
        'that sends hundredths of a kelvin. 0: as in training, that is, one channel is multiplied '
        'by the factor in the checkpoint, by which the files trained on were (1 where it has '
        'none), and depth by 1. Any other number replaces that factor.',
        limits=(0.0, 1e6),
    ),
    Parameter(
        name='leave_out_degraded',
        default=False,
        description='Do not fuse an image of this input that is without content (all black, '
        'saturated, frozen, without points, events or distances); the next one that has some is '
        'fused again. Where no input has any, all are fused.',
        effect=Effect.AT_ONCE,
    ),
    Parameter(
        name='intensity_scale',
        default=1.0,
        description="Type points: factor from the intensity in the driver's units to 0 to 1, e.g. "
        '0.00392 (1/255) for Velodyne and Livox. Integers are a share of the largest of their '
        'type already.',
        limits=(1e-9, 1e9),
    ),
    Parameter(
        name='bits',
        default=0,
        description='Significant bits of images of 16 bits (mono16, rgb16, bayer_rggb16, ...), in '
        'colour and grey: 10, 12 or 14 of many cameras; 0: 16, as ROS defines these encodings.',
        limits=(0, 16),
    ),
    Parameter(
        name='timeout',
        default=0.5,
        description='Seconds of silence after which this input counts as dead.',
        limits=(0.01, 60.0),
        effect=Effect.AT_ONCE,
    ),
    Parameter(
        name='recovery_frames',
        default=2,
        description='Consecutive timely messages that bring a dead input back.',
        limits=(1, 100),
        effect=Effect.AT_ONCE,
    ),
    Parameter(
        name='tolerance',
        default=0.05,
        description='Largest distance in seconds between the stamp of the leading input and '
        "this one's for the two to be fused.",
        limits=(0.0, 10.0),
        effect=Effect.AT_ONCE,
    ),
    Parameter(
        name='offset',
        default=0.0,
        description="Seconds that this input's stamps are ahead of the moment they stand for; "
        'subtracted before matching. TAI is 37 s ahead of UTC.',
        limits=(-40.0, 40.0),
        effect=Effect.AT_ONCE,
    ),
    Parameter(
        name='stamp',
        default='header',
        description="What stamps this input's messages: header (the driver), or arrival (the "
        "node's clock when one comes, where the driver's clock is of no use; `offset` then takes "
        'off how long they are on their way, below zero). Event packets carry their own time.',
        choices=STAMPS,
    ),
    Parameter(
        name='qos.reliability',
        default='best_effort',
        description='Reliability asked of the publisher; best_effort connects to every publisher.',
        choices=RELIABILITIES,
    ),
    Parameter(
        name='qos.depth',
        default=5,
        description='Messages kept while the node is busy. Event packets build on each other: '
        'type events keeps at least 1000.',
        limits=(1, 10000),
    ),
    Parameter(
        name='camera_from_sensor',
        default=[],
        description='Type points: transform of sensor into camera coordinates (optical frame), '
        '4x4 row by row, metres. Empty: asked of tf2 where that is installed.',
        lengths=(0, 16),
    ),
    Parameter(
        name='event_rate',
        default=30.0,
        description='Type events: images a second that are offered for fusion or, when leading, '
        'segmented; packets in between are collected.',
        limits=(1.0, 1000.0),
    ),
)

TOPICS: Mapping[str, Mapping[str, Value]] = {
    'rgb': {'topic': 'camera/image_raw'},
    'depth': {'topic': 'depth/image_rect'},
    'event': {'topic': 'event_camera/image'},
    'lidar': {'topic': 'lidar/points', 'type': 'points'},
}


def modality_parameters(modality: str) -> list[Parameter]:
    """Return the parameters of one input, with their full names and its own defaults."""
    defaults = {'topic': f'{modality}/image_raw', **TOPICS.get(modality, {})}
    return [
        replace(
            parameter,
            name=f'{modality}.{parameter.name}',
            default=defaults.get(parameter.name, parameter.default),
        )
        for parameter in PER_MODALITY
    ]


def parameter_table(modalities: Iterable[str]) -> dict[str, Parameter]:
    """Return every parameter of a node with these modalities, by name."""
    specific = [p for modality in modalities for p in modality_parameters(modality)]
    return {parameter.name: parameter for parameter in (*GENERAL, *specific)}


def idle_modality(name: str, modalities: Iterable[str]) -> str:
    """Return the usual modality that parameter ``name`` is of, if the node has none of it, or ''.

    The shipped parameter file sets all of them, whichever are used.
    """
    idle = [modality for modality in MODALITIES if modality not in modalities]
    modality = name.partition('.')[0]
    return modality if modality in idle and name in parameter_table(idle) else ''


def unknown_parameter(name: str, known: Iterable[str]) -> str:
    """Return the complaint about a parameter that nobody declares."""
    near = get_close_matches(name, list(known), n=1)
    hint = f' (did you mean {near[0]!r}?)' if near else ''
    return f'Parameter {quoted(name)} is not known and has no effect{hint}.'
