"""Plain Faust agents, one event at a time, around our own decoding, scoring and fold: what record batches bring.

Everything that a search or a click needs is the product's own code; only the way of an event is Faust's: its conductor,
its streams, its topics' `send`. Each search is a page of its own and a block of one. Like the other peers it is one
process, and it does not do what detect does, nor Redis, controls, commits with checkpoints and replays: so it is held
against score and evaluate alone.
"""

from pathlib import Path
from typing import Any, NamedTuple

from detectors.evaluate import EvaluateFold
from detectors.fold_settings import FoldSettings
from inference.repository import ModelName, ModelRepository
from inference.scorer import Scorer
from inference.two_tower import load_two_tower
from schemas.decode import usual_search
from schemas.rollup import encode_rollup, series_key
from schemas.scores import ScoreControl, encode_scores
from schemas.settings import Settings
from streams.stages.click_rows import read_clicks
from streams.stages.id_hashes import IdHashes
from streams.stages.item_texts import ItemTexts
from streams.stages.search_pages import SearchPages
from tests.bench.peers.events import encode
from tests.bench.peers.faust_start import make_app, raw_topic, run
from tests.bench.peers.surroundings import WATERMARK_HEADER, read_surroundings

around = read_surroundings()
settings = Settings()
app = make_app(around)
searches_topic = raw_topic(app, around.topic("search-events"))
clicks_topic = raw_topic(app, around.topic("click-events"))
scores_topic = raw_topic(app, around.topic("match-scores"))
rollups_topic = raw_topic(app, around.topic("rollups"))
scorer = Scorer(
    load_two_tower(ModelRepository(Path(around.models_dir)).read(ModelName("shop-match", "1"))), 200_000, 50_000
)
hashes, items = IdHashes(), ItemTexts()


class Part:
    """One partition."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.fold = EvaluateFold(FoldSettings.of(settings.fold), number)
        self.closed_ms = 0
        self.searches = self.clicks = 0
        """In rollups of the longest horizon."""
        self.finishing = 2
        """Topics that have not ended."""


parts = [Part(number) for number in range(around.partitions)]
longest_s = max(settings.fold.horizons_s)


class Click(NamedTuple):
    """A record as our reader of clicks knows it."""

    key: bytes
    value: bytes
    headers: tuple[()]
    timestamp: int
    partition: int
    offset: int


@app.agent(searches_topic)
async def score(stream: Any) -> None:
    async for event in stream.events():
        message = event.message
        part = parts[message.partition]
        if event.value is None:
            await finish(part, event, searches=True)
            continue
        usual = usual_search(event.value)
        if usual is None:
            raise ValueError(f"{message.topic}[{message.partition}]@{message.offset} is no usual search")
        pages = SearchPages(settings.fold.segments, hashes)
        pages.add(*usual, message.offset, items, unknown_fields=False)
        block = pages.block(scorer.score(pages.pairs()))
        await scores_topic.send(key=event.key, value=encode_scores(block))
        part.fold.apply_scores(block, message.offset)
        await close(part)


@app.agent(clicks_topic)
async def join(stream: Any) -> None:
    async for event in stream.events():
        message = event.message
        part = parts[message.partition]
        if event.value is None:
            await finish(part, event, searches=False)
            continue
        click = Click(event.key, event.value, (), int(message.timestamp * 1000), message.partition, message.offset)
        for rows in read_clicks([click], around.partitions, settings.fold.max_ahead_s):
            part.fold.apply_clicks(rows.columns, message.offset)
        await close(part)


async def close(part: Part, *, now: bool = False) -> None:
    """Close cohorts where the time has come to, which is once a bucket and not with each event."""
    bucket_ms = settings.fold.bucket_s * 1000
    reached_ms = min(part.fold.searches_watermark_ms, part.fold.clicks_watermark_ms) // bucket_ms * bucket_ms
    if reached_ms <= part.closed_ms and not now:
        return
    part.closed_ms = reached_ms
    for rollup in part.fold.close():
        await rollups_topic.send(key=series_key(rollup.series), value=encode_rollup(rollup))
        if rollup.horizon_s == longest_s and rollup.series.version != "*":
            part.searches += rollup.searches
            part.clicks += rollup.labels.clicks


async def finish(part: Part, event: Any, *, searches: bool) -> None:
    watermark_ms = int(event.headers[WATERMARK_HEADER])
    if searches:
        control = ScoreControl(part.number, event.message.offset + 1, {}, False, 0, watermark_ms)
        part.fold.apply_scores(control, event.message.offset)
    else:
        part.fold.finish_clicks(watermark_ms)
    await close(part, now=True)
    part.finishing -= 1
    if not any(each.finishing for each in parts):
        searches_total, clicks_total = sum(each.searches for each in parts), sum(each.clicks for each in parts)
        last_word = encode({"finished": True, "searches": searches_total, "clicks": clicks_total})
        await (await rollups_topic.send(key=b"finished", value=last_word))


if __name__ == "__main__":
    run(app)
