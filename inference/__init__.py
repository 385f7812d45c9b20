"""Match models: the repository they live in, their encoders, the pool that scores with them, and their training.

Knows no Kafka and no clock of events: texts in, probabilities out.
"""

import os

# From 1.29 on ONNX Runtime reports its use to its vendor unless this is set before it is loaded. What a shop runs is
# its own matter; whoever wants to report sets it to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
