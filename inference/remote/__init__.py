"""The pool's client: scores on workers elsewhere, over the Open Inference Protocol v2."""
