"""From topics and their messages to measurements that make a frame."""

from robustseg_ros.inputs.availability_synchronizer import AvailabilitySynchronizer

__all__ = ['AvailabilitySynchronizer']
