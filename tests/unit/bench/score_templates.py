"""A template of scored searches that no score stage had to write."""

import numpy as np

from schemas.scores import Series, id_hash
from streams.bench.score_template import ScoreTemplate, Texts
from streams.shop.clicks import POSITIONS

SERIES = [Series("shop", "search", "rank", "1"), Series("shop", "ads", "rank", "1")]


def small_template(searches: int = 40, seed: int = 3) -> ScoreTemplate:
    rng = np.random.default_rng(seed)
    shape = (searches, POSITIONS)
    names = [[f"sku-{row}-{place}" for place in range(POSITIONS)] for row in range(searches)]
    rows, places = np.nonzero(rng.random(shape) < 0.05)
    return ScoreTemplate(
        match_model=("shop-match", "1"),
        scoring_ms=1.0,
        numbers={
            "latencies_ms": rng.uniform(10, 90, searches).astype("<f8"),
            "flags": np.zeros(searches, "u1"),
            "missing_titles": np.zeros(searches, "<u4"),
            "tokens": np.full(searches, 2, "<u4"),
            "unknown_tokens": np.zeros(searches, "<u4"),
        },
        series=SERIES,
        series_index=rng.integers(len(SERIES), size=searches).astype("<u2"),
        item_ids=np.array([[id_hash(name) for name in page] for page in names], "<u8"),
        positions=np.tile(np.arange(1, POSITIONS + 1, dtype="<u4"), (searches, 1)),
        scores=rng.integers(4096, size=shape).astype("<u2"),
        categories=Texts(["shoes", "hats"], rng.integers(2, size=shape).astype("<u2")),
        segments={
            name: Texts(["a", "b"], rng.integers(2, size=searches).astype("<u2"))
            for name in ("category", "device", "locale")
        },
        click_rows=rows.astype(np.int64),
        click_delays_ms=rng.integers(0, 1_200_000, rows.size),
        click_objects=[names[row][place] for row, place in zip(rows.tolist(), places.tolist(), strict=True)],
    )
