"""What an exported graph says of itself: everything needed to feed it and to read its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import json
from typing import Any

from robustseg_core.errors import CheckpointError, ConfigError
from robustseg_core.models.config import MOST_SIDE, SegmenterConfig
from robustseg_core.models.header import METADATA_KEY, VERSION, parse_header
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.quoting import shown
from robustseg_core.typed import is_name, is_whole

Size = tuple[int, int]  # height, width

__all__ = ['METADATA_KEY', 'GraphDescription', 'Size']


@dataclass(frozen=True)
class GraphDescription:
    """The text that both graphs of an export carry, under the key of our checkpoints.

    Attributes:
        config: What the network is.
        provenance: What it was trained and evaluated on.
        format: ``onnx``, ``openvino`` or ``tensorrt``.
        precision: ``fp32``, ``fp16`` or ``int8``.
        size: (height, width) of the only images it takes; None = any.
    """

    config: SegmenterConfig
    provenance: Mapping[str, Any]
    format: str
    precision: str = 'fp32'
    size: Size | None = None

    @classmethod
    def of(
        cls, model: MultimodalSegmenter, file_format: str, precision: str, size: Size | None
    ) -> GraphDescription:
        return cls(model.config, model.provenance, file_format, precision, size)

    def to_text(self) -> str:
        """Return JSON: the content of a checkpoint's header, and how it was exported."""
        content = {
            'version': VERSION,
            'config': self.config.to_dict(),
            'provenance': dict(self.provenance),
            'export': {
                'format': self.format,
                'precision': self.precision,
                'size': None if self.size is None else list(self.size),
            },
        }
        return json.dumps(content, allow_nan=False)

    @classmethod
    def from_text(cls, text: str, file: str) -> GraphDescription:
        """Read what ``to_text`` returned and ``file`` holds.

        Raises:
            CheckpointError: It is something else.
        """
        header = parse_header(text, file)
        export = header.content.get('export')
        found = export if isinstance(export, Mapping) else {}
        size = found.get('size')
        sides = size if isinstance(size, list) else []
        is_size = len(sides) == 2 and all(is_whole(side, 32, MOST_SIDE) for side in sides)
        is_named = is_name(found.get('format')) and is_name(found.get('precision'))
        if not is_named or not (size is None or is_size):
            msg = (
                f'{file}: no graph of ours: its metadata has no export with format, precision '
                f'and size, got {shown(export)}.'
            )
            raise CheckpointError(msg)
        return cls(
            header.config,
            header.provenance,
            found['format'],
            found['precision'],
            None if size is None else (size[0], size[1]),
        )

    @classmethod
    def of_pair(cls, texts: Mapping[str, str | None]) -> GraphDescription:
        """Read the one description that two files hold.

        Args:
            texts: File -> what it says; None where it says nothing.

        Raises:
            CheckpointError: A file says nothing or what is not ours, or they say two things.
        """
        for file, text in texts.items():
            if text is None:
                msg = f'{file}: no graph of ours: its metadata has no entry {METADATA_KEY!r}.'
                raise CheckpointError(msg)
        if len(set(texts.values())) > 1:
            msg = f'{" and ".join(texts)} are of different exports; wanted two of one.'
            raise CheckpointError(msg)
        file, text = next(iter(texts.items()))
        return cls.from_text(str(text), file)

    def check_size(self, size: Size) -> None:
        """Refuse images that the graph was not made for.

        Raises:
            ConfigError: It takes images of one other size only.
        """
        if self.size is not None and tuple(size) != self.size:
            msg = (
                f'The network was exported for images of {self.size[0]}x{self.size[1]}, got '
                f'{size[0]}x{size[1]}; export it again with --size dynamic, or with this size.'
            )
            raise ConfigError(msg)
