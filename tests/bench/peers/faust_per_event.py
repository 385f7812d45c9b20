"""Per-event Faust agents, River, and Redis for every event: the pipeline as Faust's own guide writes it.

Where the guide leaves a choice the faster one is taken: raw bytes decoded by msgspec instead of Records, a dictionary
instead of a changelogged table, one process instead of three, scores sent without waiting for each acknowledgement, one
Redis pipeline an event.
"""

from typing import Any

from redis.asyncio import Redis

from tests.bench.peers.events import decode_click, decode_search
from tests.bench.peers.faust_start import make_app, raw_topic, run
from tests.bench.peers.job import Job
from tests.bench.peers.surroundings import WATERMARK_HEADER, read_surroundings

around = read_surroundings()
app = make_app(around)
searches_topic = raw_topic(app, around.topic("search-events"))
clicks_topic = raw_topic(app, around.topic("click-events"))
scores_topic = raw_topic(app, around.topic("match-scores"))
rollups_topic = raw_topic(app, around.topic("rollups"))
alerts_topic = raw_topic(app, around.topic("alerts"))
job = Job(around.models_dir, 2 * around.partitions)
redis: Redis = Redis.from_url(around.redis_url)


@app.agent(searches_topic)
async def score(stream: Any) -> None:
    async for event in stream.events():
        place = ("search", event.message.partition)
        if event.value is None:
            await finish(event, place)
            continue
        search = decode_search(event.value)
        scored = job.search(search, place)
        if scored is None:
            continue
        record, series = scored
        await scores_topic.send(key=event.key, value=record)
        pipeline = redis.pipeline(transaction=False)
        key = f"{around.prefix}counters:{':'.join(series)}"
        pipeline.hincrby(key, "searches", 1)
        pipeline.hincrby(key, "impressions", len(search.results))
        await pipeline.execute()
        await emit()


@app.agent(clicks_topic)
async def join(stream: Any) -> None:
    async for event in stream.events():
        place = ("click", event.message.partition)
        if event.value is None:
            await finish(event, place)
            continue
        job.click(decode_click(event.value), place)
        await redis.hincrby(f"{around.prefix}counters", "clicks", 1)
        await emit()


async def emit() -> None:
    for rollup in job.close():
        await rollups_topic.send(value=rollup)
    if job.alerts:
        alerts, job.alerts = job.alerts, []
        for alert in alerts:
            await alerts_topic.send(key=b"drift", value=alert)


async def finish(event: Any, place: tuple[str, int]) -> None:
    ended = job.finish(place, int(event.headers[WATERMARK_HEADER]))
    await emit()
    if ended:
        await (await rollups_topic.send(key=b"finished", value=job.last_word()))


if __name__ == "__main__":
    run(app)
