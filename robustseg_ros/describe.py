"""Write docs/TOPICS.md: ``python -m robustseg_ros.describe docs/TOPICS.md``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path
from textwrap import wrap

from robustseg_core.files import replace_file
from robustseg_ros.inputs.image_encodings import KNOWN
from robustseg_ros.node.parameter import Parameter
from robustseg_ros.node.parameters import (
    GENERAL,
    MODALITIES,
    PER_MODALITY,
    TOPICS,
    modality_parameters,
)
from robustseg_ros.node.qos import qos_text
from robustseg_ros.segment.topics import OUTPUTS

HEAD = """\
# Topics, service and parameters of the node `segment`

Generated from `robustseg_ros/node/parameters.py` and `robustseg_ros/segment/topics.py` by
`python -m robustseg_ros.describe docs/TOPICS.md`; do not edit by hand.
"""
INPUT_NOTE = """\
Each input is a modality of the checkpoint; the parameters below choose its topic and message
type. Inputs subscribe *best effort, volatile* unless `<name>.qos.reliability` says otherwise, so
that they connect to every publisher. `type: points` also needs a CameraInfo and extrinsics; a
CameraInfo that was published once and latched (reliable, transient local) will do, and what is
known of the camera is kept while the node is not active.
A modality of the checkpoint that this table lacks (thermal, radar, ...) has the same parameters,
of type `image` on `<name>/image_raw` unless they say otherwise. Topics without a slash before them
move with the node's namespace: of a node started with `namespace:=robot1` the camera is
`/robot1/camera/image_raw`. `qos_overrides.<full topic>.subscription.depth`, `.reliability`,
`.history` and `.durability` (of outputs: `.publisher.`) are ROS's own and come after these.
"""
ENCODING_NOTE = """\
What an input must send depends on the encoding of its modality, `<name>.encoding` or as the
checkpoint was trained. Numbers of another unit give a mask all the same, and a bad one.
"""
VALUES_NOTE = """
What is multiplied, in this order:

1. One channel (`grey`): the message's numbers times `<name>.scale`. Left at 0, times the factor in
   the checkpoint, by which the files trained on were multiplied (1 where it holds none): a camera
   that sends what those files held needs no parameter. Any other value replaces that factor; 1
   takes the message's numbers as they are.
2. Depth: the message becomes metres by its ROS encoding, then times `<name>.scale` (0 or 1: as
   they are). What unit the files trained on had plays no part.
3. Clouds: `<name>.intensity_scale` times the intensity. Colours, events and drawn images are taken
   as they are.

What comes out is compared with the values seen in training, which the checkpoint holds for each
modality (`python -m robustseg_core.calibrate --values-only` adds them to one that does not). An
input whose numbers are, as the median of several images, four times beyond all that training saw,
or whose colours look swapped, is a WARN with the likely cause and the factor that helps. An image
without content is `degraded`: all black, saturated, one value everywhere, frozen (the same image
more than ten times in a row), no points, no events, no distances. It is fused all the same, unless
`<name>.leave_out_degraded` says otherwise.
"""
# What is wanted in a message, by encoding of the network; and what to set where it is otherwise.
WANTED = {
    'rgb': (
        'colours of 8 bits, 0 to 255 (rgb8, bgr8, Bayer patterns, ...)',
        'of 16 bits the upper 8 are taken; `bits`: 12 where only that many of them are used',
    ),
    'image': ('three channels as in training: rgb8, 0 to 255, or 32FC3', 'nothing is converted'),
    'grey': (
        'one number a pixel in the unit of training (mono8, mono16, 32FC1)',
        '`scale`: 0.01 for hundredths of a kelvin, unless the checkpoint knows them (below)',
    ),
    'inverse_log_depth': (
        'depth along the optical axis: 16UC1 in millimetres or 32FC1 in metres; 0, NaN or '
        'infinite where nothing was seen; 1 to 256 m are told apart',
        '`scale`: 0.001 for 32FC1 in millimetres',
    ),
    'linear_depth': (
        'as inverse_log_depth, of any distance',
        '`scale`, as above',
    ),
    'event_counts': (
        'EventPacket (mono, evt2, evt21, evt3); or rgb8, of each pixel the ON events of the last '
        '30 ms in red, the OFF events in green, 0 in blue: counts, not colours',
        'other packets are to be made images beforehand',
    ),
    'range_intensity_height': (
        'PointCloud2: x, y, z in metres, z up; intensity 0 to 1 (integers: a share of their '
        "type's largest), of `intensity`, `reflectivity` or `i`, without one 0. Or 32FC3, drawn: "
        'range in metres, intensity 0 to 1, height in metres, all 0 where nothing is',
        '`intensity_scale`: 0.00392 (1/255) for floating point of 0 to 255 (Velodyne, Livox)',
    ),
    'range_intensity': (
        'as range_intensity_height, of a radar: intensity 0 to 1 is a must, the third channel 0',
        '`intensity_scale`, as above',
    ),
}
IMAGES = f"""\
Images are read in the encodings {', '.join(f'`{name}`' for name in sorted(KNOWN))}, others
through cv_bridge where it is installed. Compressed images are PNG, JPEG, or depth of
compressed_depth_image_transport (PNG, RVL). The encoding before the semicolon of their format
counts: `bayer_rggb8; png compressed` is a mosaic, and a picture that cannot hold what its format
says is refused. They are decoded beside the node, on Linux, and arrive when they are decoded.
"""
SERVICE = """\
| service | type | what it does |
|---|---|---|
| `~/enable` | std_srvs/srv/SetBool | `false` pauses the masks, `true` resumes and lets the \
times on /diagnostics begin anew; inputs are watched all the time |

The node is a lifecycle node, with the usual `~/change_state`, `~/get_state` and the like. They and
all other services answer while a transition is under way (`configuring` takes as long as the model
takes to load); a second transition is refused meanwhile. Whatever is asked is answered: what is
refused gives its reason, and no call ends the node.

With nav2_lifecycle_manager: start the node with `autostart: false` and name it in the manager's
`node_names`. Where bondpy is installed the node forms the bond that the manager expects while it
is active; otherwise set the manager's `bond_timeout: 0.0`. Neither bondpy nor the manager is on
PyPI, so that no test here runs the real ones.

    lifecycle_manager:
      ros__parameters:
        autostart: true
        node_names: [segment]
        bond_timeout: 4.0
"""
DIAGNOSTICS = """\
One status per input, named `segment: <name>`, and one for the whole, `segment: segmentation`. The
message says in words what is wrong.

- OK: the input is alive, or disabled by parameter; there are masks from every input.
- WARN: the input was never seen; or it is alive, but loses most of its messages, comes too late or
  never matches the leading stamp, has two publishers, or its frame or size is not that of what it
  is fused with. There are masks, but without an input or with one of which this is so, or they are
  paused, the process does not keep up (overload), the clock stands still, two nodes have one name,
  the CameraInfo is bad, or the network is being made ready for a new size.
- ERROR: the input is refused, since what comes cannot be used or nothing can come (no publisher,
  QoS, type, shared memory of another user); there is no living input, the last transition failed,
  or the clock stands while messages come, so that time is kept by the steady clock.
- STALE: the input has been silent for longer than its timeout.

All of this is in the log too: every change of who is alive is one line (an input that flaps is
summed up every 10 s), what holds for longer is told when it begins, once a minute, and when it is
over.

Values of an input: `state`, `topic`, `type`, `rate_hz`, `age_s`, `received`, `refused`,
`arriving` (share of the messages sent that arrived, where the transport tells), `fused` (frames it
was part of), `unmatched` (frames in a row it was alive for but not part of).

Values of the whole: `state` (of the lifecycle), `subset` (letters of the inputs in the last mask),
`alive`, `masks_published`, `latency_ms` (from the arrival of the leading message to having
published), `response_ms` (from the arrival of the frame's last message to having published),
`rest_ms` (of that, what neither the network nor the work around it took: decoding, drawing,
publishing, waiting), `model_ms` (spent on the frame in the network itself, its encoder and head),
`around_ms` (around these: images to the network's size and normalised, logits to the mask's size
and classes chosen), `overhead_ms` (on everything else: decoding, drawing, publishing). These three
include what was done beforehand. Each time is also there as `_p50` and `_p99` over the last 100
frames since the masks were last resumed. `mask_size` and `network_size` (of the last mask, and at
which the network saw it), `expected_miou`, `expected_on`, `confidence`, `share_<name>` and
`age_ms_<name>` (as in `~/report`, of the last mask), `ahead_used` and `ahead_wasted` (images
encoded ahead that became part of a frame, and that did not), `dropped_<cause>`, `device`,
`backend` (what computes the network), `backend_notes` (why `auto` passed others over),
`checkpoint`, `paused`, `unexpected_errors` (what came out of callbacks and calls from outside; the
node goes on, and the log has them), and what is not installed or does not load, with what that
costs.
"""


def describe() -> str:
    """Return the whole document as Markdown."""
    outputs = [
        f'| `{output.topic}` | {output.message} | {qos_text(output.qos)} | {output.description} |'
        for output in OUTPUTS
    ]
    inputs = [
        f'| {name} | `{parameters["topic"]}` | {parameters.get("type", "image")} |'
        for name, parameters in ((name, TOPICS[name]) for name in MODALITIES)
    ]
    sections = [
        HEAD,
        '## Inputs\n',
        INPUT_NOTE,
        '| modality | default topic | default type |\n|---|---|---|',
        *inputs,
        '\n### What the numbers mean\n',
        ENCODING_NOTE,
        '| encoding | wanted in the message | where yours is otherwise |\n|---|---|---|',
        *(
            f'| `{name}` | {wanted} | {otherwise} |'
            for name, (wanted, otherwise) in WANTED.items()
        ),
        VALUES_NOTE.rstrip(),
        f'\n{IMAGES}',
        '## Outputs\n',
        '| topic | type | QoS | content |\n|---|---|---|---|',
        *outputs,
        '\n## Service\n',
        SERVICE,
        '## Diagnostics\n',
        DIAGNOSTICS,
        '## Parameters\n',
        _table(GENERAL),
        '\n### Per modality\n',
        'Each with the name of the modality before it, e.g. `depth.timeout`.\n',
        _table(PER_MODALITY),
    ]
    return '\n'.join(sections) + '\n'


def parameter_file() -> str:
    """Return config/segment.yaml: every parameter with its default and its description."""
    lines = [
        '# Every parameter of the node `segment` with its default; docs/TOPICS.md says more.',
        '# Written by `python -m robustseg_ros.describe`, and yours to change in a copy.',
        '/**:',
        '  ros__parameters:',
        *_yaml(GENERAL, explain=True),
    ]
    for modality in MODALITIES:
        # What the parameters mean is the same for every modality: said once.
        lines += _yaml(modality_parameters(modality), explain=modality == MODALITIES[0])
    return '\n'.join(lines) + '\n'


def _table(parameters: Iterable[Parameter]) -> str:
    rows = [
        '| parameter | type | default | allowed | takes effect | meaning |',
        '|---|---|---|---|---|---|',
    ]
    for parameter in parameters:
        default = _yaml_value(parameter.default)
        rows.append(
            f'| `{parameter.name}` | {parameter.type_name} | `{default}` | {parameter.wanted} | '
            f'{parameter.effect.value} | {parameter.description} |'
        )
    return '\n'.join(rows)


def _yaml(parameters: Iterable[Parameter], *, explain: bool) -> list[str]:
    """Return lines of YAML, nested at the dots of the names."""
    lines: list[str] = []
    opened: list[str] = []
    for parameter in parameters:
        *groups, name = parameter.name.split('.')
        if groups != opened:
            same = sum(
                1
                for _ in takewhile(
                    lambda pair: pair[0] == pair[1], zip(groups, opened, strict=False)
                )
            )
            lines += [f'{_indent(depth)}{groups[depth]}:' for depth in range(same, len(groups))]
            opened = groups
        if explain:
            comment = f'{parameter.description} Takes effect: {parameter.effect.value}.'
            lines += wrap(
                comment,
                99,
                initial_indent=f'{_indent(len(groups))}# ',
                subsequent_indent=f'{_indent(len(groups))}# ',
                break_on_hyphens=False,
            )
        lines.append(f'{_indent(len(groups))}{name}: {_yaml_value(parameter.default)}')
    return lines


def _indent(depth: int) -> str:
    return '  ' * (depth + 2)


def _yaml_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value or "''"
    if isinstance(value, list):
        return f'[{", ".join(str(item) for item in value)}]'
    return str(value)


def main(argv: list[str] | None = None) -> int:
    """Write the document and the parameter file."""
    parser = argparse.ArgumentParser(prog='python -m robustseg_ros.describe', description=__doc__)
    parser.add_argument('topics', type=Path, help='where to write the tables (Markdown)')
    parser.add_argument('--parameters', type=Path, help='where to write the parameter file (YAML)')
    args = parser.parse_args(argv)
    replace_file(args.topics, describe())
    if args.parameters is not None:
        replace_file(args.parameters, parameter_file())
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
