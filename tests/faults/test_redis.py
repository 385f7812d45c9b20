"""Redis killed, empty again and emptied: it holds nothing that is not written again within a second."""

import time
from pathlib import Path

import pytest
import redis

from streams.stack.lifeline import Lifeline
from streams.stack.ports import port_of
from streams.stack.process import stop
from streams.stack.redis import start_redis
from tests.faults.conftest import SceneMaker
from tests.faults.crew import wait_until
from tests.faults.scene import Scene

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(300)]
RIGHT_AGAIN_S = 5.0


def all_there_again(play: Scene) -> float:
    """Wait until every partition and detect are written again; seconds it took."""
    began_s = time.monotonic()
    with redis.Redis.from_url(play.settings.redis.url) as client:
        pattern = f"{play.settings.kafka.group_prefix}:*"
        wanted = play.settings.kafka.partitions + 1
        wait_until(lambda: len(list(client.scan_iter(pattern))) == wanted, "the counters do not come back", 20.0)
    return time.monotonic() - began_s


def test_a_redis_that_is_killed_and_one_that_is_emptied_are_right_again_within_seconds(
    make_scene: SceneMaker, tmp_path: Path, lifeline: Lifeline
) -> None:
    url, server = start_redis(tmp_path / "redis", tie=lifeline.tie)
    try:
        with make_scene("Redis killed, then emptied", redis=url) as play:
            play.begin()
            play.busy_moment("evaluate", 0.3)
            stop(server, 0.0)
            play.feed.reach(0.5)
            again_url, server = start_redis(tmp_path / "redis", tie=lifeline.tie, preferred_port=port_of(url))
            assert again_url == url
            after_kill_s = all_there_again(play)
            play.feed.reach(0.7)
            with redis.Redis.from_url(url) as client:
                client.flushall()
            after_flush_s = all_there_again(play)
            play.title += f" (counters back after {after_kill_s:.1f} s and {after_flush_s:.1f} s)"
            play.judge()
            assert max(after_kill_s, after_flush_s) <= RIGHT_AGAIN_S
    finally:
        stop(server, 0.0)
