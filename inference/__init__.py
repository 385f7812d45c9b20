"""Match models: the repository they live in, their encoders, the pool that scores with them, and their training.

Knows no Kafka and no clock of events: texts in, probabilities out.
"""
