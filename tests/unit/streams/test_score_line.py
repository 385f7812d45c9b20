"""What a partition of score says about searches that wait."""

import time

from schemas.scores import ScoreControl, decode_scores, encode_scores
from streams.stages.id_hashes import IdHashes
from streams.stages.score_line import Line, Work
from streams.stages.search_pages import SearchPages
from streams.transport import TP


def work(arrived_ms: int = 0) -> Work:
    return Work(5, SearchPages({}, IdHashes()), arrived_ms=arrived_ms)


def test_a_line_tells_how_long_ago_the_latest_search_that_it_scored_had_arrived() -> None:
    line = Line(TP("search-events", 0), 0, {}, 30)
    now_ms = time.time_ns() // 1_000_000
    assert line.control(work(), {}).lag_ms is None  # nothing has been scored yet, and the end is not known
    line.passed(work(now_ms - 90_000))
    line.passed(work())  # a step that only wakes it has no record
    told = line.control(work(), {}).lag_ms
    assert told is not None
    assert 90_000 <= told <= 90_000 + (time.time_ns() // 1_000_000 - now_ms) + 1
    line.passed(work(now_ms + 60_000))  # the broker's clock is ahead
    assert line.control(work(), {}).lag_ms == 0
    line.passed(work(now_ms - 90_000))
    line.at_end = True
    assert line.control(work(), {}).lag_ms == 0


def test_controls_of_an_older_score_say_nothing_of_it_and_are_read() -> None:
    new = ScoreControl(0, 5, {"valid": 3}, False, 7, lag_ms=12)
    assert decode_scores(encode_scores(new)) == new
    old = encode_scores(new).replace(b"\x98", b"\x97", 1)[:-1]
    assert decode_scores(old) == ScoreControl(0, 5, {"valid": 3}, False, 7)
