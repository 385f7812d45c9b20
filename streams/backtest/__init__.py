"""Which alerts would have fired over recorded events: the pipeline's folds without a pipeline."""
