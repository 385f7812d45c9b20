"""The examples in the docstrings print what they say."""

import doctest
import importlib

import pytest

WITH_EXAMPLES = (
    "absence", "adwin", "burn_rate", "change_point", "count_cusum", "discord", "divergence", "event_split",
    "half_space", "history", "mean_cusum", "mean_gap", "nearest_value", "novelty", "page_hinkley", "rarity",
    "repeats", "seasonal_band", "threshold",
)  # fmt: skip


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"detectors.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
