"""The demo: a recorded drive, a node of its own, sensors that die, and figures of how it went."""
