"""Makes the Mix Transformers known to timm: import this, then ``timm.create_model('mit_b0')``.

Registering on import is timm's own convention. The segmenter does not need it: a robot that runs a
Mix Transformer never imports timm.
"""

from __future__ import annotations

from typing import Any

from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import Tensor, nn

from robustseg_core.errors import ConfigError
from robustseg_core.models.backbones import STRIDES
from robustseg_core.models.mix_transformer import (
    MIX_TRANSFORMERS,
    MixTransformer,
    MixTransformerConfig,
)


class TimmMixTransformer(nn.Module):
    """A Mix Transformer as timm wants it: a classifier that can also give its feature levels.

    Shapes:
        image: (B, 3, H, W) float.
        returns: logits (B, ``num_classes``); pooled features (B, C_4) where that is 0.
    """

    def __init__(
        self,
        cfg: MixTransformerConfig,
        num_classes: int = 1000,
        in_chans: int = 3,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__()
        if in_chans != 3:
            msg = f'A Mix Transformer takes images of 3 channels, got in_chans={in_chans}.'
            raise ConfigError(msg)
        self.trunk = MixTransformer(cfg, drop_path_rate)
        self.num_classes = num_classes
        self.num_features = cfg.dims[-1]
        self.feature_info = [
            {'num_chs': channels, 'reduction': stride, 'module': f'trunk.stages.{index}'}
            for index, (channels, stride) in enumerate(zip(cfg.dims, STRIDES, strict=True))
        ]
        self.head = nn.Linear(self.num_features, num_classes) if num_classes else nn.Identity()

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.head(self.trunk(image)[-1].mean(dim=(2, 3)))
        return logits

    def forward_intermediates(
        self, image: Tensor, indices: list[int] | None = None, **_options: Any
    ) -> list[Tensor]:
        """Return the maps at ``indices``, as timm's ``features_only`` asks for them."""
        maps: list[Tensor] = self.trunk(image)
        return maps if indices is None else [maps[index] for index in indices]


def _register(name: str) -> None:
    def build(pretrained: bool = False, **options: Any) -> nn.Module:  # noqa: FBT001, FBT002 -- timm's signature
        model: nn.Module = build_model_with_cfg(
            TimmMixTransformer,
            name,
            pretrained,
            model_cfg=MIX_TRANSFORMERS[name],
            feature_cfg={'out_indices': (0, 1, 2, 3), 'feature_cls': 'getter'},
            **options,
        )
        return model

    build.__name__ = name
    register_model(build)


default_cfgs = generate_default_cfgs(
    {f'{name}.untrained': {'input_size': (3, 224, 224)} for name in MIX_TRANSFORMERS}
)
for _name in MIX_TRANSFORMERS:
    _register(_name)
