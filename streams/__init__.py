"""The Faust apps and everything else that touches Kafka, Redis, HTTP, files and people."""
