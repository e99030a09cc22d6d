"""The kinds of files that strangers give us: good ones, how they are damaged, who reads them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
import json
from pathlib import Path
import random
import shutil
import struct
from typing import Any

import cv2
from mutated_files import mutated_bytes, mutated_text, mutated_tree
import numpy as np
import yaml

from robustseg_core.errors import RobustSegError

ROOT = Path(__file__).parents[1]


class Kind(ABC):
    """One kind of file; ``make`` writes the next damaged one, ``read`` is ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def make(self, rng: random.Random) -> Path:
        """Write a damaged file and return it."""

    @abstractmethod
    def read(self, path: Path) -> None:
        """Read it as the package does."""

    @abstractmethod
    def command(self, path: Path, out: Path) -> Sequence[str]:
        """Return module and arguments of a command that reads it; what it writes is in ``out``."""


class Checkpoints(Kind):
    """The embedded student: header, weights' table, or bytes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        good = ROOT / 'robustseg_core' / 'checkpoints' / 'streets_student.safetensors'
        self._good = good.read_bytes()
        (size,) = struct.unpack('<Q', self._good[:8])
        self._header = json.loads(self._good[8 : 8 + size])
        self._weights = self._good[8 + size :]

    def make(self, rng: random.Random) -> Path:
        path = self.folder / 'damaged.safetensors'
        choice = rng.random()
        if choice < 0.25:
            path.write_bytes(mutated_bytes(self._good, rng, 20_000))
            return path
        header = dict(self._header)
        metadata = dict(header['__metadata__'])
        if choice < 0.75:
            content = json.loads(metadata['robustseg'])
            if rng.random() < 0.8:  # provenance is large, and any will do
                content['config'] = mutated_tree(content['config'], rng)
            else:
                content = mutated_tree(content, rng)
            metadata['robustseg'] = json.dumps(content)
            header['__metadata__'] = metadata
        else:
            table = {key: value for key, value in header.items() if key != '__metadata__'}
            damaged = mutated_tree(table, rng)
            if isinstance(damaged, dict):
                header = {**damaged, '__metadata__': metadata}
        text = json.dumps(header).encode()
        path.write_bytes(struct.pack('<Q', len(text)) + text + self._weights)
        return path

    def read(self, path: Path) -> None:
        from robustseg_core.models.checkpoint import load_model

        load_model(path)

    def command(self, path: Path, out: Path) -> Sequence[str]:
        out /= 'made.safetensors'
        return 'robustseg_core.calibrate', '--undo', '--checkpoint', str(path), '--out', str(out)


class Descriptions(Kind):
    """The YAML of a data set in folders."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._text = (ROOT / 'config' / 'data' / 'thermal.yaml').read_text()

    def make(self, rng: random.Random) -> Path:
        path = self.folder / 'damaged.yaml'
        if rng.random() < 0.5:
            text = mutated_text(self._text, rng)
        else:
            tree = mutated_tree(yaml.safe_load(self._text), rng)
            text = json.dumps(tree) if rng.random() < 0.5 else dumped(tree)
        path.write_bytes(text.encode(errors='replace'))
        return path

    def read(self, path: Path) -> None:
        from robustseg_core.data.folders_description import read_description

        read_description(path)

    def command(self, path: Path, out: Path) -> Sequence[str]:
        return (
            'robustseg_core.train', f'out={out}', 'data.kind=folders', f'data.description={path}',
            'data.root=/nowhere/at/all',
        )  # fmt: skip


class Settings(Descriptions):
    """The YAML of a training run."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._text = (ROOT / 'config' / 'train' / 'streets.yaml').read_text()

    def read(self, path: Path) -> None:
        from robustseg_core.training.settings import read_settings

        read_settings('train', path, [])

    def command(self, path: Path, out: Path) -> Sequence[str]:
        nothing = ('data.kind=deliver', 'data.root=/nowhere/at/all')
        return 'robustseg_core.train', '--config', str(path), f'out={out}', *nothing


class Pictures(Kind):
    """Images and arrays of sensors, and label images."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        rng = np.random.default_rng(0)
        colours = rng.integers(0, 255, (48, 64, 3)).astype(np.uint8)
        depth = rng.integers(300, 9000, (48, 64)).astype(np.uint16)
        self._good = {
            suffix: cv2.imencode(suffix, colours)[1].tobytes()
            for suffix in ('.png', '.jpg', '.bmp', '.tif', '.webp')
        }
        self._good['.16.png'] = cv2.imencode('.png', depth)[1].tobytes()
        np.save(folder / 'good.npy', depth.astype(np.float32))
        np.savez_compressed(folder / 'good.npz', depth)
        for suffix in ('.npy', '.npz'):
            self._good[suffix] = (folder / f'good{suffix}').read_bytes()

    def make(self, rng: random.Random) -> Path:
        suffix = rng.choice(sorted(self._good))
        path = self.folder / f'damaged{suffix}'
        path.write_bytes(mutated_bytes(self._good[suffix], rng, 128))
        return path

    def read(self, path: Path) -> None:
        from robustseg_core.data.reading import read_class_ids
        from robustseg_core.data.sensor_files import read_image
        from robustseg_core.modalities import BYTE, Modality
        from robustseg_core.models.importers.protocols import PROTOCOLS

        depth = Modality('depth', 'D', 'inverse_log_depth', BYTE)
        grey = Modality('thermal', 'T', 'grey', BYTE)
        readers: list[Callable[[], Any]] = [
            partial(read_image, path, modality, 0.001)
            for modality in (PROTOCOLS['deliver']['rgb'], depth, grey)
        ]
        readers.append(partial(read_class_ids, path, 13))
        refusals = list(filter(None, map(_refusal, readers)))
        if len(refusals) == len(readers):
            raise refusals[0]

    def command(self, path: Path, out: Path) -> Sequence[str]:
        return (
            'robustseg_core.predict', f'depth={path}', '--checkpoint', 'streets_student', '--out',
            str(out),
        )  # fmt: skip


class Bags(Kind):
    """Bags in both storages, packed and not: metadata.yaml or the storage's bytes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

        from robustseg_ros.bags import channels, messages
        from robustseg_ros.bags.definitions import typestore

        self._good: list[Path] = []
        for number, (storage, packed) in enumerate(
            (storage, packed)
            for storage in (StoragePlugin.MCAP, StoragePlugin.SQLITE3)
            for packed in (CompressionMode.NONE, CompressionMode.MESSAGE)
        ):
            path = folder / f'good{number}'
            shutil.rmtree(path, ignore_errors=True)
            writer = Writer(path, version=9, storage_plugin=storage)
            if packed != CompressionMode.NONE:
                writer.set_compression(packed, CompressionFormat.ZSTD)
            with writer:
                channel = channels.CONDITION
                connection = writer.add_connection(
                    channel.topic,
                    channel.msgtype,
                    typestore=typestore(),
                    offered_qos_profiles=[channel.qos],
                )
                for index in range(5):
                    data = typestore().serialize_cdr(messages.text(str(index)), channel.msgtype)
                    writer.write(connection, 10**9 + index, data)
            self._good.append(path)

    def make(self, rng: random.Random) -> Path:
        path = self.folder / 'damaged'
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(rng.choice(self._good), path)
        metadata = path / 'metadata.yaml'
        storage = next(each for each in path.iterdir() if each != metadata)
        choice = rng.random()
        if choice < 0.3:
            metadata.write_text(dumped(mutated_tree(yaml.safe_load(metadata.read_text()), rng)))
        elif choice < 0.5:
            text = mutated_text(metadata.read_text(), rng)
            metadata.write_bytes(text.encode(errors='replace'))
        else:
            storage.write_bytes(mutated_bytes(storage.read_bytes(), rng, 1 << 20))
        return path if choice < 0.75 else storage

    def read(self, path: Path) -> None:
        from robustseg_ros.bags.play_options import PlayOptions, choose_topics
        from robustseg_ros.bags.reading import read_info, read_messages

        info = read_info(path)
        for _ in read_messages(path, [each.name for each in choose_topics(info, PlayOptions())]):
            pass

    def command(self, path: Path, out: Path) -> Sequence[str]:
        return 'robustseg_ros.bags.play', str(path), '--default-transport', '--rate', '1000'


KINDS: dict[str, type[Kind]] = {
    'checkpoints': Checkpoints,
    'descriptions': Descriptions,
    'settings': Settings,
    'pictures': Pictures,
    'bags': Bags,
}


def _refusal(reader: Callable[[], Any]) -> RobustSegError | None:
    try:
        reader()
    except RobustSegError as error:
        return error
    return None


def dumped(tree: Any) -> str:
    """Return YAML, of which a stranger may nest more than PyYAML can write."""
    try:
        return yaml.safe_dump(tree)
    except RecursionError:
        return json.dumps(tree)
