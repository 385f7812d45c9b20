"""The Open Inference Protocol v2 as it goes over the wire, REST and gRPC: what server and client share."""
