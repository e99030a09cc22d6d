"""The bond with a lifecycle manager; bondpy itself is not on PyPI, so a recorder stands for it."""

from types import SimpleNamespace

import pytest

from robustseg_ros.node import optional
from robustseg_ros.node.bond import ManagerBond


class Node:
    def __init__(self):
        self.destroyed = []

    def get_name(self):
        return 'front'

    def destroy_subscription(self, subscription):
        self.destroyed.append(subscription)

    def destroy_publisher(self, publisher):
        self.destroyed.append(publisher)


@pytest.fixture
def done(monkeypatch):
    done = []

    class Bond:
        """What ROS 2's bondpy has of it, as of its branch ros2."""

        def __init__(self, node, topic, bond_id):
            done.append(('made', topic, bond_id))
            self.pub = 'publisher'

        def set_heartbeat_period(self, seconds):
            done.append(('period', seconds))

        def set_heartbeat_timeout(self, seconds):
            done.append(('timeout', seconds))

        def start(self):
            self.sub = 'subscription'
            done.append(('start',))

        def break_bond(self):
            done.append(('break',))

        def shutdown(self):
            done.append(('shutdown',))

    monkeypatch.setattr(optional, 'load', lambda _: SimpleNamespace(Bond=Bond))
    return done


def test_a_bond_is_named_as_the_manager_expects_it_and_ended_by_a_word(done):
    node = Node()
    bond = ManagerBond(node)
    for _ in range(2):
        done.clear()
        node.destroyed.clear()
        bond.form()
        bond.form()
        expected = [('made', 'bond', 'front'), ('period', 0.1), ('timeout', 4.0), ('start',)]
        assert done == expected
        bond.end()
        bond.end()
        assert done == [*expected, ('break',), ('shutdown',)]
        assert node.destroyed == ['subscription', 'publisher']


def test_without_bondpy_there_is_none(monkeypatch):
    monkeypatch.setattr(optional, 'load', lambda _: None)
    bond = ManagerBond(Node())
    bond.form()
    bond.end()
