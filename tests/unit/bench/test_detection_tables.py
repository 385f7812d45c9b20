"""How the benches of detection put their tables into a document."""

import pytest

from schemas.errors import MatchwatchError
from streams.bench.detection import BEGIN, DOCUMENT, END, written
from streams.bench.report import Figure, figure, report
from streams.bench.shift import markdown as shift_markdown
from streams.bench.shift_figures import delay_figures, rate_figures, ratio_figures
from streams.bench.shift_traffic import SHIFTS
from streams.bench.shift_tuning import Rate, Tuning
from streams.bench.table import DETECTION

NOW_MS = 1_795_600_000_000


def place(bench: str, table: str = "") -> str:
    return BEGIN.format(bench) + table + END.format(bench)


def test_a_table_takes_the_place_of_the_one_before_and_leaves_all_else() -> None:
    document = "# Before\n\n" + place("faults", "old\n") + "\nbetween\n\n" + place("shift", "other\n")
    one = report("faults", [figure("faults_named_latency", [0.95], "share of seeds", 1.0)], NOW_MS)
    found = written(document, one)
    assert found.startswith("# Before\n\n" + BEGIN.format("faults"))
    assert found.endswith("\nbetween\n\n" + place("shift", "other\n"))
    assert "old" not in found
    assert "| latency | 0.95 |" in found
    assert "faults_named_latency: not reached" in found
    assert written(found, one) == found


def test_a_document_without_a_place_for_the_table_is_said() -> None:
    with pytest.raises(MatchwatchError, match="has no lines '<!-- Bench faults"):
        written("# Nothing\n", report("faults", [], NOW_MS))


def test_the_documentation_has_a_place_for_every_bench() -> None:
    document = DOCUMENT.read_text("utf-8")
    for name in DETECTION:
        assert document.count(BEGIN.format(name)) == document.count(END.format(name)) == 1


DETECTORS = {
    "ours": 12,
    "oracle": 10,
    "adwin": 60,
    "page_hinkley": 30,
    "kswin": 50,
    "ours_default": 20,
    "adwin_default": 70,
    "page_hinkley_default": 31,
    "kswin_default": 40,
}


def shift_figures() -> list[Figure]:
    parts = {shift.name: [{name: [x - 2, x + 2] for name, x in DETECTORS.items()} for _ in "ab"] for shift in SHIFTS}
    rates = {name: Rate(0 if name == "ours_default" else 125, 500_000) for name in DETECTORS}
    tunings = {shift.rule: Tuning({}, rates) for shift in SHIFTS}
    return [*ratio_figures(parts), *delay_figures(parts), *rate_figures(tunings)]


def test_the_headlines_are_the_worst_of_our_delays_over_those_of_the_cusum() -> None:
    by_name = {one.name: one for one in shift_figures()}
    for name in ("shift_delay_ratio", "shift_delay_ratio_ctr"):
        assert (by_name[name].value, by_name[name].target, by_name[name].met) == (1.2, "≤ 1.3", True)
    assert by_name["shift_delay_ratio_latency"].runs == [1.2, 1.2]
    assert by_name["shift_delay_ctr_10_adwin"].value == 60
    assert by_name["shift_false_alarms_ctr_drop_ours_every"].value == 4000
    assert by_name["shift_false_alarms_ctr_drop_ours_default_every"].value is None


def test_the_table_of_shifts_has_a_row_for_every_detector_and_says_how_often_it_alarms() -> None:
    lines = shift_markdown(shift_figures()).splitlines()
    assert "| ours | 12.0 ± 0.0 | 12.0 ± 0.0 | 12.0 ± 0.0 | 12.0 ± 0.0 | 12.0 ± 0.0 |" in lines
    assert "| ours, as shipped | more (0) | more (0) | more (0) |" in lines
    assert "| ADWIN | 4,000 (125) | 4,000 (125) | 4,000 (125) |" in lines
