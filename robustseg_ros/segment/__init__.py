"""The node ``segment``: masks from whatever sensors are alive."""
