"""Every signal in one table: what it is, what its n counts, how sure it is, and why it may have no value.

The page docs/signals.md is written from it, and a test holds both to what the code computes.
"""

from typing import Final, NamedTuple

from schemas.signals import Reason

SEARCHES: Final = (Reason.NO_SEARCHES,)
IMPRESSIONS: Final = (Reason.NO_IMPRESSIONS,)
PAIRS: Final = (Reason.NO_PAIRS,)
QUANTILE: Final = (Reason.NO_LATENCIES, Reason.TOO_FEW_VALUES)
CLASSES: Final = (Reason.NO_SCORES, Reason.ONE_CLASS, Reason.TOO_FEW_CLICKS, Reason.TOO_FEW_IMPRESSIONS)
PREDICTED: Final = (Reason.NO_SCORES, Reason.NO_REFERENCE, Reason.REFERENCE_WITHOUT_CLICKS)


class SignalFacts(NamedTuple):
    """What there is to know about one signal."""

    name: str
    meaning: str
    unit: str
    """`share`, `ms`, `1/s`, `bits`, `nats` or `bytes`; empty for plain numbers."""
    n: str
    """What `n` counts."""
    error: str
    """What a cohort's own standard error rests on; empty where only the scatter between cohorts tells."""
    reasons: tuple[Reason, ...]
    """Why it may have no value, besides numbers that are not finite."""
    needs_clicks: bool = False
    """Told at each horizon after the searches; all others are told at horizon 0."""
    compared: bool = False
    """Compared with an earlier window of the series."""


CATALOGUE: Final = (
    SignalFacts("search_rate", "searches a second", "1/s", "searches", "Poisson", ()),
    SignalFacts("zero_result_rate", "searches that showed nothing", "share", "searches", "binomial", SEARCHES),
    SignalFacts(
        "match_at_10",
        "mean over searches of the mean score of the first ten",
        "",
        "scored searches",
        "of a mean",
        (Reason.NO_SCORES,),
    ),
    *(
        SignalFacts(f"latency_p{q}", f"{q} % of latencies are below", "ms", "latencies", "order statistics", QUANTILE)
        for q in (50, 95, 99)
    ),
    SignalFacts(
        "exposure_js",
        "Jensen–Shannon divergence of the categories shown",
        "bits",
        "impressions",
        "delta method, impressions",
        (*IMPRESSIONS, Reason.NO_REFERENCE),
        compared=True,
    ),
    SignalFacts("missing_field_rate", "impressions without a title", "share", "impressions", "", IMPRESSIONS),
    SignalFacts(
        "unknown_token_rate", "query tokens that the vocabulary lacks", "share", "tokens", "", (Reason.NO_TOKENS,)
    ),
    SignalFacts("unscored_rate", "searches without scores", "share", "searches", "binomial", SEARCHES),
    SignalFacts(
        "exposure_gini",
        "Gini coefficient of impressions over categories",
        "",
        "impressions",
        "",
        (*IMPRESSIONS, Reason.NO_REFERENCE, Reason.ONE_CATEGORY),
        compared=True,
    ),
    *(
        SignalFacts(
            name,
            f"{distance} of the scores' distribution, less its chance part",
            unit,
            "scored impressions",
            "noncentral χ², pages",
            (Reason.NO_SCORES, Reason.TOO_FEW_IMPRESSIONS, Reason.NO_REFERENCE, Reason.ONE_BIN),
            compared=True,
        )
        for name, distance, unit in (
            ("score_psi", "population stability index", ""),
            ("score_js", "Jensen–Shannon divergence", "bits"),
        )
    ),
    *(
        SignalFacts(
            f"scoring_p{q}", f"{q} % of the pool's answers took less", "ms", "answers", "order statistics", QUANTILE
        )
        for q in (50, 95, 99)
    ),
    SignalFacts(
        "query_ood_rate",
        "queries of whose tokens more are unknown than of 99 % of the reference's",
        "share",
        "queries with tokens",
        "binomial",
        (Reason.NO_TOKENS, Reason.NO_REFERENCE, Reason.NOTHING_BEYOND),
        compared=True,
    ),
    SignalFacts(
        "ctr", "clicks an impression", "share", "impressions", "delta method, pages", IMPRESSIONS, needs_clicks=True
    ),
    SignalFacts("click_rate", "clicked impressions a second", "1/s", "impressions", "pages", (), needs_clicks=True),
    SignalFacts(
        "ctr_proxy_accuracy",
        "the clicked of two examined items of a page has the higher score, ties ½",
        "share",
        "pairs",
        "delta method, pages",
        PAIRS,
        needs_clicks=True,
    ),
    SignalFacts(
        "shown_order_accuracy",
        "the clicked of the same two stands higher",
        "share",
        "pairs",
        "delta method, pages",
        PAIRS,
        needs_clicks=True,
    ),
    SignalFacts(
        "ctr_proxy_lift",
        "the difference of the two before",
        "",
        "pairs",
        "sum of both: at most this",
        PAIRS,
        needs_clicks=True,
    ),
    SignalFacts("purchase_rate", "purchased impressions a second", "1/s", "impressions", "Poisson", (), True),
    SignalFacts(
        "coec",
        "clicks over clicks expected of these positions",
        "",
        "impressions",
        "of the clicks, pages",
        (*IMPRESSIONS, Reason.NO_REFERENCE, Reason.TOO_FEW_CLICKS),
        needs_clicks=True,
        compared=True,
    ),
    SignalFacts(
        "pointwise_accuracy",
        "a score ≥ ½ with a click, a lower one with none",
        "share",
        "scored impressions",
        "",
        (Reason.NO_SCORES, Reason.TOO_FEW_IMPRESSIONS),
        needs_clicks=True,
    ),
    SignalFacts(
        "auc",
        "a clicked impression has a higher score than one passed over, over all pages, ties ½",
        "",
        "clicks",
        "",
        (*CLASSES, Reason.ONE_BIN),
        needs_clicks=True,
    ),
    SignalFacts(
        "log_loss",
        "surprise at clicks and at none",
        "nats",
        "scored impressions",
        "",
        (*PREDICTED, Reason.TOO_FEW_IMPRESSIONS),
        needs_clicks=True,
        compared=True,
    ),
    SignalFacts(
        "normalized_entropy",
        "the same relative to knowing the click-through alone",
        "",
        "scored impressions",
        "",
        (*PREDICTED, *CLASSES[1:]),
        needs_clicks=True,
        compared=True,
    ),
    SignalFacts(
        "ece",
        "mean distance of predicted from actual click-through, 16 bins",
        "",
        "scored impressions",
        "",
        (*PREDICTED, *CLASSES[1:]),
        needs_clicks=True,
        compared=True,
    ),
    SignalFacts(
        "calibration_ratio",
        "predicted over actual clicks",
        "",
        "scored impressions",
        "of the clicks, pages",
        (*PREDICTED, Reason.NO_CLICKS, Reason.TOO_FEW_CLICKS),
        needs_clicks=True,
        compared=True,
    ),
    SignalFacts(
        "ndcg_at_10",
        "how high clicked items stand: NDCG of the first ten places",
        "",
        "searches with a click",
        "of a mean",
        (Reason.NO_CLICKS,),
        needs_clicks=True,
    ),
    SignalFacts(
        "mrr",
        "one over the place of the uppermost click",
        "",
        "searches with a click",
        "of a mean",
        (Reason.NO_CLICKS,),
        needs_clicks=True,
    ),
)
"""Of the series of a shop, in the order in which they are told."""
PIPELINE_CATALOGUE: Final = (
    SignalFacts("misrouted_rate", "timely events in a wrong partition", "share", "timely events", "binomial", ()),
    SignalFacts("late_rate", "events that came too late", "share", "events", "binomial", ()),
    SignalFacts("invalid_rate", "events that broke their contract", "share", "events", "binomial", ()),
    SignalFacts("consumer_lag_s", "the longest that events waited to be counted", "s", "looks", "", ()),
)
"""Of the pipeline itself; they come only where there were events."""
WORKER_CATALOGUE: Final = tuple(
    SignalFacts(name, f"{what}, mean over reports", unit, "reports", "of a mean", (Reason.NO_REPORTS,))
    for name, what, unit in (
        ("worker_rss_bytes", "memory of the pool's workers", "bytes"),
        ("gpu_memory_bytes", "GPU memory of the pool's workers", "bytes"),
        ("queue_depth", "what waits at a worker of the pool", ""),
    )
)
"""Of each worker of the pool and of all together, by their clock."""
NEED_CLICKS: Final = frozenset(facts.name for facts in CATALOGUE if facts.needs_clicks)
"""Signals that only the horizons after a search tell; all others are known at horizon 0, and only there."""


def as_markdown(watchable: frozenset[str]) -> str:
    """Write the tables of docs/signals.md.

    Args:
        watchable: signals that rules can watch.
    """
    return "\n".join(
        [
            "| signal | what | unit | n | cohort's own standard error | clicks | reference | rules | without a value |",
            "|---|---|---|---|---|---|---|---|---|",
            *(_row(facts, watchable) for facts in (*CATALOGUE, *PIPELINE_CATALOGUE, *WORKER_CATALOGUE)),
        ]
    )


def _row(facts: SignalFacts, watchable: frozenset[str]) -> str:
    cells = (
        f"`{facts.name}`",
        facts.meaning,
        facts.unit,
        facts.n,
        facts.error,
        "yes" if facts.needs_clicks else "",
        "yes" if facts.compared else "",
        "yes" if facts.name in watchable else "",
        ", ".join(f"`{reason}`" for reason in facts.reasons),
    )
    return f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")
