"""Recomputing rollups, signals and alerts from the recorded topics, into topics of their own."""
