"""The pictures of the demo: what the sensors saw, and the node's mask over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from matplotlib.font_manager import findfont
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from robustseg_core.files import replacing
from robustseg_core.labels import LabelSet
from robustseg_ros.demo.pictures import Pixels, backdrop, shown
from robustseg_ros.segment.overlay import paint_overlay

SIDE = 256
THUMB = 128
BAR = 24
OPACITY = 0.6
MISSED = 0.35
MAX_BYTES = 10_000_000
WHITE, GREY, DARK = (240, 242, 245), (150, 155, 163), (24, 26, 30)
GREEN, RED = (46, 160, 92), (209, 60, 75)
_TITLES = {'rgb': 'RGB', 'lidar': 'LiDAR'}


@dataclass(frozen=True)
class Scene:
    """What is shown of one frame.

    Attributes:
        time_s: Of the drive.
        condition: Weather and light.
        images: Sensor -> its network image (H, W, 3), of all sensors; the order is that of names.
        alive: The sensors that sent theirs.
        used: The sensors that the mask rests on; empty where there is no mask.
        class_ids: (H, W) the mask, or None.
    """

    time_s: float
    condition: str
    images: Mapping[str, NDArray[Any]]
    alive: tuple[str, ...]
    used: tuple[str, ...]
    class_ids: Pixels | None


class Film:
    """Draws frames as they come, and saves them as an endless GIF.

    Args:
        labels: Of the masks.
    """

    def __init__(self, labels: LabelSet) -> None:
        self._labels = labels
        self._pictures: list[Image.Image] = []

    def add(self, scene: Scene) -> None:
        """Draw one frame."""
        self._pictures.append(draw_scene(scene, self._labels))

    def save(self, path: Path, period_s: float, max_bytes: int = MAX_BYTES) -> int:
        """Save what was drawn; every second frame is left out until the file is small enough.

        Args:
            path: Where.
            period_s: Between two frames.
            max_bytes: What is small enough.

        Returns:
            How many frames apart those of the GIF are.
        """
        palette = _common_palette(self._pictures)
        step = 1
        while True:
            chosen = [
                picture.quantize(palette=palette, dither=Image.Dither.NONE)
                for picture in self._pictures[::step]
            ]
            with replacing(path) as partial:
                chosen[0].save(
                    partial,
                    format='GIF',
                    save_all=True,
                    append_images=chosen[1:],
                    duration=round(1000 * period_s * step),
                    loop=0,
                )
            if path.stat().st_size <= max_bytes or len(chosen) == 1:
                return step
            step *= 2


def draw_scene(scene: Scene, labels: LabelSet) -> Image.Image:
    """Draw one frame of the film: RGB beside the overlay, all sensors below; 512 pixels wide."""
    canvas = Image.new('RGB', (2 * SIDE, BAR + SIDE + BAR + THUMB), DARK)
    draw = ImageDraw.Draw(canvas)
    clock = f'{scene.time_s:4.1f} s   {scene.condition}'
    camera = 'RGB camera' if 'rgb' in scene.alive else 'what RGB misses'
    draw.text((8, BAR // 2), camera, WHITE, _font(13), anchor='lm')
    draw.text((SIDE - 8, BAR // 2), clock, GREY, _font(13), anchor='rm')
    draw.text((SIDE + 8, BAR // 2), 'what the node says', WHITE, _font(13), anchor='lm')
    canvas.paste(_camera(scene, SIDE), (0, BAR))
    canvas.paste(_overlay(scene, labels, SIDE), (SIDE, BAR))
    _draw_names(draw, scene, (SIDE, BAR), SIDE)
    top = BAR + SIDE
    for place, name in enumerate(scene.images):
        left = place * THUMB
        alive = name in scene.alive
        _draw_name(draw, (left + 8, top + BAR // 2), name, alive=alive, size=13)
        canvas.paste(_sensor_picture(scene, name, THUMB), (left, top + BAR))
    return canvas


def draw_still(scenes: Sequence[Scene], labels: LabelSet, side: int = 200) -> Image.Image:
    """Draw a strip of moments, RGB above the overlay, for the README."""
    gap, head = 6, 26
    width = len(scenes) * (side + gap) - gap
    canvas = Image.new('RGB', (width, head + 2 * side + gap), DARK)
    draw = ImageDraw.Draw(canvas)
    for place, scene in enumerate(scenes):
        left = place * (side + gap)
        canvas.paste(_camera(scene, side), (left, head))
        canvas.paste(_overlay(scene, labels, side), (left, head + side + gap))
        _draw_names(draw, scene, (left, 0), head, side)
        draw.text(
            (left + side - 6, head + 12),
            scene.condition,
            WHITE,
            _font(12),
            anchor='rm',
            stroke_width=2,
            stroke_fill=DARK,
        )
    return canvas


def _overlay(scene: Scene, labels: LabelSet, side: int) -> Image.Image:
    if scene.class_ids is None or not scene.used:
        picture = Image.new('RGB', (side, side), DARK)
        text = 'no mask\nfor this frame'
        place = (side // 2, side // 2)
        draw = ImageDraw.Draw(picture)
        draw.multiline_text(place, text, GREY, _font(13), anchor='mm', align='center')
        return picture
    leader = scene.used[0]
    seen = backdrop(leader, scene.images[leader])
    painted = paint_overlay(seen, 'rgb', labels.colourise(scene.class_ids), OPACITY)
    return _resized(painted, side)


def _camera(scene: Scene, side: int) -> Image.Image:
    """Return the camera's picture; where it is dead a dim one, to judge the mask by."""
    if 'rgb' in scene.alive:
        return _sensor_picture(scene, 'rgb', side)
    grey = scene.images['rgb'].mean(axis=2, keepdims=True) * MISSED
    picture = _resized(np.repeat(grey.astype(np.uint8), 3, axis=2), side)
    _cross_out(picture)
    return picture


def _sensor_picture(scene: Scene, name: str, side: int) -> Image.Image:
    if name in scene.alive:
        return _resized(shown(name, scene.images[name]), side)
    picture = Image.new('RGB', (side, side), (10, 11, 13))
    _cross_out(picture)
    return picture


def _cross_out(picture: Image.Image) -> None:
    side = picture.width
    draw = ImageDraw.Draw(picture)
    inset, width = side // 4, max(2, side // 64)
    draw.line((inset, inset, side - inset, side - inset), RED, width)
    draw.line((inset, side - inset, side - inset, inset), RED, width)


def _draw_names(
    draw: ImageDraw.ImageDraw,
    scene: Scene,
    corner: tuple[int, int],
    height: int,
    width: int = SIDE,
) -> None:
    """Write all sensors' names along the bottom: those in use in green, the dead struck out."""
    left, top = corner
    font = _font(12)
    gap = 8
    widths = [font.getlength(_title(name)) for name in scene.images]
    spare = (width - sum(widths) - gap * (len(widths) - 1)) / 2
    draw.rectangle((left, top + height - 22, left + width - 1, top + height - 1), DARK)
    x = left + spare
    for name, length in zip(scene.images, widths, strict=True):
        _draw_name(draw, (x, top + height - 11), name, alive=name in scene.alive, size=12)
        x += length + gap


def _draw_name(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], name: str, *, alive: bool, size: int
) -> None:
    title, font = _title(name), _font(size)
    draw.text(at, title, GREEN if alive else RED, font, anchor='lm')
    if not alive:
        draw.line((at[0] - 2, at[1], at[0] + font.getlength(title) + 2, at[1]), RED, 1)


def _common_palette(pictures: Sequence[Image.Image]) -> Image.Image:
    """Return one palette for all, so that what does not change need not be stored again."""
    sample = pictures[:: max(1, len(pictures) // 16)]
    width, height = sample[0].size
    sheet = Image.new('RGB', (width, height * len(sample)))
    for place, picture in enumerate(sample):
        sheet.paste(picture, (0, place * height))
    return sheet.quantize(256, method=Image.Quantize.MEDIANCUT)


def _resized(pixels: Pixels, side: int) -> Image.Image:
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if picture.size == (side, side):
        return picture
    return picture.resize((side, side), Image.Resampling.BOX)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(findfont('DejaVu Sans:bold'), size)


def _title(name: str) -> str:
    return _TITLES.get(name, name.capitalize())
