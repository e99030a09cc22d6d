"""At which size the network sees an image."""

import numpy as np
import pytest

from robustseg_core.errors import SensorError
from robustseg_core.sensors.sizes import MOST_ASPECT, STRIDE, network_size


@pytest.mark.parametrize(
    ('image', 'pixels', 'wanted'),
    [
        ((512, 512), 512 * 512, (512, 512)),
        ((1080, 1920), (512, 512), (384, 672)),
        ((375, 1242), (256, 256), (128, 480)),
        ((10, 10), 4, (32, 32)),
        ((100, 3000), (64, 64), (32, 352)),
    ],
)
def test_network_size_keeps_aspect_and_pixel_count(
    image: tuple[int, int], pixels: int | tuple[int, int], wanted: tuple[int, int]
) -> None:
    assert network_size(*image, pixels) == wanted


@pytest.mark.parametrize('arguments', [(0, 10, 100), (10, -1, 100), (10, 10, 0)])
def test_network_size_wants_positive_numbers(arguments: tuple[int, int, int]) -> None:
    with pytest.raises(SensorError, match='wanted positive numbers'):
        network_size(*arguments)


@pytest.mark.parametrize('size', [(1, 20_000), (1_000_000, 1), (1, 1_000_000), (1, 65)])
def test_network_size_refuses_what_is_longer_than_any_sensor(size: tuple[int, int]) -> None:
    height, width = size
    with pytest.raises(
        SensorError,
        match=rf'size is {height}x{width}, an aspect of {max(size)}; wanted at most 64',
    ):
        network_size(*size, (512, 512))


def test_network_size_is_never_far_from_the_pixels_wanted() -> None:
    rng = np.random.default_rng(0)
    for side in (64, 256, 512, 1024):
        for height in rng.integers(1, 1 << 20, 300).tolist():
            width = max(1, int(height * float(MOST_ASPECT) ** rng.uniform(-1, 1)))
            if max(height, width) <= MOST_ASPECT * min(height, width):
                rows, columns = network_size(height, width, (side, side))
                # The short side is a stride at least, the long one eight times the side at most.
                assert rows * columns <= max(2 * side**2, (8 * side + STRIDE) * STRIDE)
