"""Other people's checkpoints: read, recognised, converted, or refused with a reason."""
