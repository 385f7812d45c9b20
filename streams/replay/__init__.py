"""Recorded events, read from files and sent to Kafka as if they came in now."""
