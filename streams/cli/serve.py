"""`matchwatch serve`: a worker of the scoring pool, over the Open Inference Protocol."""

import asyncio
import json
import logging
import os
import socket
from pathlib import Path

import click

from inference.server.batch_queue import BatchLimits
from inference.server.process import Addresses, WorkerOptions, serve
from inference.sessions import PROVIDERS, available_providers
from streams.models_folder import models_folder
from streams.parent_pipe import watch_parent


class _NamedVersion(click.ParamType):
    """`NAME=VERSION`."""

    name = "name=version"

    def convert(
        self, value: str | tuple[str, str], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Split it."""
        if isinstance(value, tuple):
            return value
        name, sign, version = value.partition("=")
        if not (name and sign and version):
            self.fail(f"{value!r} is not NAME=VERSION", param, ctx)
        return name, version


@click.command(
    epilog="\b\nExamples:\n"
    "  matchwatch serve --models models                       # every model's newest version\n"
    "  matchwatch serve --models models --model shop-match=1 --http-port 8000 --grpc-port 8001"
)
@click.option("--models", "models_dir", default="models", show_default=True, help="Model repository.")
@click.option("--model", "chosen", type=_NamedVersion(), multiple=True, help="A version to serve, not the newest.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all.")
@click.option("--http-port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--grpc-port", type=click.IntRange(0, 65535), default=8001, show_default=True, help="0 takes a free one.")
@click.option("--max-batch-rows", type=click.IntRange(1), default=256, show_default=True, help="Rows of a full batch.")
@click.option(
    "--max-delay-ms", type=click.FloatRange(0), default=2.0, show_default=True, help="How long a row waits for others."
)
@click.option("--queue-rows", type=click.IntRange(1), default=8192, show_default=True, help="Rows that may wait.")
@click.option(
    "--provider",
    type=click.Choice(["auto", *PROVIDERS]),
    default="auto",
    show_default=True,
    help="What computes; auto: the first of these that is installed.",
)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="CPU threads of one operator.")
@click.option("--drain-s", type=click.FloatRange(0), default=20.0, show_default=True, help="Time to finish at SIGTERM.")
@click.option("--worker", default=None, help="Its name in telemetry.  [default: host name and process]")
@click.option("--address-file", type=click.Path(path_type=Path, dir_okay=False), help="Write the addresses there.")
def command(
    *,
    models_dir: str,
    chosen: tuple[tuple[str, str], ...],
    host: str,
    http_port: int,
    grpc_port: int,
    max_batch_rows: int,
    max_delay_ms: float,
    queue_rows: int,
    provider: str,
    threads: int,
    drain_s: float,
    worker: str | None,
    address_file: Path | None,
) -> None:
    """Serve match models over REST and gRPC, until SIGTERM or Ctrl-C.

    Prints one JSON line with its addresses once the models are warm. One process for each GPU.
    """
    watch_parent()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    options = WorkerOptions(
        models_dir=models_folder(models_dir),
        models=dict(chosen),
        host=host,
        http_port=http_port,
        grpc_port=grpc_port,
        limits=BatchLimits(max_batch_rows, max_delay_ms / 1000, queue_rows),
        providers=available_providers([*PROVIDERS.values()] if provider == "auto" else [PROVIDERS[provider]]),
        intra_op_threads=threads,
        drain_s=drain_s,
        worker=worker or f"{socket.gethostname()}-{os.getpid()}",
    )

    def announce(addresses: Addresses) -> None:
        line = json.dumps({"http": addresses.http, "grpc": addresses.grpc, "pid": os.getpid()})
        click.echo(line)
        if address_file is not None:
            address_file.write_text(line + "\n", encoding="utf-8")

    asyncio.run(serve(options, announce))
