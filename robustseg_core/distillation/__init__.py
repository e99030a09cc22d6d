"""Learning to do without: modality dropout and the distillation losses."""
