"""From a checkpoint to files that other libraries compute, checked before they are written."""
