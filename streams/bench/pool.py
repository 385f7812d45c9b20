"""`matchwatch bench pool`: what the pool's worker adds to ONNX Runtime, how long rows wait, and what caching saves.

In each run, by turns on the same texts: raw ONNX Runtime (tokenise, pad, run both towers, compare) on full batches;
the worker's batching in this process, with as many rows a batch, asked by several callers; the worker in a process of
its own, over HTTP, pair by pair. Every text of a batch is distinct, so nothing is computed once for two.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any, Final

import aiohttp
import msgspec
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from inference.pairs import PairBatch
from inference.pool import LocalPool
from inference.protocol.calls import InferAnswer, InferCall
from inference.protocol.tensors import texts_tensor
from inference.remote.worker_link import WorkerLink
from inference.repository import ModelFiles, ModelName, ModelRepository
from inference.server.batch_queue import BatchLimits
from inference.server.library import ModelLibrary
from inference.server.service import InferService
from inference.server.two_tower_models import two_tower_models
from inference.sessions import open_session
from inference.two_tower import load_two_tower
from streams.bench.options import Options
from streams.bench.program import Condition, Program
from streams.bench.report import Figure, figure
from streams.models_folder import models_folder
from streams.shop.catalog import build_catalog
from streams.stack.lifeline import Lifeline

ROWS: Final = 256
BATCHES: Final = 80
"""Of each way in each run."""
TURN: Final = 8
"""Batches of one way, before it is the next one's turn."""
CALLERS: Final = 4
"""So that the next batch is whole while one is computed."""
PAGE: Final = 20
LIMITS: Final = BatchLimits(ROWS, 0.002, 8192)
WAITING: Final = BatchLimits(ROWS, 0.01, 8192)
"""Of what measures how long rows wait: a delay that is long beside the event loop's own."""
LOAD: Final = 0.5
"""Share of what raw ONNX Runtime does that small requests ask for, where their wait is measured."""
SMALL_ROWS: Final = 8
_START_S: Final = 60.0

_Pairs = tuple[list[str], list[str]]
_Ask = Callable[[InferCall], Any]


def bench(options: Options) -> list[Figure]:
    """Measure in this process and in one of a worker's; both compute with one thread."""
    return asyncio.run(_bench(options))


async def _bench(options: Options) -> list[Figure]:
    root = models_folder(options.settings.score.models_dir).resolve()
    model = ModelName(options.settings.score.live.name, options.settings.score.live.version)
    files = ModelRepository(root).read(model)
    batches = _batches(options.seed)
    rates: dict[str, list[float]] = {"raw": [], "local": [], "remote": []}
    excess: list[float] = []
    waits_ms: list[float] = []
    hits: list[float] = []
    misses: list[float] = []
    raw = raw_onnx(files)
    async with _local(root, model, LIMITS) as local, _remote(root, model) as remote:
        for number in range(options.runs):
            took_s = dict.fromkeys(rates, 0.0)
            for start in range(0, len(batches), TURN):  # short turns: what else the machine does meets all alike
                part = batches[start : start + TURN]
                took_s["raw"] += _time_raw(raw, part)
                took_s["local"] += await _time_asked(local, model, part)
                took_s["remote"] += await _time_asked(remote, model, part)
            for name, seconds in took_s.items():
                rates[name].append(ROWS * len(batches) / seconds)
            wait_s, batch_s = await _waits(root, model, batches, rates["raw"][-1] * LOAD)
            waits_ms.append(wait_s * 1000)
            excess.append(wait_s / (WAITING.max_delay_s + batch_s))
            miss_us, hit_us = await _cached(root, model, batches)
            misses.append(miss_us)
            hits.append(hit_us)
            told = ", ".join(f"{name} {found[-1]:.0f}" for name, found in rates.items())
            options.tell(f"run {number + 1}: {told} rows/s; p99 of the wait {waits_ms[-1]:.1f} ms")
    ratio = [local / raw for local, raw in zip(rates["local"], rates["raw"], strict=True)]
    remote_ratio = [far / raw for far, raw in zip(rates["remote"], rates["raw"], strict=True)]
    return [
        figure("pool_ratio", ratio, "ratio", 0.9),
        figure("pool_ratio_remote", remote_ratio, "ratio"),
        figure("pool_queue_delay_p99_over_bound", excess, "ratio", 1.0, "less"),
        figure("pool_queue_delay_p99", waits_ms, "ms"),
        *(figure(f"pool_rows_per_s_{name}", found, "rows/s") for name, found in rates.items()),
        figure("pool_search_new_items", misses, "µs"),
        figure("pool_search_known_items", hits, "µs"),
    ]


def _batches(seed: int) -> list[_Pairs]:
    """Batches of pairs, all of whose texts differ within a batch."""
    shop = build_catalog(seed)
    queries, titles = [query.text for query in shop.queries], [item.title for item in shop.items]
    rng = np.random.Generator(np.random.PCG64([seed, 17]))
    batches = []
    for _ in range(BATCHES):
        chosen = rng.integers(0, len(queries), ROWS), rng.integers(0, len(titles), ROWS)
        batches.append((
            [f"{queries[i]} {row}" for row, i in enumerate(chosen[0].tolist())],
            [f"{titles[i]} {row}" for row, i in enumerate(chosen[1].tolist())],
        ))  # fmt: skip
    return batches


def raw_onnx(files: ModelFiles) -> Callable[[_Pairs], NDArray[np.float32]]:
    """What somebody would write who has the model's files and ONNX Runtime."""
    manifest = files.manifest
    tokenizer = Tokenizer.from_buffer(files.contents[manifest.towers.tokenizer])
    tokenizer.enable_truncation(manifest.max_tokens)
    tokenizer.enable_padding()
    query, item = (open_session(files.contents[name], 1) for name in (manifest.towers.query, manifest.towers.item))
    a, b = manifest.calibration.a, manifest.calibration.b

    def run(session: Any, texts: Sequence[str]) -> NDArray[np.float32]:
        encodings = tokenizer.encode_batch_fast(list(texts))
        ids = np.array([encoding.ids for encoding in encodings], np.int64)
        mask = np.array([encoding.attention_mask for encoding in encodings], np.int64)
        vectors: NDArray[np.float32] = session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        return vectors

    def match(pairs: _Pairs) -> NDArray[np.float32]:
        cosines = np.einsum("ij,ij->i", run(query, pairs[0]), run(item, pairs[1]))
        return np.asarray(1 / (1 + np.exp(-(a * cosines + b))), np.float32)

    return match


def _time_raw(raw: Callable[[_Pairs], NDArray[np.float32]], batches: Sequence[_Pairs]) -> float:
    started_s = perf_counter()
    for pairs in batches:
        raw(pairs)
    return perf_counter() - started_s


def _call(model: ModelName, queries: Sequence[str], titles: Sequence[str]) -> InferCall:
    columns = [texts_tensor("query", queries), texts_tensor("item", titles)]
    return InferCall(model.name, model.version, columns, binary_default=True)


async def _time_asked(ask: _Ask, model: ModelName, batches: Sequence[_Pairs]) -> float:
    """Let several callers share the batches; gives seconds."""
    waiting = iter([_call(model, *pairs) for pairs in batches])

    async def caller() -> None:
        for call in waiting:
            await ask(call)

    started_s = perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return perf_counter() - started_s


async def _waits(root: Path, model: ModelName, batches: Sequence[_Pairs], rows_per_s: float) -> tuple[float, float]:
    """Ask with small requests, evenly in time; gives the p99 of their wait and the longest batch, seconds."""
    parts = [
        _call(model, queries[start : start + SMALL_ROWS], titles[start : start + SMALL_ROWS])
        for queries, titles in batches[:20]
        for start in range(0, ROWS, SMALL_ROWS)
    ]
    gap_s = SMALL_ROWS / rows_per_s
    async with _local(root, model, WAITING) as ask:
        begun_s = monotonic()
        asked = []
        for number, call in enumerate(parts):
            await asyncio.sleep(max(0.0, begun_s + number * gap_s - monotonic()))
            asked.append(asyncio.create_task(ask(call)))
        answers = await asyncio.gather(*asked)
    waits = sorted(answer.parameters["queue_us"] / 1e6 for answer in answers)
    return waits[int(0.99 * (len(waits) - 1))], max(answer.parameters["compute_us"] for answer in answers) / 1e6


async def _cached(root: Path, model: ModelName, batches: Sequence[_Pairs]) -> tuple[float, float]:
    """Score pages with the pool in the process; gives µs a search with new items and with known ones."""
    pages = []
    for queries, titles in batches[:10]:
        searches = ROWS // PAGE
        texts: list[str | None] = [*titles[: searches * PAGE]]
        lengths = np.full(searches, PAGE, np.int32)
        pages.append(PairBatch(queries[:searches], ["" for _ in texts], texts, lengths))
    pool = LocalPool(root)
    await pool.set_live(model)
    found = []
    for _ in range(2):
        started_s = perf_counter()
        for page in pages:
            await pool.score(page)
        found.append((perf_counter() - started_s) / sum(len(page.queries) for page in pages) * 1e6)
    await pool.close()
    return found[0], found[1]


@asynccontextmanager
async def _local(root: Path, model: ModelName, limits: BatchLimits) -> AsyncIterator[_Ask]:
    """The worker's batching in this process, without its protocols."""
    with ThreadPoolExecutor(1) as executor:
        library = ModelLibrary(
            ModelRepository(root), lambda files: two_tower_models(load_two_tower(files)), limits, executor
        )
        await library.load(model.name, model.version, live=True)
        service = InferService(library)
        service.started = True
        yield service.infer
        await library.close()


class _Told(Condition):
    def __init__(self, file: Path) -> None:
        self._file = file

    def __call__(self) -> bool:
        return self._file.exists() and self._file.read_bytes().endswith(b"\n")


@asynccontextmanager
async def _remote(root: Path, model: ModelName) -> AsyncIterator[_Ask]:
    """A worker of its own."""
    with tempfile.TemporaryDirectory(prefix="matchwatch-bench-") as folder, Lifeline() as lifeline:
        told = Path(folder) / "addresses"
        command = [
            sys.executable, "-m", "streams.cli.main", "serve", "--models", str(root), "--model",
            f"{model.name}={model.version}", "--http-port", "0", "--grpc-port", "0", "--address-file", str(told),
        ]  # fmt: skip
        with Program({"worker": command}, {}, Path(folder), lifeline) as worker:
            await asyncio.to_thread(worker.wait_until, "the worker to be ready", _Told(told), _START_S)
            address = msgspec.json.decode(told.read_bytes(), type=dict[str, Any])["http"]
            async with aiohttp.ClientSession() as session:
                link = WorkerLink(address, session)

                async def ask(call: InferCall) -> InferAnswer:
                    return await link.infer(call, _START_S)

                yield ask
