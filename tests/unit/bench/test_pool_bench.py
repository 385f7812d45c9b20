"""The bench of the pool measures the same work on all its ways."""

import numpy as np
import pytest

from inference.repository import ModelName, ModelRepository
from inference.two_tower import load_two_tower
from schemas.settings import Settings
from streams.bench import pool
from streams.bench.options import Options
from streams.models_folder import models_folder


def test_every_way_is_measured_in_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "BATCHES", 16)
    told: list[str] = []
    figures = {one.name: one for one in pool.bench(Options(Settings(), 1, 0, 0.0, told.append))}
    assert [name for name, one in figures.items() if one.target] == ["pool_ratio", "pool_queue_delay_p99_over_bound"]
    assert all(len(one.runs) == 1 and one.runs[0] > 0 for one in figures.values())
    new, known = figures["pool_search_new_items"].value, figures["pool_search_known_items"].value
    assert new is not None
    assert known is not None
    assert new > known
    assert len(told) == 1


def test_what_is_compared_with_computes_the_same() -> None:
    files = ModelRepository(models_folder("models")).read(ModelName("shop-match", "1"))
    tower = load_two_tower(files)
    queries, titles = pool._batches(3)[0]  # noqa: SLF001 - the texts that are measured
    assert len(set(queries)) == len(set(titles)) == pool.ROWS
    cosines = np.einsum("ij,ij->i", tower.queries.encode(queries).vectors, tower.items.encode(titles).vectors)
    np.testing.assert_allclose(
        pool.raw_onnx(files)((queries, titles)),
        tower.probabilities(cosines),
        rtol=0,
        atol=1e-5,
    )
