"""Labelled pairs of query and item: read from files, and made from what a shop recorded."""
