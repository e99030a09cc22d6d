"""Parameter files that are wrong in every way one can think of, from a seed."""

from collections.abc import Iterator
from pathlib import Path
import random

ROOT = Path(__file__).resolve().parents[1]
# What stands where a value should be.
VALUES = (
    '', '~', 'null', '{}', '[]', '[[1.0]]', '[1, 2.5]', "[1, 'a']", '[true, 1]', '[~]', '{a: 1}',
    '&a 1', '*a', '!!python/object:os.system x', '!!binary aGk=', '!!float x', '1e999', '-1e999',
    '.nan', '.inf', '99999999999999999999', '-9223372036854775809', '0x', '0b12', 'yes', 'on',
    "'", '"', '"\\xff"', '|', '>', '- 1', '? a', '%', '@', '`', '\t1', '1: 2', 'a: b: c',
    '2024-01-01', '[', '{', ']', '}', ',', '"a\\0b"', 'x' * 5000, '[' * 200, '{a: ' * 100,
    '[' + '1, ' * 3000 + '1]',
)  # fmt: skip
SPECIAL = (
    '', ' ', '\n', '/**:', '/**: 1', '/**:\n  ros__parameters:', '/**:\n  ros__parameters: 1',
    'ros__parameters:\n  a: 1', '/**:\n  ros__parameters:\n  - a', '- a', 'a', '---\n---\n',
    '/**:\n  a: 1', '/**:\n  ros__parameters:\n    use_sim_time: maybe',
    '/**:\n  ros__parameters:\n    use_sim_time: 1',
    '/**:\n  ros__parameters:\n    use_sim_time: []',
    '/**:\n  ros__parameters:\n    use_sim_time: [true]',
    '/**:\n  ros__parameters:\n    start_type_description_service: 3',
    '/**:\n  ros__parameters:\n    ros__parameters:\n      a: 1',
    '/**:\n  ros__parameters:\n    a.b: 1\n    a: 2', '/**:\n  ros__parameters:\n    1: 2',
    '/**:\n  ros__parameters:\n    ? [a, b]\n    : 1', '\ufeff/**:\n  ros__parameters: {a: 1}',
    'segment:\n  ros__parameters:\n    autostart: 7', '/**/x:\n  ros__parameters: {a: 1}',
    '/a b:\n  ros__parameters: {a: 1}', '*:\n  ros__parameters: {a: 1}',
    '/**:\n  ros__parameters:\n    modalities: 3',
    '/**:\n  ros__parameters:\n    rgb: {topic: "/a b"}',
    '/**:\n  ros__parameters:\n    modalities: ["é"]',
    '/**:\n  ros__parameters:\n    "": 1', '/**:\n  ros__parameters:\n    x: \x00',
    'a:\n' * 5000, '/**:\n  ros__parameters:\n' + '    a:\n' * 10, '%YAML 9.9\n---\n/**: {}',
)  # fmt: skip


def malformed(count: int, seed: int) -> Iterator[bytes]:
    """Yield ``count`` parameter files, most of them the shipped one with something broken."""
    rng = random.Random(seed)
    good = (ROOT / 'config' / 'segment.yaml').read_bytes()
    yield from (text.encode() for text in SPECIAL[:count])
    for _ in range(count - len(SPECIAL)):
        yield rng.choice((_value, _value, _line, _bytes, _indentation, _cut))(rng, good)


def _value(rng: random.Random, good: bytes) -> bytes:
    lines = good.decode().splitlines()
    for _ in range(rng.choice((1, 1, 3))):
        at = rng.choice([i for i, line in enumerate(lines) if ': ' in line and '#' not in line])
        lines[at] = f'{lines[at].partition(": ")[0]}: {rng.choice(VALUES)}'
    return '\n'.join(lines).encode()


def _line(rng: random.Random, good: bytes) -> bytes:
    lines = good.splitlines()
    at = rng.randrange(len(lines))
    change = rng.choice(('double', 'swap', 'drop'))
    if change == 'double':
        lines.insert(rng.randrange(len(lines)), lines[at])
    elif change == 'swap':
        other = rng.randrange(len(lines))
        lines[at], lines[other] = lines[other], lines[at]
    else:
        del lines[at]
    return b'\n'.join(lines)


def _bytes(rng: random.Random, good: bytes) -> bytes:
    data = bytearray(good)
    for _ in range(rng.choice((1, 3, 30))):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def _indentation(rng: random.Random, good: bytes) -> bytes:
    lines = good.decode().splitlines()
    at = rng.randrange(len(lines))
    lines[at] = rng.choice(('', ' ', '\t', ' ' * 7)) + lines[at].lstrip()
    return '\n'.join(lines).encode()


def _cut(rng: random.Random, good: bytes) -> bytes:
    return good[: rng.randrange(len(good))]
