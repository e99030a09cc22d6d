"""Convert a published checkpoint: ``python -m robustseg_core.import_checkpoint SRC DST ...``."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
import sys

from robustseg_core.errors import RobustSegError
from robustseg_core.labels import LABEL_SETS, label_set
from robustseg_core.models.checkpoint import save_model
from robustseg_core.models.importers.convert import import_model
from robustseg_core.models.importers.protocols import PROTOCOLS, published_modalities


def _parser() -> ArgumentParser:
    letters = ', '.join(f'{name}: {known.letters}' for name, known in PROTOCOLS.items())
    parser = ArgumentParser(prog='python -m robustseg_core.import_checkpoint', description=__doc__)
    parser.add_argument('source', type=Path, help='RobustSeg, AnySeg, NVIDIA, mmseg, Hugging Face')
    parser.add_argument('target', type=Path, help='the .safetensors file to write')
    parser.add_argument('--labels', required=True, help=f'classes: {", ".join(LABEL_SETS)}')
    parser.add_argument('--modalities', help=f'letters of its sensors; default all ({letters})')
    parser.add_argument('--missing', choices=['drop', 'zero'], default='drop')
    parser.add_argument(
        '--resolution', type=int, nargs=2, default=(1024, 1024), metavar=('HEIGHT', 'WIDTH')
    )
    parser.add_argument('--half', action='store_true', help='store the weights as float16')
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    arguments = _parser().parse_args(argv)
    try:
        labels = label_set(arguments.labels)
        model = import_model(
            arguments.source,
            labels,
            published_modalities(labels.name, arguments.modalities),
            resolution=tuple(arguments.resolution),
            missing=arguments.missing,
        )
        save_model(model, arguments.target, half=arguments.half)
    except RobustSegError as error:
        print(f'robustseg_core.import_checkpoint: {error}', file=sys.stderr)
        return 1
    origin = model.provenance['imported_from']
    print(
        f'{arguments.target}: {model.config.backbone}, head {model.config.head_width} '
        f'({model.provenance["head"]}), {len(labels)} classes of {labels.name}, '
        f'modalities {model.config.modalities.letters}; read as {origin["layout"]}, '
        f'dropped {len(origin["dropped"])} weights. {model.provenance["licence"]}'
    )
    return 0


if __name__ == '__main__':
    sys.exit(main())
