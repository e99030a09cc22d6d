"""The ROS arguments: whichever is given last counts, whatever its type, and mistakes are told."""

from pathlib import Path

from parameter_files import malformed
import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node

from robustseg_ros.node.arguments import last_given, start_error


@pytest.fixture(scope='module', autouse=True)
def environment(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_LOG_DIR', str(tmp_path_factory.mktemp('log')))
        patch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'OFF')
        yield


@pytest.fixture
def write(tmp_path):
    def write_file(text: str) -> str:
        path = tmp_path / f'{len(list(tmp_path.iterdir()))}.yaml'
        path.write_text(text)
        return str(path)

    return write_file


def outcome(args: list[str]) -> dict[str, object] | Exception:
    """Start a node with ``args``; return the parameters it was given, or what was raised."""
    context = Context()
    try:
        rclpy.init(args=args, context=context)
        node = Node('segment', context=context, parameter_overrides=last_given(args, 'segment'))
        given = {name: parameter.value for name, parameter in node._parameter_overrides.items()}
        node.destroy_node()
    except Exception as error:
        return error
    finally:
        context.try_shutdown()
    return given


def all_nodes(value: str) -> str:
    return f'/**:\n  ros__parameters:\n    rgb: {{timeout: {value}}}\n'


@pytest.mark.parametrize(
    ('in_file', 'on_line', 'wanted'),
    [
        ('0.5', 'abc', 'abc'),
        ('1', '0.3', 0.3),
        ('0.5', '1', 1),
        ('true', 'abc', 'abc'),
        ('7', 'yes', True),
        ('1', "'5'", '5'),
        ('[1]', '[0.5]', [0.5]),
        ('[0.5]', '[]', []),
        ('[1.0]', '2', 2),
        ('1', '1e3', 1000.0),
        ('true', '010', 8),
        ('true', '0x10', 16),
    ],
)
def test_the_command_line_wins_over_the_file_before_it(write, in_file, on_line, wanted):
    file = write(all_nodes(in_file))
    for flag in ('-p', '--param'):
        args = ['node', '--ros-args', '--params-file', file, flag, f'rgb.timeout:={on_line}']
        given = outcome(args)
        assert given['rgb.timeout'] == wanted
        assert type(given['rgb.timeout']) is type(wanted) or isinstance(wanted, list)


def test_the_file_wins_where_it_comes_last(write):
    file = write(all_nodes('true'))
    args = ['--ros-args', '-p', 'rgb.timeout:=0.3', '--params-file', file]
    assert outcome(args)['rgb.timeout'] is True


@pytest.mark.parametrize(
    'head',
    [
        'segment:',
        '/segment:',
        '/**/segment:',
        '/*:',
        '/robot/segment:',
        'robot:\n segment:',
        '**:',
    ],
)
def test_only_files_for_this_node_count(write, head):
    """For the node in its namespace; what rcl itself takes for it is the judge."""
    indent = '  ' if '\n' in head else ' '
    file = write(f'{head}\n{indent}ros__parameters: {{a: 0.5}}\n')
    for namespace in ([], ['-r', '__ns:=/robot'], ['-r', '__node:=front']):
        base = ['--ros-args', *namespace, '-p', 'a:=7', '--params-file']
        alone = outcome(['--ros-args', *namespace, '--params-file', file])
        if isinstance(alone, Exception):
            continue  # no name of a node, says rcl
        wanted = 0.5 if 'a' in alone else 7
        assert outcome([*base, file])['a'] == wanted, namespace


def test_what_is_not_for_ros_is_left_alone(write):
    assert last_given(['node', '-p', 'a:=1', '-p', 'a:=b'], 'segment') == []
    both = last_given(['--ros-args', '-p', 'a:=1', '--', '-p', 'a:=b'], 'segment')
    assert both == []
    [a] = last_given(['--ros-args', '-p', 'a:=1', '-p', 'segment:a:=b', '-p', 'x:a:=1'], 'segment')
    assert (a.name, a.value) == ('a', 'b')


def test_300_malformed_files_are_taken_or_refused_in_one_line(tmp_path):
    """The long run: docs/RELIABILITY.md."""
    path = tmp_path / 'fuzz.yaml'
    refused = 0
    for data in malformed(300, seed=0):
        path.write_bytes(data)
        given = outcome(['--ros-args', '--params-file', str(path), '-p', 'rgb.timeout:=0.5'])
        if isinstance(given, Exception):
            refused += 1
            message = start_error(given)
            assert message is not None, (data[:300], repr(given))
            assert '\n' not in message
            assert 'Cannot start: ' in message
            assert len(message) < 700
        else:
            assert given['rgb.timeout'] == 0.5
    assert 100 < refused < 250


def test_a_bug_is_no_fault_of_the_user():
    assert start_error(AttributeError('x')) is None


@pytest.mark.parametrize(
    'args',
    [
        ['--ros-args', '--params-file', '/none/there.yaml'],
        ['--ros-args', '-p', 'nonsense'],
        ['--ros-args', '-r', '__node:=a b'],
        ['--ros-args', '-r', 'x'],
        ['--ros-args', '--log-level', 'loud'],
        ['--ros-args', '--nonsense'],
    ],
)
def test_bad_arguments_are_told_in_one_line(args):
    message = start_error(outcome(args))
    assert message is not None
    assert '\n' not in message
    assert args[-1].split(':=')[-1] in message or Path(args[-1]).name in message
