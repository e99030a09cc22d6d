"""From topics and their messages to measurements that make a frame."""
