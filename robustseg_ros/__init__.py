"""The ROS 2 node and its tools."""
