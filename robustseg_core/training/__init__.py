"""Two-stage training: the teacher on everything, the student on what is left."""
