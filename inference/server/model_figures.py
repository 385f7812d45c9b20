"""What is counted of each served model, and how Prometheus reads it: under the names that Triton has for it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from time import time

from inference.protocol.refusals import Reason


@dataclass(slots=True)
class ModelFigures:
    """Running totals of one model's version."""

    name: str
    version: str
    succeeded: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    """By reason: REJECTED, CANCELED, BACKEND, OTHER, as Triton calls them."""
    rows: int = 0
    batches: int = 0
    request_s: float = 0.0
    failed_s: float = 0.0
    queue_s: float = 0.0
    compute_s: float = 0.0
    """Tokenising and running, summed over batches; a request's share is not told apart."""
    last_ms: int = 0
    """When a request was answered last, epoch milliseconds."""

    def executed(self, rows: int, compute_s: float) -> None:
        """Count a batch."""
        self.rows += rows
        self.batches += 1
        self.compute_s += compute_s

    def answered(self, whole_s: float, queue_s: float) -> None:
        """Count a request that was answered."""
        self.succeeded += 1
        self.request_s += whole_s
        self.queue_s += queue_s
        self.last_ms = int(time() * 1000)

    def refused(self, reason: Reason | None, whole_s: float) -> None:
        """Count one that was not; None where its client had gone."""
        names = {Reason.FULL: "REJECTED", Reason.TOO_LATE: "REJECTED", Reason.FAILED: "BACKEND", None: "CANCELED"}
        self.failed[names.get(reason, "OTHER")] += 1
        self.failed_s += whole_s


def exposition(figures: Iterable[ModelFigures], queued_requests: Iterable[tuple[str, str, int]]) -> str:
    """Write the figures as Prometheus' text format.

    By hand: the client library puts `_total` behind the name of a counter, and Triton's have none.
    """
    figures = list(figures)
    lines: list[str] = []

    def add(name: str, kind: str, what: str, samples: Iterable[tuple[dict[str, str], float]]) -> None:
        lines.append(f"# HELP {name} {what}")
        lines.append(f"# TYPE {name} {kind}")
        for labels, value in samples:
            shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
            lines.append(f"{name}{{{shown}}} {value:.17g}")

    def each(name: str, what: str, attribute: str, scale: float = 1.0) -> None:
        add(name, "counter", what, ((_labels(one), round(getattr(one, attribute) * scale)) for one in figures))

    each("nv_inference_request_success", "Inference requests answered", "succeeded")
    reasons = ("REJECTED", "CANCELED", "BACKEND", "OTHER")
    add(
        "nv_inference_request_failure", "counter", "Inference requests not answered",
        (({**_labels(one), "reason": reason}, one.failed[reason]) for one in figures for reason in reasons),
    )  # fmt: skip
    each("nv_inference_count", "Rows computed", "rows")
    each("nv_inference_exec_count", "Batches computed", "batches")
    each("nv_inference_request_duration_us", "Time of answered requests, microseconds", "request_s", 1e6)
    each("nv_inference_queue_duration_us", "Time that answered requests waited, microseconds", "queue_s", 1e6)
    each("nv_inference_compute_infer_duration_us", "Time of batches, microseconds", "compute_s", 1e6)
    add(
        "nv_inference_pending_request_count", "gauge", "Requests that wait",
        (({"model": name, "version": version}, requests) for name, version, requests in queued_requests),
    )  # fmt: skip
    return "\n".join(lines) + "\n"


def _labels(figures: ModelFigures) -> dict[str, str]:
    return {"model": figures.name, "version": figures.version}


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
