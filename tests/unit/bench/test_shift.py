"""What `bench shift` compares: the detectors of others as others run them, and somebody who knows all levels."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
from river.drift import KSWIN

from streams.bench.shift_detectors import (
    KSWIN_DEFAULT,
    cusum_alarms,
    cusum_threshold,
    kswin_alarms,
    run_length,
)
from streams.bench.shift_stream import GUARD, LEARNED, LONGEST_DELAY, RULES, Stream, delay, draw_stream, evidence
from streams.bench.shift_traffic import SHIFTS


def drawn(number: int, rule: str = "ctr_drop", cohorts: int = 1500) -> Stream:
    return draw_stream([7, number], RULES[rule], cohorts)


def test_kswin_alarms_where_rivers_does() -> None:
    stream = drawn(1)
    river, expected = KSWIN(seed=1), []
    for cohort, z in enumerate(stream.standardised.tolist()):
        river.update(z)
        if river.drift_detected:
            expected.append(cohort)
    assert expected
    assert list(kswin_alarms()(stream)) == expected
    assert len(list(kswin_alarms(KSWIN_DEFAULT + 2)(stream))) < len(expected)


@pytest.mark.parametrize("shift", SHIFTS, ids=lambda shift: shift.name)
def test_evidence_of_a_shift_is_a_likelihood_ratio(shift: object) -> None:
    """The mean of a likelihood ratio is 1 where nothing has changed; that of its logarithm has the shift's sign."""
    found = next(one for one in SHIFTS if one == shift)
    rule = RULES[found.rule]
    quiet = evidence(draw_stream([7, 2], rule, 4000), found)[60:]
    changed = evidence(draw_stream([7, 3], rule, 1500, found, 500), found)[500:]
    assert quiet.mean() < 0 < changed.mean()
    if found.name == "ctr_10":  # the others' ratios are so skew that no sample's mean tells
        assert np.exp(quiet).mean() == pytest.approx(1.0, abs=4 * np.exp(quiet).std() / math.sqrt(len(quiet)))


def test_the_cusum_is_set_to_the_number_of_alarms_that_is_wanted() -> None:
    streams = [drawn(number) for number in range(10, 16)]
    all_evidence = np.array([evidence(stream, SHIFTS[2]) for stream in streams])
    threshold = cusum_threshold(all_evidence, alarms=12)
    counted = run_length(lambda stream: cusum_alarms(evidence(stream, SHIFTS[2]), threshold), streams)
    assert counted == (12, 6 * (1500 - LEARNED))


def test_a_delay_ends_with_the_first_alarm_and_runs_with_alarms_just_before_do_not_count() -> None:
    def alarms(*cohorts: int) -> Iterator[int]:
        yield from cohorts

    assert delay(alarms(900), 900) == 1
    assert delay(alarms(900 - GUARD - 1, 912, 913), 900) == 13
    assert delay(alarms(900 - GUARD, 912), 900) is None
    assert delay(alarms(), 900) == LONGEST_DELAY


def test_equal_seeds_give_equal_streams() -> None:
    assert drawn(1, cohorts=50) == drawn(1, cohorts=50)
    assert drawn(1, cohorts=50) != drawn(2, cohorts=50)
