"""Bags: data sets become rosbag2 files, and rosbag2 files are replayed without rosbag2."""
