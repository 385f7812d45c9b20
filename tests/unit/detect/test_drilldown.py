"""Which slices an alert names: held against plain sums, SciPy, and traffic whose truth is known."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from scipy import stats

from detectors.drilldown import Explanation, explain
from detectors.mix_shift import mix_evidence
from detectors.other_surfaces import compare_surfaces
from detectors.rules import DEFAULT_RULES
from detectors.series_watch import SeriesWatch
from detectors.slice_changes import take_apart
from detectors.slice_noise import as_normal, learn_factor
from detectors.slice_table import Noise, SliceTable, exposure_table, slice_tables, surface_table
from detectors.trail import Trail
from schemas.rollup import LABEL_FREE, Rollup, SegmentCounts
from tests.unit.detect.following import every_version

DEVICES = {"mobile": 0.6, "desktop": 0.3, "tablet": 0.1}
LOCALES = {f"locale-{i}": share for i, share in enumerate((0.4, 0.3, 0.15, 0.1, 0.05))}
CTR = {"mobile": 0.12, "desktop": 0.08, "tablet": 0.05}
BEFORE, AFTER = 120, 12

Story = Callable[[int], tuple[Mapping[str, float], Callable[[str, str], float]]]
"""By cohort: how large a part of the searches each device is, and what part of its clicks a slice keeps."""


def alike(factor: float) -> Story:
    return lambda cohort: (DEVICES, lambda _device, _locale: factor if cohort >= BEFORE else 1.0)


def in_slice(name: str, factor: float) -> Story:
    return lambda cohort: (
        DEVICES,
        lambda device, locale: factor if cohort >= BEFORE and name in {device, locale} else 1.0,
    )


def moved(to: Mapping[str, float]) -> Story:
    return lambda cohort: (to if cohort >= BEFORE else DEVICES, lambda _device, _locale: 1.0)


def trail(story: Story, seed: int = 1, searches: float = 600.0, dispersion: float = 2.0) -> Trail:
    """Write cohorts of ten items a search; clicks scatter `dispersion` times as much as independent ones."""
    rng, made = np.random.default_rng(seed), Trail()
    for cohort in range(BEFORE + AFTER):
        parts, keeps = story(cohort)
        device: dict[str, list[int]] = {name: [0, 0] for name in parts}
        locale: dict[str, list[int]] = {name: [0, 0] for name in LOCALES}
        for name, part in parts.items():
            for place, share in LOCALES.items():
                n = int(rng.poisson(searches * part * share))
                chance = CTR[name] * keeps(name, place)
                pairs = 10 * n / (dispersion - 1) if dispersion > 1 and n else 0
                clicks = int(rng.binomial(10 * n, rng.beta(chance * pairs, (1 - chance) * pairs) if pairs else chance))
                for table, key in ((device, name), (locale, place)):
                    table[key][0] += n
                    table[key][1] += clicks
        rollup = Rollup(every_version(), cohort * 10_000, 10, 60, -1, searches=1)
        rollup.segments = {
            dimension: {key: SegmentCounts(n, 10 * n, clicks) for key, (n, clicks) in table.items() if n}
            for dimension, table in (("device", device), ("locale", locale))
        }
        made.take(rollup, frozen=False, segments=True)
    return made


def explained(story: Story, **options: float) -> Explanation:
    return explain(slice_tables("ctr", trail(story, **options), BEFORE * 10_000), "down")  # type: ignore[arg-type]


def test_the_parts_of_a_change_add_up_to_it() -> None:
    made = trail(in_slice("mobile", 0.7), seed=3)
    for table in slice_tables("ctr", made, BEFORE * 10_000):
        changes = take_apart(table)
        assert changes is not None
        (x0, m0), (x1, m1) = table.before, table.after
        assert changes.total == pytest.approx(x1.sum() / m1.sum() - x0.sum() / m0.sum(), rel=1e-9)


@pytest.mark.parametrize("name", ["mobile", "desktop", "tablet", "locale-1", "locale-3"])
def test_the_slice_that_broke_is_named_alone_and_first(name: str) -> None:
    found = explained(in_slice(name, 0.5))
    assert found.spread == "slices"
    assert [(x.value, x.kind) for x in found.segments] == [(name, "within")]
    (segment,) = found.segments
    assert segment.share_of_change == pytest.approx(1.0, abs=0.35)
    assert segment.p_value is not None
    assert segment.p_value < 0.01
    assert segment.before is not None
    assert segment.after == pytest.approx(segment.before / 2, rel=0.2)


def test_two_slices_that_broke_are_both_named() -> None:
    def story(cohort: int) -> tuple[Mapping[str, float], Callable[[str, str], float]]:
        broken = {"mobile", "tablet"}
        return DEVICES, lambda device, _locale: 0.5 if cohort >= BEFORE and device in broken else 1.0

    assert [x.value for x in explained(story, searches=2000).segments] == ["mobile", "tablet"]


@pytest.mark.parametrize("factor", [0.9, 0.7, 0.4])
def test_a_change_that_is_everywhere_alike_names_no_slice(factor: float) -> None:
    found = [explained(alike(factor), seed=seed) for seed in range(30)]
    assert sum(bool(x.segments) for x in found) <= 1
    assert {x.spread for x in found} <= {"everywhere", "unclear"}
    if factor < 0.9:
        assert {x.spread for x in found if not x.segments} == {"everywhere"}


def test_with_hardly_any_traffic_nothing_is_claimed() -> None:
    assert explained(in_slice("tablet", 0.5), searches=8.0) == Explanation("unclear", [])


def test_traffic_that_moves_to_a_slice_of_few_clicks_is_a_shift_of_the_mix() -> None:
    to = {"mobile": 0.25, "desktop": 0.3, "tablet": 0.45}
    made = trail(moved(to), seed=4)
    found = explain(slice_tables("ctr", made, BEFORE * 10_000), "down")
    assert found.spread == "mix"
    assert {(x.name, x.value, x.kind) for x in found.segments} == {
        ("device", "mobile", "mix"),
        ("device", "tablet", "mix"),
    }
    for segment in found.segments:  # a part of the traffic, not of the clicks
        assert segment.before == pytest.approx(DEVICES[segment.value], abs=0.02)
        assert segment.after == pytest.approx(to[segment.value], abs=0.02)


def test_every_slice_may_rise_while_the_whole_falls() -> None:
    def story(cohort: int) -> tuple[Mapping[str, float], Callable[[str, str], float]]:
        if cohort < BEFORE:
            return DEVICES, lambda _device, _locale: 1.0
        return {"mobile": 0.05, "desktop": 0.05, "tablet": 0.9}, lambda _device, _locale: 1.1

    found = explained(story, searches=2000)
    assert found.spread == "mix"
    assert {x.kind for x in found.segments} == {"mix"}


def test_a_mix_that_stays_is_no_evidence_and_its_number_is_standard_normal() -> None:
    numbers = []
    for seed in range(150):
        device = slice_tables("ctr", trail(alike(0.7), seed=100 + seed, searches=200), BEFORE * 10_000)[0]
        changes = take_apart(device)
        assert changes is not None
        numbers.append(mix_evidence(changes))
    assert abs(float(np.mean(numbers))) < 0.25
    assert 0.75 < float(np.std(numbers)) < 1.2


def test_the_evidence_for_a_slice_is_standard_normal_where_all_changed_alike() -> None:
    numbers = []
    for seed in range(150):
        for table in slice_tables("ctr", trail(alike(0.7), seed=500 + seed, searches=300), BEFORE * 10_000):
            changes = take_apart(table)
            assert changes is not None
            numbers += changes.contrasts(np.ones(len(table.values), dtype=bool)).tolist()
    assert abs(float(np.mean(numbers))) < 0.1
    assert 0.8 < float(np.std(numbers)) < 1.15  # rather too careful: what was before is weighted by its age


def test_the_scatter_between_cohorts_is_learned_and_the_change_is_none_of_it() -> None:
    factors = []
    for seed in range(30):
        table = slice_tables("ctr", trail(in_slice("mobile", 0.3), seed=seed), BEFORE * 10_000)[1]
        learned = learn_factor(table)
        assert learned is not None
        factors.append(float(learned[0][0]))
    assert float(np.mean(factors)) == pytest.approx(2.0, rel=0.15)


def test_students_numbers_become_normal_ones() -> None:
    for freedom in (5.0, 12.0, 40.0):
        for t in (-6.0, -1.0, 0.5, 4.0, 9.0):
            exact = stats.norm.isf(stats.t.sf(abs(t), freedom)) * np.sign(t)
            assert as_normal(np.array([t]), freedom)[0] == pytest.approx(exact, rel=0.02)


def test_volumes_are_compared_by_slice() -> None:
    def story(cohort: int) -> tuple[Mapping[str, float], Callable[[str, str], float]]:
        parts = {**DEVICES, "mobile": 0.2} if cohort >= BEFORE else DEVICES
        return parts, lambda _device, _locale: 1.0

    found = explain(slice_tables("search_rate", trail(story), BEFORE * 10_000), "down")
    assert [(x.name, x.value) for x in found.segments] == [("device", "mobile")]
    assert found.segments[0].share_of_change == pytest.approx(1.0, abs=0.1)
    fewer = explain(
        slice_tables("search_rate", trail(moved({k: v / 2 for k, v in DEVICES.items()})), 1_200_000), "down"
    )
    assert fewer == Explanation("everywhere", [])


def test_positions_are_slices_too() -> None:
    rng, made = np.random.default_rng(5), Trail()
    for cohort in range(BEFORE + AFTER):
        chance = 0.2 / np.arange(1, 21) ** 0.7
        if cohort >= BEFORE:
            chance[2] *= 0.4
        rollup = Rollup(every_version(), cohort * 10_000, 10, 60, -1, searches=400, shown_at=[400] * 20)
        rollup.clicked_at = rng.binomial(400, chance).tolist()
        made.take(rollup, frozen=False, segments=True)
    found = explain(slice_tables("ctr", made, BEFORE * 10_000), "down")
    assert [(x.name, x.value) for x in found.segments] == [("position", "3")]


def test_categories_whose_part_of_what_is_shown_changed_are_named_and_those_that_filled_in_are_not() -> None:
    rng, made = np.random.default_rng(6), Trail()
    parts = np.array([0.4, 0.3, 0.2, 0.1])
    for cohort in range(BEFORE + AFTER):
        now = parts if cohort < BEFORE else np.array([0.4, 0.3, 0.0, 0.1]) / 0.8
        rollup = Rollup(every_version(), cohort * 10_000, 10, LABEL_FREE, -1, searches=300)
        # Ten items of a page are of one category: they scatter ten times as much as single ones.
        rollup.exposure = {f"c{i}": 10 * n for i, n in enumerate(rng.multinomial(300, now).tolist()) if n}
        made.take(rollup, frozen=False, segments=True)
    reference = {f"c{i}": round(part * 60_000) for i, part in enumerate(parts.tolist())}
    table = exposure_table(made, reference, BEFORE * 10_000)
    assert table is not None
    learned = learn_factor(table)
    assert learned is not None
    assert learned[0][0] == pytest.approx(10, rel=0.4)
    found = explain([table], "up")
    assert [x.value for x in found.segments] == ["c2"]
    assert found.segments[0].after == 0.0
    assert exposure_table(made, reference, (BEFORE + AFTER) * 10_000) is None


def test_a_trail_of_a_predecessor_is_read_also_where_it_wrote_counts_as_fractions() -> None:
    counts = [3.0, 30.0, 2.0, 0.0, 3.0, 120.5, 3.0, 2.1, 0.0, 0.0, 0.0]
    cohort = {"start_ms": 20_000, "exemplars": [], "segments": {"device": {"mobile": counts}}}
    old = {"cohorts": [cohort], "earlier": {"device": {"mobile": counts}}, "earlier_cohorts": 1.0}
    watch = SeriesWatch(every_version(), DEFAULT_RULES, 3600)
    plain = watch.state()
    watch.restore(plain | {"trails": {60: old}})
    before, after = watch.trails[60].around(20_000)
    assert before.segments["device"]["mobile"] == counts == after.segments["device"]["mobile"]


def test_signals_that_slices_do_not_count_name_none() -> None:
    made = trail(in_slice("mobile", 0.5))
    assert slice_tables("unknown_token_rate", made, BEFORE * 10_000) == []
    assert slice_tables("ctr", Trail(), BEFORE * 10_000) == []
    assert explain([], "down") == Explanation("unclear", [])


def test_the_other_surfaces_are_said_to_have_changed_or_not() -> None:
    trails = {
        "search": trail(alike(0.6), seed=1),
        "ads": trail(alike(0.6), seed=2),
        "recommendation": trail(alike(1.0), seed=3),
        "support": trail(alike(1.0), seed=4, searches=0.5),
    }
    table = surface_table("ctr", trails, BEFORE * 10_000)
    assert table is not None
    verdicts = {x.surface: x.verdict for x in compare_surfaces(table, "search", "down")}
    assert verdicts == {"ads": "changed", "recommendation": "unchanged", "support": "unclear"}


def test_a_surface_that_changed_alone_stands_out_on_its_own_alert_and_on_no_other() -> None:
    trails = {"search": trail(alike(0.6), seed=1), "ads": trail(alike(1.0), seed=2)}
    table = surface_table("ctr", trails, BEFORE * 10_000)
    assert table is not None
    assert [(x.name, x.value) for x in explain([table], "down", "search").segments] == [("surface", "search")]
    assert explain([table], "down", "ads").segments == []


def test_a_change_that_took_long_to_find_is_still_told_from_what_was_before_it() -> None:
    made = trail(lambda cohort: in_slice("desktop", 0.6)(cohort + 60))
    found = explain(slice_tables("ctr", made, (BEFORE - 60) * 10_000), "down")
    assert [x.value for x in found.segments] == ["desktop"]


@pytest.mark.parametrize("variance", ["share", "count", "squared", "constant"])
def test_tables_of_nothing_are_no_verdict(variance: str) -> None:
    empty = np.zeros(2), np.zeros(2)
    some = np.array([3.0, 0.0]), np.array([5.0, 0.0])
    for before, after in ((empty, some), (some, empty), (some, some)):
        cohorts = np.zeros((1, 2)), np.zeros((1, 2))
        table = SliceTable("device", ["a", "b"], before, after, cohorts, 0, Noise(variance, relative=True))  # type: ignore[arg-type]
        assert explain([table], "down") == Explanation("unclear", [])
