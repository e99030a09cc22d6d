"""The ROS arguments of the command line: what is wrong with them, and which one counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
import re
from typing import Any

from rclpy.exceptions import NameValidationException, ParameterException
from rclpy.impl.implementation_singleton import rclpy_implementation as _rclpy
from rclpy.parameter import Parameter
import yaml

from robustseg_core.errors import RobustSegError

# Raised by rclpy where the arguments, the parameter files or the environment are at fault.
_FAULTS = (
    RobustSegError,
    _rclpy.RCLError,
    _rclpy.RCLInvalidROSArgsError,
    _rclpy.UnknownROSArgsError,
    NameValidationException,
    ParameterException,
    UnicodeDecodeError,  # a parameter file that is not UTF-8
)
_PLACE_IN_RCL = re.compile(r',? at /\S+:\d+')
_LOADER = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
_PARAMETERS = 'ros__parameters'
_WORDS = {'true': True, 'yes': True, 'on': True, 'y': True}
_WORDS |= {'false': False, 'no': False, 'off': False, 'n': False}


def start_error(error: Exception) -> str | None:
    """Return in one line why the node cannot start, or None where it is no fault of the user's."""
    if not isinstance(error, _FAULTS):
        return None
    text = ' '.join(_PLACE_IN_RCL.sub('', str(error)).split())
    if isinstance(error, _rclpy.UnknownROSArgsError):
        text = f'unknown ROS arguments: {text}'
    return f'Cannot start: {text[:600]}'


def last_given(args: Sequence[str], name: str) -> list[Parameter]:
    """Return the parameters that were given more than once, each with the value given last.

    rclpy lets the last one win only among values of one type: of ``timeout: 1`` in a file and
    ``-p timeout:=0.3`` the file wins, silently.

    Args:
        args: Of the command line.
        name: Of the node, without its namespace, unless ``args`` change it.
    """
    words, path = _of_node(args, name)
    given: dict[str, list[Any]] = {}
    for option, word in words:
        for key, value in _settings(option, word, path):
            given.setdefault(key, []).append(value)
    return [
        Parameter(key, value=values[-1])
        for key, values in given.items()
        if len({_kind(value) for value in values}) > 1
    ]


def parameters_for(path: str, files: Iterable[str]) -> dict[str, Any]:
    """Return what parameter files, which must be good ones, set on the node of that full name."""
    settings: dict[str, Any] = {}
    for file in files:
        settings.update(_settings('--params-file', file, path))
    return settings


def _of_node(args: Sequence[str], name: str) -> tuple[list[tuple[str, str]], str]:
    """Return the options for ROS, and the full name of the node that is called ``name``."""
    words = list(_ros_words(args))
    namespace = '/'
    for option, word in words:
        if option in ('-r', '--remap'):
            rule, _, target = word.partition(':=')
            if rule.rpartition(':')[2] in ('__node', '__name'):
                name = target
            elif rule.rpartition(':')[2] == '__ns':
                namespace = target
    return words, f'/{namespace.strip("/")}/{name}'.replace('//', '/')


def _kind(value: Any) -> tuple[type, ...]:
    return (
        (list, *(type(item) for item in value[:1])) if isinstance(value, list) else (type(value),)
    )


def _ros_words(args: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the options that stand between --ros-args and --, each with its value."""
    inside = False
    option = ''
    for word in args:
        if option:
            yield option, word
            option = ''
        elif word in ('--ros-args', '--'):
            inside = word == '--ros-args'
        elif inside and word in ('-p', '--param', '--params-file', '-r', '--remap'):
            option = word


def _settings(option: str, word: str, path: str) -> Iterator[tuple[str, Any]]:
    """Yield what one argument sets on the node at ``path``."""
    if option in ('-p', '--param'):
        target, _, text = word.partition(':=')
        node, _, key = target.rpartition(':')
        if not node or node == path.rpartition('/')[2]:
            yield key, _value(yaml.compose(text, _LOADER))
    elif option == '--params-file':
        # rcl has read it, so that it is there and well formed.
        try:
            root = yaml.compose(Path(word).read_text(encoding='utf-8'), _LOADER)
        except yaml.YAMLError:  # not with libyaml, which rcl has, too
            return
        yield from _of_nodes(root, '', path)


def _of_nodes(tree: Any, prefix: str, path: str) -> Iterator[tuple[str, Any]]:
    for key, node in _pairs(tree):
        if key.value == _PARAMETERS:
            if re.fullmatch(_pattern(prefix), path):
                yield from _flat(node, '')
        else:
            yield from _of_nodes(node, f'{prefix}/{key.value.strip("/")}', path)


def _pairs(tree: Any) -> list[tuple[Any, Any]]:
    """Return what a mapping holds under names; rcl passes over what is not of that form."""
    if not isinstance(tree, yaml.MappingNode):
        return []
    return [pair for pair in tree.value if isinstance(pair[0], yaml.ScalarNode)]


def _pattern(prefix: str) -> str:
    """Return the regular expression of a node's name in a file: ``*`` is a part, ``**`` any."""
    parts = (re.escape(part) for part in prefix.split('/')[1:])
    kinds = {r'\*\*': r'(?:/\w+)*', r'\*': r'/\w+'}
    return ''.join(kinds.get(part, f'/{part}') for part in parts)


def _flat(tree: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for key, node in _pairs(tree):
        name = f'{prefix}{key.value}'
        if isinstance(node, yaml.MappingNode):
            yield from _flat(node, f'{name}.')
        else:
            yield name, _value(node)


def _value(node: Any) -> Any:
    """Return a value as rcl reads it, which is not quite YAML."""
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    text: str = node.value
    if node.style:  # quoted
        return text
    if text.lower() in _WORDS and text in (text.lower(), text.upper(), text.capitalize()):
        return _WORDS[text.lower()]
    octal = re.fullmatch(r'[-+]?0[0-7]+', text)
    try:
        return int(text, 8 if octal else 0)
    except ValueError:
        pass
    try:
        return float(re.sub(r'^([-+]?)\.(nan|inf)$', r'\1\2', text, flags=re.IGNORECASE))
    except ValueError:
        return text
