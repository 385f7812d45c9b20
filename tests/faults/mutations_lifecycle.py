"""Protections of an alert's life, switched off; see `tests/faults/mutation.py`."""

from typing import Final

from tests.faults.mutation import Mutation

SILENCES = "tests/unit/detect/test_alert_silences.py::"
INCIDENTS = "tests/unit/detect/test_incidents.py::"
EXCUSES = "tests/unit/detect/test_excuses.py::"
LIFE = "tests/unit/detect/test_lifecycle.py::"

LIFECYCLE_MUTATIONS: Final = (
    Mutation(
        "When a silence ends while its alert fires, subscribers are told",
        "detectors/notifications.py",
        "        if self._silences.asked:\n",
        "        if not self._silences.asked:\n",
        f"{SILENCES}test_when_a_silence_ends_while_the_alert_fires_subscribers_are_told",
        "('silenced', 'resolved', 0)",
    ),
    Mutation(
        "A silence holds by event time until before its end",
        "detectors/alert_silences.py",
        "            if one.starts_ms <= at_ms < one.ends_ms and",
        "            if one.starts_ms <= at_ms <= one.ends_ms and",
        f"{SILENCES}test_it_holds_from_its_start_until_before_its_end",
        "matchwatch.alert.silenced",
    ),
    Mutation(
        "Who was told that an alert fires is told that it has resolved",
        "detectors/lifecycle.py",
        "            told = not self.untold\n",
        "            told = not silenced\n",
        f"{SILENCES}test_who_was_told_that_it_fires_is_told_that_it_has_resolved",
        "('silenced', 'resolved', 0)",
    ),
    Mutation(
        "Incidents do not depend on the order in which horizons are decided",
        "detectors/incidents.py",
        "    return [one for one in members if one.horizon_s <= horizon_s and one.cohort_ms <= cohort_ms]\n",
        "    return list(members)\n",
        f"{INCIDENTS}test_the_order_in_which_horizons_are_decided_changes_nothing",
        "Place(incident=",
    ),
    Mutation(
        "A warning does not hide a critical alert of its incident",
        "detectors/incidents.py",
        "any(one.loudness(cohort_ms) >= severity_rank(data.severity) for one in seen)",
        "any(one.loudness(cohort_ms) >= 0 for one in seen)",
        f"{INCIDENTS}test_what_is_more_severe_or_fires_once_more_calls_again",
        "grouped=True) == Place(",
    ),
    Mutation(
        "What broke with an alert that is over calls on its own",
        "detectors/incidents.py",
        "            now = severity if since_ms <= cohort_ms else now\n",
        "            now = now\n",
        f"{INCIDENTS}test_who_is_called_for_what_is_over_or_silenced_is_called_again",
        "grouped",
    ),
    Mutation(
        "An alert that flaps is damped",
        "detectors/lifecycle.py",
        "        return max(resolve_s, FLAP_QUIET_S) if self.flapping else resolve_s\n",
        "        return resolve_s\n",
        f"{LIFE}test_what_fires_again_and_again_is_damped_until_it_has_been_quiet_for_long",
        "Step.RESOLVED",
    ),
    Mutation(
        "A pool that is away keeps what the remaining scores say waiting",
        "detectors/rules.py",
        '        settings={"min_effect": 0.03},\n        min_n=20,\n        inhibited_by=("searches_unscored",),\n',
        '        settings={"min_effect": 0.03},\n        min_n=20,\n',
        f"{EXCUSES}test_a_pool_that_is_away_mutes_what_the_remaining_scores_say",
        "match_drop",
    ),
    Mutation(
        "A trickle of misrouted events explains no large fall of clicks",
        "detectors/excuses.py",
        "        return FALL_PER_MISROUTED * share >= fall\n",
        "        return fall > 0\n",
        f"{EXCUSES}test_a_few_misrouted_events_explain_no_large_fall_and_are_a_warning",
        "ctr_drop",
    ),
    Mutation(
        "A version that warms up is not told as slow",
        "detectors/excuses.py",
        '        return watch.signal.startswith("latency_") and self._warms_up(watch, series, end_ms)\n',
        "        return False\n",
        f"{EXCUSES}test_a_new_version_may_be_slow_while_it_warms_up",
        "latency_p9",
    ),
)
