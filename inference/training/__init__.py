"""Training of the small two-tower model. Needs the extra `train`; nothing here is imported while scoring."""
