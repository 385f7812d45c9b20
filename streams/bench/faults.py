"""`matchwatch bench faults`: each fault of the simulated shop, named by the right rule within its stated delay?

Every run is a shop of its own seed, simulated event by event, scored, and folded as `matchwatch backtest` does it.
"""

import os
from collections.abc import Sequence
from multiprocessing import get_context
from statistics import median

from streams.bench.fault_scenarios import SCENARIOS, Outcome, Scenario, tell
from streams.bench.options import Options
from streams.bench.report import Figure, figure
from streams.bench.stated_delays import STATED

__all__ = ["bench", "markdown"]


def bench(options: Options) -> list[Figure]:
    """Tell every scenario with `runs` seeds from `seed` on."""
    jobs = [(scenario, seed) for seed in range(options.seed, options.seed + options.runs) for scenario in SCENARIOS]
    outcomes = []
    with get_context("spawn").Pool(os.cpu_count()) as pool:
        for outcome in pool.imap(_tell, jobs):
            outcomes.append(outcome)
            options.tell(_line(outcome))
    return fault_figures(outcomes)


def _tell(job: tuple[Scenario, int]) -> Outcome:
    return tell(*job)


def fault_figures(outcomes: Sequence[Outcome]) -> list[Figure]:
    """Give the share of seeds in which all was named in time, by scenario, delays by fault, and who was blamed."""
    figures = []
    for scenario in SCENARIOS:
        of_it = [one for one in outcomes if one.scenario == scenario.name]
        if of_it and any(fault in STATED for fault in scenario.faults):
            share = sum(one.named for one in of_it) / len(of_it)
            figures.append(figure(f"faults_named_{scenario.name}", [share], "share of seeds", 1.0))
    for fault, stated in STATED.items():
        delays = [delay_s for one in outcomes if (delay_s := one.delays_s.get(fault)) is not None]
        figures.append(
            figure(f"faults_longest_s_{fault}", [max(delays)] if delays else [], "s", stated.delay_s, "less")
        )
        figures.append(figure(f"faults_median_s_{fault}", [median(delays)] if delays else [], "s"))
    figures += [
        figure("faults_decoy_blamed", [float(sum(one.decoy_blamed > 0 for one in outcomes))], "runs", 0, "less"),
        figure("faults_early_alerts", [float(sum(one.early for one in outcomes))], "alerts", 0, "less"),
        figure("faults_runs", [float(len(outcomes))], "runs"),
    ]
    return figures


def markdown(figures: Sequence[Figure]) -> str:
    """Lay out what is stated of each fault and what was found, then the scenarios."""
    found = {one.name: one for one in figures}

    def of(name: str) -> str:
        one = found.get(name)
        return "never" if one is None or one.value is None else f"{one.value:g}"

    lines = ["| fault | rule | stated, s | median, s | longest, s |\n|---|---|---|---|---|\n"]
    lines += [
        f"| `{fault}` | `{stated.rule}` | {stated.delay_s} | {of(f'faults_median_s_{fault}')} "
        f"| {of(f'faults_longest_s_{fault}')} |\n"
        for fault, stated in STATED.items()
    ]
    lines.append("\n| what goes wrong | share of seeds in which all was named in time |\n|---|---|\n")
    lines += [
        f"| {scenario.name.replace('_and_', ' and ')} | {of(f'faults_named_{scenario.name}')} |\n"
        for scenario in SCENARIOS
        if f"faults_named_{scenario.name}" in found
    ]
    lines.append(
        f"\n{of('faults_runs')} runs; in {of('faults_decoy_blamed')} the decoy was blamed, and "
        f"{of('faults_early_alerts')} alerts came where nothing was wrong.\n"
    )
    return "".join(lines)


def _line(outcome: Outcome) -> str:
    delays = ", ".join(
        f"{fault} {'not named' if delay_s is None else f'{delay_s:.0f} s'}"
        for fault, delay_s in outcome.delays_s.items()
    )
    rest = f"{outcome.early} early" if outcome.early else ""
    blamed = "decoy blamed" if outcome.decoy_blamed else ""
    return f"seed {outcome.seed}, {outcome.scenario}: " + "; ".join(filter(None, (delays, rest, blamed)))
