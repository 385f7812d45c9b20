"""Sending dead letters back to where they came from, each once."""
