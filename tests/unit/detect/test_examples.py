"""The examples in the docstrings print what they say."""

import doctest
import importlib

import pytest

WITH_EXAMPLES = (
    "absence", "adwin", "change_point", "count_cusum", "divergence", "history", "mean_cusum", "page_hinkley",
    "threshold",
)  # fmt: skip


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"detectors.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
