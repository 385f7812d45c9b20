"""Measurements of this program, each against a stated target."""
