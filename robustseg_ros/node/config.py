"""The parameters as the node's parts want them: typed, in nanoseconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import ConfigError
from robustseg_core.modalities import Modality, ModalitySet
from robustseg_core.sensors import Measurement, encoding_of
from robustseg_ros.inputs.image_encodings import SIXTEEN
from robustseg_ros.inputs.picture_limits import PictureLimits

# Which measurements a type can carry: a picture may be depth, or an image drawn beforehand.
_PICTURES = frozenset(Measurement)
_SCALED = frozenset({Measurement.GREY, Measurement.DEPTH})
_HAS_BITS = frozenset({Measurement.GREY, Measurement.IMAGE})
FEWEST_BITS = 8  # of 16; more than these are never shown
_CARRIES = {
    'image': _PICTURES,
    'compressed_image': _PICTURES,
    'points': frozenset({Measurement.POINTS}),
    'events': frozenset({Measurement.EVENTS}),
}


@dataclass(frozen=True, kw_only=True)
class InputConfig:
    """One input; see ``parameters.PER_MODALITY``."""

    name: str
    enabled: bool
    topic: str
    type: str
    encoding: str
    scale: float
    intensity_scale: float
    leave_out_degraded: bool
    timeout_ns: int
    recovery_frames: int
    tolerance_ns: int
    offset_ns: int
    stamp: str
    reliability: str
    depth: int
    camera_from_sensor: NDArray[np.float64] | None
    event_period_ns: int
    limits: PictureLimits
    bits: int
    decode_limit_s: float


@dataclass(frozen=True, kw_only=True)
class Looks:
    """How frames are shown.

    Attributes:
        min_confidence: Below it, a pixel of the mask is unlabelled.
        opacity: Of the overlay.
        overlay_period_s: At least so long from one overlay to the next; 0: each frame has one.
        jpeg_quality: Of the compressed overlay, 1 to 100.
        share_rate_hz: How often the share of each input is measured; 0: never.
    """

    min_confidence: float = 0.0
    opacity: float = 0.5
    overlay_period_s: float = 0.0
    jpeg_quality: int = 80
    share_rate_hz: float = 1.0


@dataclass(frozen=True, kw_only=True)
class NodeConfig:
    """The whole node; see ``parameters.GENERAL``."""

    checkpoint: str
    device: str
    backend: str
    precision: str
    expected_size: tuple[int, int] | None
    encode_ahead: bool
    strict_modalities: bool
    camera_info_topic: str
    rectified: bool
    limits: PictureLimits
    max_wait_ns: int
    drawing_max_s: float
    looks: Looks
    inputs: Mapping[str, InputConfig]

    @property
    def order(self) -> tuple[str, ...]:
        """Return the names of the inputs, highest priority first."""
        return tuple(self.inputs)


def node_config(values: Mapping[str, Any]) -> NodeConfig:
    """Return the configuration behind checked parameter ``values``.

    Raises:
        ConfigError: Values contradict each other.
    """
    return NodeConfig(
        checkpoint=values['checkpoint'],
        device=values['device'],
        backend=values['backend'],
        precision=values['precision'],
        expected_size=_size(values['expected_size']),
        encode_ahead=values['encode_ahead'],
        strict_modalities=values['strict_modalities'],
        camera_info_topic=values['camera_info_topic'],
        rectified=values['image_is_rectified'],
        limits=_limits(values),
        max_wait_ns=_ns(values['sync.max_wait']),
        drawing_max_s=values['drawing.max_time'],
        looks=Looks(
            min_confidence=values['mask.min_confidence'],
            opacity=values['overlay.opacity'],
            overlay_period_s=1 / rate if (rate := values['overlay.max_rate']) > 0 else 0.0,
            jpeg_quality=values['overlay.jpeg_quality'],
            share_rate_hz=values['report.share_rate'],
        ),
        inputs={name: _input_config(name, values) for name in values['modalities']},
    )


def check_against_checkpoint(config: NodeConfig, modalities: ModalitySet) -> None:
    """Check that the model knows every input, and that its type can carry what it is trained on.

    Raises:
        ConfigError: Says which parameter to change.
    """
    unknown = [name for name in config.inputs if name not in modalities]
    if unknown and (config.strict_modalities or len(unknown) == len(config.inputs)):
        msg = f"Parameter 'modalities' has {unknown[0]!r}; {_known(modalities)}."
        raise ConfigError(msg)
    for name, source in config.inputs.items():
        if name in unknown:
            continue
        encoding = source.encoding or modalities[name].encoding
        if encoding_of(encoding).measurement not in _CARRIES[source.type]:
            msg = f"Parameter '{name}.type' is {source.type!r}, which cannot give {encoding!r}."
            raise ConfigError(msg)
        if source.scale not in {0.0, 1.0} and encoding_of(encoding).measurement not in _SCALED:
            msg = (
                f"Parameter '{name}.scale' is {source.scale!r}; wanted 0.0, since {encoding!r} "
                f'is neither of one channel nor of depth.'
            )
            raise ConfigError(msg)
        if source.intensity_scale != 1 and source.type != 'points':
            msg = (
                f"Parameter '{name}.intensity_scale' is {source.intensity_scale!r}; wanted 1.0, "
                f'since the type is {source.type!r}: only points have an intensity.'
            )
            raise ConfigError(msg)
        if source.bits != SIXTEEN and encoding_of(encoding).measurement not in _HAS_BITS:
            msg = (
                f"Parameter '{name}.bits' is {source.bits}; wanted 0, since {encoding!r} is "
                f'neither colours nor grey.'
            )
            raise ConfigError(msg)


def without_unknown(
    config: NodeConfig, modalities: ModalitySet, warn: Callable[[str], Any]
) -> NodeConfig:
    """Return ``config`` without the inputs that the model does not know; each is warned of."""
    for name in config.inputs:
        if name not in modalities:
            warn(f"{name} is left out: {_known(modalities)} ('strict_modalities' is false).")
    known = {name: source for name, source in config.inputs.items() if name in modalities}
    return replace(config, inputs=known)


def _known(modalities: ModalitySet) -> str:
    return f'the checkpoint knows {list(modalities.names)}'


def scale_of(source: InputConfig, modality: Modality) -> float:
    """Return the factor on the numbers of an input: the one asked for, or that of training."""
    if source.scale:
        return source.scale
    encoding = source.encoding or modality.encoding
    # Depth is in metres before it is multiplied, whatever the files trained on held.
    is_grey = encoding_of(encoding).measurement is Measurement.GREY
    if modality.scale is None or encoding != modality.encoding or not is_grey:
        return 1.0
    return modality.scale


def _input_config(name: str, values: Mapping[str, Any]) -> InputConfig:
    def value(key: str) -> Any:
        return values[f'{name}.{key}']

    if value('enabled') and not value('topic'):
        msg = f"Parameter '{name}.topic' is empty; wanted a topic (or {name}.enabled: false)."
        raise ConfigError(msg)
    if value('encoding'):
        encoding_of(value('encoding'))
    if value('stamp') == 'arrival' and value('type') == 'events':
        msg = (
            f"Parameter '{name}.stamp' is 'arrival'; wanted 'header' with type 'events', since "
            'each event has a time of its own.'
        )
        raise ConfigError(msg)
    if 0 < value('bits') < FEWEST_BITS:
        msg = f"Parameter '{name}.bits' is {value('bits')}; wanted 0 or {FEWEST_BITS} to 16."
        raise ConfigError(msg)
    matrix = value('camera_from_sensor')
    return InputConfig(
        name=name,
        enabled=value('enabled'),
        topic=value('topic'),
        type=value('type'),
        encoding=value('encoding'),
        scale=value('scale'),
        intensity_scale=value('intensity_scale'),
        leave_out_degraded=value('leave_out_degraded'),
        timeout_ns=_ns(value('timeout')),
        recovery_frames=value('recovery_frames'),
        tolerance_ns=_ns(value('tolerance')),
        offset_ns=_ns(value('offset')),
        stamp=value('stamp'),
        reliability=value('qos.reliability'),
        depth=max(1000, value('qos.depth')) if value('type') == 'events' else value('qos.depth'),
        camera_from_sensor=np.array(matrix, np.float64).reshape(4, 4) if matrix else None,
        event_period_ns=int(1e9 / value('event_rate')),
        limits=_limits(values),
        bits=value('bits') or SIXTEEN,
        decode_limit_s=values['input.decode_time'],
    )


def _limits(values: Mapping[str, Any]) -> PictureLimits:
    return PictureLimits(
        max_pixels=values['input.max_pixels'],
        max_side=values['input.max_side'],
        max_aspect=values['input.max_aspect'],
    )


def _size(numbers: list[float]) -> tuple[int, int] | None:
    if not numbers:
        return None
    height, width = numbers
    if min(numbers) < 1 or not (height.is_integer() and width.is_integer()):
        msg = f"Parameter 'expected_size' is {numbers!r}; wanted [height, width] in pixels."
        raise ConfigError(msg)
    return int(height), int(width)


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


def changed_live(old: NodeConfig, new: NodeConfig) -> NodeConfig:
    """Return ``old`` with those values of ``new`` that count at once."""
    return replace(
        old,
        max_wait_ns=new.max_wait_ns,
        encode_ahead=new.encode_ahead,
        looks=new.looks,
        inputs={
            name: replace(
                source,
                enabled=new.inputs[name].enabled,
                leave_out_degraded=new.inputs[name].leave_out_degraded,
                timeout_ns=new.inputs[name].timeout_ns,
                recovery_frames=new.inputs[name].recovery_frames,
                tolerance_ns=new.inputs[name].tolerance_ns,
                offset_ns=new.inputs[name].offset_ns,
            )
            for name, source in old.inputs.items()
        },
    )
