"""What the two Faust programs have in common: how the app is made, its topics, and how it is run."""

import asyncio
from typing import Any

import faust

from tests.bench.peers.surroundings import Surroundings


def make_app(around: Surroundings) -> faust.App:
    return faust.App(
        around.group,
        broker=f"kafka://{around.brokers}",
        env={},
        datadir=around.folder,
        store="memory://",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        broker_commit_interval=1.0,
        broker_session_timeout=80.0,
        broker_heartbeat_interval=20.0,
        producer_linger=0.02,
        producer_compression_type="lz4",
        stream_wait_empty=False,
        worker_redirect_stdouts=False,
    )


def raw_topic(app: faust.App, name: str) -> Any:
    return app.topic(name, value_type=bytes, value_serializer="raw", key_type=bytes, key_serializer="raw")


def run(app: faust.App) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = faust.Worker(app, loglevel="WARN", loop=loop, quiet=True, redirect_stdouts=False)
    worker.spinner = None
    worker.execute_from_commandline()
