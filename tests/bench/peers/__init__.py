"""The pipeline's job, written by the book with other tools, to be measured beside it."""
