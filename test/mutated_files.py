"""Files damaged at random: bytes, or values in what they say; the same for a seed."""

from __future__ import annotations

from copy import deepcopy
import random
from typing import Any

NONSENSE: tuple[Any, ...] = (
    None, True, 0, -1, 1, 2, 255, 65536, 2**31, 2**63, 2**64, 10**30, 0.0, -0.5, 1e300, 1e-300,
    '', ' ', 'x', '../..', '/dev/zero', '\u0000', '\u2028', '%s{}', 'x' * 20_000, '*' * 40, [],
    [[]], {}, {'a': 1}, [None] * 3, ['x'] * 300, [1e9] * 3,
)  # fmt: skip
_SIGNS = ('[', '{', '- ', '? ', '*a', '&a ', '!!python/name:os.getcwd ', '\t', '\0', '|')
_VALUES = ('2001-99-99', '9' * 9999, '1:' * 99, '0x', '.inf')
_WORDS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63, 2**64 - 1)


def mutated_bytes(data: bytes, rng: random.Random, head: int = 4096) -> bytes:
    """Return ``data`` with one to four places damaged, most in its first ``head`` bytes."""
    content = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        reach = min(len(content), head) if rng.random() < 0.7 else len(content)
        at = rng.randrange(reach) if reach else 0
        choice = rng.randrange(7)
        if choice == 0:
            del content[at:]
        elif choice == 1:
            content[at : at + 1] = bytes([rng.randrange(256)])
        elif choice == 2 and content:
            content[at] ^= 1 << rng.randrange(8)
        elif choice == 3:
            size = rng.choice((1, 2, 4, 8))
            word = rng.choice(_WORDS) % 2 ** (8 * size)
            content[at : at + size] = word.to_bytes(size, rng.choice(('big', 'little')))
        elif choice == 4:
            del content[at : at + rng.randint(1, 64)]
        elif choice == 5:
            content[at:at] = rng.randbytes(rng.randint(1, 64))
        else:
            content[at:at] = content[at : at + rng.randint(1, 200)]
    return bytes(content)


def mutated_tree(tree: Any, rng: random.Random) -> Any:
    """Return a copy of lists, mappings and values with one to three of them replaced."""
    root = {'': deepcopy(tree)}
    for _ in range(rng.randint(1, 3)):
        places = list(_places(root))
        owner, key = places[rng.randrange(len(places))]
        choice = rng.randrange(6)
        if choice == 0 and owner is not root:
            del owner[key]
        elif choice == 1:
            owner[key] = _nested(owner[key], rng.choice((2, 40, 200)), rng)
        elif choice == 2 and isinstance(owner, dict) and owner is not root:
            owner[rng.choice(('x', '', 'a' * 5000, 'root'))] = owner.pop(key)
        elif choice == 3:
            other, name = places[rng.randrange(len(places))]
            owner[key] = deepcopy(other[name])
        else:
            owner[key] = deepcopy(rng.choice(NONSENSE))
    return root['']


def _places(tree: Any) -> Any:
    """Yield every (owner, key) below ``tree``, to a depth that recursion reaches."""
    waiting = [tree]
    while waiting:
        owner = waiting.pop()
        for key, value in owner.items() if isinstance(owner, dict) else enumerate(owner):
            yield owner, key
            if isinstance(value, dict | list):
                waiting.append(value)


def _nested(value: Any, depth: int, rng: random.Random) -> Any:
    for _ in range(depth):
        value = [value] if rng.random() < 0.5 else {'a': value}
    return value


def mutated_text(text: str, rng: random.Random) -> str:
    """Return YAML with lines, signs and words moved, doubled or replaced."""
    lines = text.splitlines(keepends=True)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(lines)) if lines else 0
        choice = rng.randrange(7)
        if choice == 0:
            lines[at:at] = lines[at : at + rng.randint(1, 5)]
        elif choice == 1:
            del lines[at : at + rng.randint(1, 3)]
        elif choice == 2:
            signs = (
                '[',
                '{',
                '- ',
                '? ',
                '*a',
                '&a ',
                '!!python/name:os.getcwd ',
                '\t',
                '\0',
                '|',
            )
            lines[at:at] = [rng.choice(signs) * rng.choice((1, 3, 3000))]
        elif choice == 3 and lines:
            lines[at] = ' ' * rng.randint(0, 9) + lines[at].lstrip()
        elif choice == 4 and lines:
            lines[at] = lines[at].partition(':')[0] + f': {rng.choice(NONSENSE)}\n'
        elif choice == 5:
            lines[at:at] = [
                'x: ' + rng.choice(('2001-99-99', '9' * 9999, '1:' * 99, '0x', '.inf'))
            ]
        else:
            lines = [mutated_bytes(''.join(lines).encode(), rng).decode(errors='replace')]
    return ''.join(lines)
