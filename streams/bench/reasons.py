"""Why a target is not met, where that is known: what the table says beneath its figures; see docs/performance.md."""

from collections.abc import Mapping
from typing import Final

from streams.bench.report import Figure

_UNKNOWN: Final = "the reason is not known"
_ROLLUPS: Final = (
    "a cohort's rollups cost the same however few searches it holds, and the floor has none; "
    "beyond them, most is reading and validating clicks and the join"
)
_CLICKS: Final = "reading and validating clicks and the join cost more than decoding compact blocks"
_SHARED: Final = "a million open searches are folded again with all that a core gives: other load beside it adds to it"
_SMALL_CATEGORY: Final = (
    "what is gone is a shop's most wanted category, which may be less than a tenth of what is shown: exposure then "
    "moves by about two deviations of the 50 searches that are compared at a time"
)
_NOT_REACHED: Final[Mapping[str, str]] = {
    "evaluate_ratio": _ROLLUPS,
    "evaluate_vs_json_floor": _ROLLUPS,
    "evaluate_ratio_at_2000": _CLICKS,
    "evaluate_vs_json_floor_at_2000": _CLICKS,
    "pipeline_vs_quix_tuned": (
        "more than half of a search is score: decoding JSON into objects and taking those apart, "
        "which the tuned program does too"
    ),
    "scale_flatness": (
        "with more open searches, ids are looked up in an index that no cache holds, "
        "and larger arrays are moved when they are full"
    ),
    "shift_delay_ratio": (
        "of latencies a cohort or two are enough, and a watch takes two at least: no single one is all the evidence"
    ),
    "shift_delay_ratio_ctr": (
        "a watch does not know how large a change will be, so CUSUMs for several sizes share its false alarms; its "
        "level has an error of its own; and a change of a tenth is less than the smallest that `ctr_drop` looks for, "
        "12 %, and in part learned before it is found"
    ),
    "faults_named_category_gone": _SMALL_CATEGORY,
    "faults_named_category_gone_and_missing_titles": _SMALL_CATEGORY,
    "faults_longest_s_category_gone": _SMALL_CATEGORY,
    "recover_s": _SHARED,
    "recover_from_kill_s": f"{_SHARED}; 10 s of it are the session timeout",
    "recover_one_of_2_s": _SHARED,
    "recover_one_of_2_from_kill_s": f"{_SHARED}; 10 s of it are the session timeout",
}
_FALSE_ALARMS: Final = "false_alarms_"
"""How their names begin; the rule's follows."""
_BY_CHANCE: Final = "of promises that are kept, one in twenty lies outside of its interval by chance"
_TOO_FEW: Final = (
    f"too few: {_BY_CHANCE}; and where `min_effect` is large for what a shop has, chance hardly ever points that far"
)
_TOO_MANY: Final = (
    f"too many: {_BY_CHANCE}; and a threshold rests on the peaks of evidence seen so far: what moves a level more "
    "rarely is not in them"
)
_PEERS: Final = "the peers' environment is missing: `make setup-peers` makes it"
_NOT_MEASURED: Final[Mapping[str, str]] = {
    "pipeline_vs_faust": _PEERS,
    "pipeline_vs_quix": _PEERS,
    "pipeline_vs_quix_tuned": _PEERS,
    "two_workers_speed_up": "fewer than four cores, and broker and load need cores of their own",
}


def missed(figure: Figure) -> str | None:
    """Say that a target is not met, or was not measured, and why; None where it is met or there is none."""
    if figure.target is None or figure.met:
        return None
    if figure.value is None:
        return f"{figure.name}: not measured: {_NOT_MEASURED.get(figure.name, _UNKNOWN)}"
    return f"{figure.name}: not reached: {_why_not_reached(figure.name, figure.value, figure.target)}"


def _why_not_reached(name: str, value: float, target: str) -> str:
    if name.startswith(_FALSE_ALARMS):
        least = target.partition(" to ")[0]
        return _TOO_FEW if value < float(least) else _TOO_MANY
    return _NOT_REACHED.get(name, _UNKNOWN)
