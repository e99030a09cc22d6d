"""Compressed pictures, decoded in a process that can be given up; without ROS and torch."""
