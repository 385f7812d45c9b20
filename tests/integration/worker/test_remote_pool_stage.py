"""Score on a pool elsewhere: without any worker searches pass unscored, and are scored once one is there."""

import json
import time
from pathlib import Path

import pytest

from schemas.scores import ScoreBlock, decode_scores
from schemas.settings import Settings
from tests.integration.pipeline.harness import Pipeline, Topic, wait_until
from tests.integration.readers.topic_writing import write
from tests.integration.serving.worker_process import SHIPPED, WorkerProcess

pytestmark = pytest.mark.kafka
MODELS = SHIPPED.parents[1]


def search(number: int) -> bytes:
    return json.dumps(
        {
            "query_id": f"q-{number}",
            "timestamp": int(time.time() * 1000),
            "application": "shop-web",
            "surface": "search",
            "client_id": "c-1",
            "user_query": "运动鞋",
            "query_attributes": {},
            "model": {"name": "shop-rank", "version": "3"},
            "latency_ms": 10,
            "results": [{"object_id": "sku-1", "position": 1, "title": f"男士跑步运动鞋 {number}"}],
        }
    ).encode()


def test_without_workers_searches_pass_unscored_and_with_one_they_are_scored(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with WorkerProcess(MODELS) as gone:
        port = int(gone.http.rpartition(":")[2])
    monkeypatch.setenv("MATCHWATCH_SCORE_POOL", "remote")
    monkeypatch.setenv("MATCHWATCH_SCORE_WORKERS", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("MATCHWATCH_SCORE_SCORE_DEADLINE_S", "1")

    def models() -> list[str]:
        """The version that scored each block."""
        with Topic(settings, "match-scores", settings.kafka.partitions) as scores:
            blocks = [decode_scores(value) for _, value in scores.everything()]
        return [block.match_model[1] for block in blocks if isinstance(block, ScoreBlock)]

    with Pipeline(settings, tmp_path) as pipeline:
        pipeline.start("score")
        write(settings, "search-events", [search(0)])
        wait_until(lambda: models() == [""], "a search to pass without a score")
        with WorkerProcess(MODELS, http_port=port):
            sent = 0

            def scored() -> bool:
                nonlocal sent
                sent += 1
                write(settings, "search-events", [search(sent)])
                return "1" in models()

            wait_until(scored, "searches to be scored by the worker that came")
