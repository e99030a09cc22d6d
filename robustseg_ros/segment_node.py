"""The node ``segment`` as a command: ``python -m robustseg_ros.segment_node``."""

import sys

from robustseg_ros.segment.node import main

if __name__ == '__main__':
    sys.exit(main())
