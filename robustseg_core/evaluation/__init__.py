"""Scores: confusion counts, the protocols of the papers, and their reports."""
