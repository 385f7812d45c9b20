"""The local servers: Kafka and Redis, started, found again and stopped; no fixed port, no trace left."""
