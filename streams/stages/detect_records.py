"""What detect reads and writes, as records: deployments and silences in; signal points and alerts out."""

from collections.abc import Iterator, Sequence

import msgspec

from detectors.detect_fold import DetectFold
from detectors.detect_fold_settings import DetectFoldSettings
from detectors.outputs import SignalBatch, Transition
from schemas.alerts import SampleSearch, encode_alert
from schemas.decode import decode_model_event
from schemas.durations import duration_s
from schemas.errors import BadRecord
from schemas.events import Deployment, ModelEvent
from schemas.rollup import series_key
from schemas.scores import LONGEST_NAME
from schemas.settings import Settings
from schemas.signals import encode_signals
from schemas.silences import LONGEST_ID, Silence, decode_silence
from streams.control import read_arrival
from streams.stages.unreadable_records import UnreadableRecords
from streams.transport import OutRecord, Record


def detect_fold_settings(settings: Settings) -> DetectFoldSettings:
    """Take what shapes detect's fold from the settings."""
    return DetectFoldSettings(
        bucket_s=settings.fold.bucket_s,
        cause_window_s=settings.detect.cause_window_s,
        cause_after_cohorts=settings.detect.cause_after_cohorts,
        false_alarm_every_s=duration_s(settings.detect.false_alarm_every),
        max_segment_values=settings.fold.max_segment_values,
    )


def read_model_event(record: Record, max_ahead_s: int) -> ModelEvent | None:
    """Read a record of `model-events`; None where it is one that score makes a dead letter of."""
    try:
        return decode_model_event(record.value, read_arrival(record.headers, record.timestamp), max_ahead_s)
    except BadRecord:
        return None


def read_deployment(record: Record, max_ahead_s: int) -> Deployment | None:
    """Read a record of `model-events`; None where it is no deployment."""
    event = read_model_event(record, max_ahead_s)
    return event if isinstance(event, Deployment) else None


def apply_deployment(fold: DetectFold, event: Deployment) -> None:
    """Tell the fold of a deployment."""
    # Cut as the names of series are, so that a deployment meets its own series, and the state has a bound.
    name, version = event.model.name[:LONGEST_NAME], event.model.version[:LONGEST_NAME]
    fold.apply_deployment(event.time_ms, name, version, event.role)


def read_silences(records: Sequence[Record], unreadable: UnreadableRecords) -> Iterator[tuple[str, Silence | None]]:
    """Read records of `silences`: each id with its silence, None where it was withdrawn."""
    for record in records:
        silence_id = (record.key or b"").decode(errors="replace")
        if len(silence_id) > LONGEST_ID:  # whatever its value, and never said in full: a key may be a megabyte
            shown = f"{silence_id[:LONGEST_ID]}…"
            unreadable.leave_out(record, ValueError(f"its key {shown!r} has more than {LONGEST_ID} characters"))
            continue
        if record.value is None:
            yield silence_id, None
            continue
        try:
            silence = decode_silence(record.value)
        except msgspec.DecodeError as error:
            unreadable.leave_out(record, error)
            continue
        if silence.id == silence_id:
            yield silence_id, silence
        else:
            unreadable.leave_out(record, ValueError(f"its key {silence_id!r} is not its id {silence.id!r}"))


def signal_record(batch: SignalBatch) -> OutRecord:
    """Give the record of `signals` for the points of one cohort."""
    return OutRecord(series_key(batch.series), encode_signals(batch.points))


def alert_record(transition: Transition, time: str, samples: list[SampleSearch], *, replayed: bool) -> OutRecord:
    """Give the record of `alerts`; arguments as in `Transition.alert`."""
    alert = transition.alert(time, samples, replayed=replayed)
    return OutRecord(alert.subject.encode(), encode_alert(alert))
