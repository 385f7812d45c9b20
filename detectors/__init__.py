"""Online mathematics: the stages' folds, rollups, signals, detectors and alerts. No I/O and no clock."""
