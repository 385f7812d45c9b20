"""The pool's worker: match models behind the Open Inference Protocol v2, REST and gRPC, with dynamic batching."""
