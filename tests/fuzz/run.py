"""Fuzz the whole pipeline: `python -m tests.fuzz.run --records 1000000 --seed 1` prints one JSON object."""

import argparse
import json
import platform
import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.fuzz.ledger import Ledger, allowed_reasons
from tests.fuzz.shop import FuzzedShop, Sent
from tests.fuzz.stages import InProcess, fuzz_settings

BATCH: Final = 500
FLAT: Final = 1.15
"""Resident memory at the end over that at a half."""
MARKS: Final = (0.1, 0.5, 1.0)


@dataclass
class Report:
    """What became of the records."""

    seed: int
    records: int
    mutated: int = 0
    sent: Counter[str] = field(default_factory=Counter)
    outcomes: dict[str, int] = field(default_factory=dict)
    """By the ledger, which decides by itself."""
    counters: dict[str, int] = field(default_factory=dict)
    """By the product."""
    reasons: Counter[str] = field(default_factory=Counter)
    rss_mib: dict[str, float] = field(default_factory=dict)
    disagreements: list[str] = field(default_factory=list)
    seconds: float = 0.0


def fuzz(records: int, seed: int) -> Report:
    """Send records through all stages and hold every one of them against the ledger."""
    settings = fuzz_settings()
    fold = settings.fold
    ledger = Ledger(
        bucket_s=fold.bucket_s,
        horizon_s=fold.horizons_s[-1],
        lateness_s=fold.lateness_s,
        max_ahead_s=fold.max_ahead_s,
    )
    shop, stages, report = FuzzedShop(seed), InProcess(settings), Report(seed, records)
    begun_s = time.monotonic()
    marks = {round(share * records): f"{share:.0%}" for share in MARKS}
    for first in range(0, records, BATCH):
        batch = [shop.next() for _ in range(min(BATCH, records - first))]
        refused = stages.take(batch)
        for sent in batch:
            compare(sent, refused.pop((sent.topic, sent.partition, sent.offset), ""), ledger, report)
        report.disagreements += [f"{place} was refused and never sent" for place in refused]
        ledger.settle()
        if first + len(batch) in marks:
            report.rss_mib[marks[first + len(batch)]] = rss_mib()
    stages.finish(shop.now_ms + 3_600_000)
    ledger.settle(everything=True)
    report.outcomes = dict(sorted(ledger.outcomes.items()))
    report.counters = dict(sorted((stages.totals() + stages.counts).items()))
    report.disagreements += accounts(report)
    report.seconds = round(time.monotonic() - begun_s, 1)
    return report


def compare(sent: Sent, reason: str, ledger: Ledger, report: Report) -> None:
    report.sent[sent.topic] += 1
    report.mutated += sent.mutated
    if sent.topic == "model-events":
        return  # the contracts' second reading does not know them
    told = ledger.refusal(sent)
    if reason:
        report.reasons[f"{sent.topic} {reason}"] += 1
    if bool(told) != bool(reason) or (told and reason not in allowed_reasons(told)):
        report.disagreements.append(
            f"{sent.topic}[{sent.partition}] {sent.offset}: {reason or 'valid'}, by the second reading "
            f"{told or 'valid'}: {(sent.value or b'')[:1500]!r}"
        )


def accounts(report: Report) -> list[str]:
    """Hold the product's counters against the ledger's, and both against what was sent."""
    counted, ours = Counter(report.counters), Counter(report.outcomes)
    pairs = {
        "search-events invalid": sum(n for name, n in counted.items() if name.startswith("searches invalid_")),
        "search-events late": counted["late_searches"],
        "search-events repeated": counted["repeated_searches"],
        "search-events accepted": counted["accepted_searches"],
        "click-events invalid": sum(n for name, n in counted.items() if name.startswith("invalid_clicks_")),
        "click-events late": counted["late_clicks"],
        "click-events unknown action": counted["unknown_actions"],
        "click-events matched": counted["matched_clicks"],
        "click-events unmatched": counted["unmatched_clicks"],
        # Nothing is idle here: what the ledger does not know of must not be counted either.
        "click-events overtaken": counted["overtaken_clicks"] + counted["partly_overtaken_clicks"],
        "catalog-items invalid": sum(n for name, n in report.reasons.items() if name.startswith("catalog-items")),
    }
    found = [f"{name}: {number}, by the ledger {ours[name]}" for name, number in pairs.items() if number != ours[name]]
    for topic in ("search-events", "click-events"):
        together = sum(number for name, number in pairs.items() if name.startswith(topic))
        if together != report.sent[topic]:
            found.append(f"{topic}: {report.sent[topic]} sent, {together} counted")
    if counted["searches valid"] + pairs["search-events invalid"] != report.sent["search-events"]:
        found.append("search-events: valid and invalid are not all")
    return found


def rss_mib() -> float:
    """Give this process's resident memory."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return round(pages * resource.getpagesize() / 2**20, 1)


def main() -> None:
    """Run, print the report, and exit with 1 where anything disagrees or memory grows."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    report = fuzz(arguments.records, arguments.seed)
    growth = report.rss_mib["100%"] / report.rss_mib["50%"]
    shown: dict[str, Any] = dict(vars(report))
    shown["disagreements"] = {"count": len(report.disagreements), "first": report.disagreements[:20]}
    shown |= {"date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": platform.platform()}
    shown["memory_growth_after_half"] = round(growth, 3)
    sys.stdout.write(json.dumps(shown, indent=1) + "\n")
    sys.exit(1 if report.disagreements or growth > FLAT else 0)


if __name__ == "__main__":
    main()
