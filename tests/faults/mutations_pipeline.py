"""Protections of what the pipeline says about itself, switched off; see `tests/faults/mutation.py`."""

from typing import Final

from tests.faults.mutation import Mutation

ALERTS = "tests/unit/detect/test_pipeline_alerts.py::"
OVERTAKEN = "tests/unit/evaluate/test_overtaken_clicks.py::"

PIPELINE_MUTATIONS: Final = (
    Mutation(
        "An alert says that events lie in wrong partitions",
        "detectors/pipeline_watch.py",
        "        s.misrouted += max(0, misrouted - seen.misrouted)\n",
        "",
        f"{ALERTS}test_one_misrouted_record_is_told_and_resolved_when_no_more_come",
        "not enough values to unpack",
    ),
    Mutation(
        "A successor of evaluate that is behind raises no misrouted event again",
        "detectors/pipeline_watch.py",
        "        seen.misrouted = max(seen.misrouted, misrouted)\n",
        "        seen.misrouted = misrouted\n",
        f"{ALERTS}test_a_successor_of_evaluate_that_is_behind_counts_nothing_again",
        "== 50",
    ),
    Mutation(
        "An alert says that searches pass unscored",
        "detectors/rules.py",
        '        settings={"limit": 0.05},\n',
        '        settings={"limit": 1.0},\n',
        f"{ALERTS}test_unscored_searches_are_told_on_each_surface_with_the_time_they_began",
        "assert []",
    ),
    Mutation(
        "Clicks that come when all their cohort's rollups are out have a counter of their own",
        "detectors/click_join.py",
        "        counts = due & (searched_ms >= self.closed_ms[:, None])\n",
        "        counts = due\n",
        f"{OVERTAKEN}test_a_click_for_which_every_horizon_is_closed_is_overtaken_and_neither_matched_nor_late",
        "overtaken_clicks",
    ),
)
