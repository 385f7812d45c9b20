"""The same job done by other programs, kept under `tests/bench/peers`: what the pipeline's speed is compared with."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

import streams
from schemas.settings import Settings
from schemas.topics import CLICK_EVENTS, SEARCH_EVENTS
from streams.bench.conditions import Committed
from streams.bench.loading import load_measured, load_warm, own_topics
from streams.bench.program import BenchFailed, Condition, Program
from streams.bench.rollup_tail import RollupTail
from streams.bench.run import DONE_S, READY_S, Run
from streams.bench.stand import Stand
from streams.bench.workload import Workload
from streams.roles import ROLES

_ROOT: Final = Path(streams.__file__).parent.parent
_FOLDER: Final = _ROOT / "tests" / "bench" / "peers"
PEERS_PYTHON: Final = _FOLDER / ".venv" / "bin" / "python"
"""The peers' environment: made of `requirements.txt` beside it."""


class Peer(msgspec.Struct, frozen=True):
    """One peer and what is asked of the pipeline's ratio to it."""

    name: str
    module: str
    target: float | None
    ratio: str
    """Name of the figure of the pipeline's ratio to it."""
    roles: tuple[str, ...] = ROLES
    """The stages that do together what it does."""
    ours: bool = False
    """It is made of our own packages, so it runs in our own environment."""


PEERS: Final = (
    Peer("faust", "faust_per_event", 10.0, "pipeline_vs_faust"),
    Peer("quix", "quix_per_event", 6.0, "pipeline_vs_quix"),
    Peer("quix_tuned", "quix_tuned", 2.5, "pipeline_vs_quix_tuned"),
    Peer(
        "faust_path_with_our_fold", "faust_path", None, "score_evaluate_vs_faust_path", ("score", "evaluate"), ours=True
    ),
)


class _LastWord(msgspec.Struct):
    searches: int
    clicks: int


class Finished(RollupTail, Condition):
    """A peer has sent its last word to `rollups`."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.searches = 0
        self.clicks = 0

    def __call__(self) -> bool:
        """Whether it has."""
        for stored in self.news():
            if stored.key == b"finished":
                word = msgspec.json.decode(stored.value, type=_LastWord)
                self.searches, self.clicks = word.searches, word.clicks
                return True
        return False


def peers_here() -> Sequence[Peer]:
    """Give the peers that can run here, where the repository is: others than our own need their environment."""
    return [peer for peer in PEERS if (_FOLDER.exists() if peer.ours else PEERS_PYTHON.exists())]


def measure_peer(stand: Stand, workload: Workload, name: str, peer: Peer) -> Run:
    """Run a peer over a workload, as `measure_pipeline` runs the stages.

    Raises:
        BenchFailed: it ended, came to no end, or lost searches.
    """
    with own_topics(stand.settings, name) as settings:
        load_warm(settings, workload)
        python = sys.executable if peer.ours else str(PEERS_PYTHON)
        commands = {peer.module: [python, "-W", "ignore", "-m", f"tests.bench.peers.{peer.module}"]}
        folder = stand.folder / name
        program = Program(commands, _env(settings, folder), folder, stand.lifeline)
        with program, Finished(settings) as finished:
            inputs = {"peer": [SEARCH_EVENTS.name, CLICK_EVENTS.name]}
            program.wait_until("the first pass", Committed(settings, inputs), READY_S)
            program.halt()
            load_measured(settings, workload)
            before = program.cpu_seconds()
            program.go_on()
            program.wait_until("the peer's last word", finished, DONE_S)
            after = program.cpu_seconds()
        expected = len(workload.warm_searches) + len(workload.searches)
        if finished.searches != expected:
            raise BenchFailed(f"{peer.name}: {finished.searches} searches are in the rollups, not {expected}")
    return Run(len(workload.searches), {process: after[process] - before[process] for process in before})


def _env(settings: Settings, folder: Path) -> dict[str, str]:
    return {
        "PYTHONPATH": str(_ROOT),
        "PEER_BROKERS": settings.kafka.brokers,
        "PEER_PREFIX": settings.kafka.topic_prefix,
        "PEER_GROUP": f"{settings.kafka.group_prefix}-peer",
        "PEER_REDIS_URL": settings.redis.url,
        "PEER_MODELS_DIR": settings.score.models_dir,
        "PEER_PARTITIONS": str(settings.kafka.partitions),
        "PEER_FOLDER": str(folder),
    }
