"""Data sets: where samples come from and how they are changed on the way."""
