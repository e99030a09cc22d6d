"""Encoders by name: our Mix Transformers, or any timm backbone with four feature levels."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn

from robustseg_core.errors import ConfigError
from robustseg_core.models.mix_transformer import MIX_TRANSFORMERS, MixTransformer
from robustseg_core.packages import load_problem

STRIDES = (4, 8, 16, 32)


class Backbone(Protocol):
    """What the segmenter asks of an encoder.

    Shapes:
        image: (B, 3, H, W) float.
        returns: four maps (B, C_i, H / s_i, W / s_i), rounded up, with strides s = 4, 8, 16, 32.

    Attributes:
        channels: C_i of the four maps.
    """

    channels: tuple[int, ...]

    def __call__(self, image: Tensor) -> list[Tensor]: ...


class TimmBackbone(nn.Module):
    """The levels at strides 4 to 32 of a timm model; the contract is ``Backbone``'s.

    The drop path rate is passed on to the models that have it.

    Raises:
        ConfigError: timm is not installed, has no such model, or the model has other levels.
    """

    def __init__(self, name: str, drop_path_rate: float) -> None:
        super().__init__()
        # Here and not above: a robot with a Mix Transformer starts without importing timm.
        if why := load_problem('timm'):
            msg = f'Backbone {name!r} needs timm, which {why}; {_known()}.'
            raise ConfigError(msg)
        import timm

        if not timm.is_model(name):
            msg = f'Unknown backbone {name!r}; {_known()}, and every name of timm.list_models().'
            raise ConfigError(msg)
        try:
            self.levels = timm.create_model(
                name, features_only=True, drop_path_rate=drop_path_rate
            )
        except TypeError:  # not every model has drop path
            self.levels = timm.create_model(name, features_only=True)
        except (AttributeError, RuntimeError) as error:
            msg = f'Backbone {name!r} gives no feature levels: {error}'
            raise ConfigError(msg) from error
        strides = list(self.levels.feature_info.reduction())
        level_of = {stride: index for index, stride in enumerate(strides)}
        if any(stride not in level_of for stride in STRIDES):
            msg = f'Backbone {name!r} has levels at strides {strides}; needed are {list(STRIDES)}.'
            raise ConfigError(msg)
        self.indices = [level_of[stride] for stride in STRIDES]
        channels = self.levels.feature_info.channels()
        self.channels: tuple[int, ...] = tuple(channels[index] for index in self.indices)
        # Some timm transformers keep channels last.
        self.is_channels_last = str(getattr(self.levels, 'output_fmt', 'NCHW')).endswith('NHWC')

    def forward(self, image: Tensor) -> list[Tensor]:
        maps = self.levels(image)
        chosen: list[Tensor] = [maps[index] for index in self.indices]
        return [each.movedim(-1, 1) for each in chosen] if self.is_channels_last else chosen


def create_backbone(name: str, drop_path_rate: float = 0.0) -> MixTransformer | TimmBackbone:
    """Build the encoder ``name`` with random weights.

    Raises:
        ConfigError: No such backbone, or not one with four levels at strides 4 to 32.
    """
    if name in MIX_TRANSFORMERS:
        return MixTransformer(MIX_TRANSFORMERS[name], drop_path_rate)
    return TimmBackbone(name, drop_path_rate)


def _known() -> str:
    return f'known are {sorted(MIX_TRANSFORMERS)}'
