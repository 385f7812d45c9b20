"""Protections of data, event time and the pool, switched off; see `tests/faults/mutation.py`."""

from typing import Final

from tests.faults.mutation import Mutation

TIME = "tests/faults/test_event_time.py::"
POOL = "tests/faults/test_pool.py::"
SILENCE = "tests/faults/test_silence.py::"
SETTINGS = "tests/faults/test_settings.py::"
POISON = "tests/faults/test_poison.py::test_records_that_nobody_can_read_stop_no_worker_and_change_nothing"

DATA_MUTATIONS: Final = (
    Mutation(
        "What is dated too far ahead is refused",
        "streams/stages/score.py",
        "if usual is not None and (arrival_ms is None or usual[1] - arrival_ms <= max_ahead_s * 1000):",
        "if usual is not None:",
        f"{TIME}test_a_fast_clock_is_refused_beyond_the_guard_and_makes_others_late_within_it",
    ),
    Mutation(
        "Events in wrong partitions are counted",
        "detectors/event_totals.py",
        '        self.count(f"misrouted_{events}", int(np.count_nonzero(flags & FLAG_MISROUTED)))\n',
        "",
        "tests/faults/test_partitioner.py::"
        "test_events_in_wrong_partitions_count_where_they_lie_and_the_doctor_names_the_setting",
        "producers",
    ),
    Mutation(
        "Clicks that are ahead of their searches are held",
        "streams/stages/evaluate.py",
        "        clicks_ahead = clicks_ms > scores_ms + align_ms\n",
        "        clicks_ahead = False\n",
        "tests/faults/test_backlog.py::test_clicks_far_ahead_of_their_searches_wait_in_the_log",
        "waited in memory",
    ),
    Mutation(
        "Searches pass unscored where the pool does not answer",
        "streams/stages/pool_watch.py",
        "asyncio.timeout(self._deadline_s)",
        "asyncio.timeout(None)",
        f"{POOL}test_while_the_pool_does_not_answer_searches_pass_unscored_and_counted_and_scoring_comes_back",
        "no metric says that the pool is away",
    ),
    Mutation(
        "A pool that is away is not waited for by each batch",
        "streams/stages/pool_watch.py",
        "        if self._away:\n",
        "        if self._deadline_s < 0:\n",
        "tests/unit/streams/test_pool_watch.py::test_only_the_first_batch_of_an_outage_waits_and_an_answer_ends_it",
        "later batches waited for a pool that is away",
    ),
    Mutation(
        "A full pool slows the consumer down",
        "streams/stages/score_line.py",
        "MAX_WAITING_BATCHES: Final = 1\n",
        "MAX_WAITING_BATCHES: Final = 0\n",
        f"{POOL}test_a_pool_slower_than_the_load_slows_the_consumer_down_and_drops_nothing",
        "score took",
    ),
    Mutation(
        "Records that are not ours are left out, whatever they are",
        "schemas/ours.py",
        "    except (UnicodeDecodeError, RecursionError) as error:\n",
        "    except ZeroDivisionError as error:\n",
        POISON,
        "not counted by detect",
    ),
    Mutation(
        "A control record's watermark is a time in digits",
        "streams/control.py",
        "        if name == WATERMARK_HEADER and _is_time(text):\n",
        "        if name == WATERMARK_HEADER:\n",
        POISON,
        "not everything is closed",
    ),
    Mutation(
        "Commits of other fold settings are refused",
        "streams/stages/evaluate_restart.py",
        "    if checkpoint.settings != settings_hash:\n",
        "    if not checkpoint.settings:\n",
        f"{SETTINGS}test_other_settings_are_refused_and_with_the_old_ones_evaluate_goes_on_without_loss",
        "runs on with other settings",
    ),
    Mutation(
        "A partition whose sources stand is called idle",
        "streams/stages/evaluate_partition.py",
        "        return self._sources_stand and self.fold.source_idle\n",
        "        return False\n",
        f"{SILENCE}test_an_unused_partition_and_a_silence_longer_than_the_timeout_lose_nothing",
        "not all partitions are idle",
    ),
    Mutation(
        "A search ends idleness at once",
        "streams/stages/evaluate_partition.py",
        "        return self._sources_stand and self.fold.source_idle\n",
        "        return self._sources_stand\n",
        "tests/unit/streams/test_evaluate_partition.py::test_a_search_ends_idleness_before_score_says_so",
        "a control that carries its time calls it idle",
    ),
    Mutation(
        "A new beginning leaves out cohorts that are not whole",
        "detectors/evaluate.py",
        "            self._leave_out_open_cohorts(int(before[first]))\n",
        "            self._leave_out_first = False\n",
        "tests/faults/test_from_next_cohort.py::"
        "test_from_next_cohort_begins_with_a_whole_cohort_and_those_before_stay_as_they_were",
        "cohorts are not whole",
    ),
)
