"""What the bench tells a peer, by environment variables."""

import os
from dataclasses import dataclass

WATERMARK_HEADER = "matchwatch-watermark"


@dataclass(frozen=True)
class Surroundings:
    brokers: str
    prefix: str
    group: str
    redis_url: str
    models_dir: str
    partitions: int
    folder: str
    """For files of the peer; it ends with the bench."""

    def topic(self, name: str) -> str:
        return self.prefix + name


def read_surroundings() -> Surroundings:
    env = os.environ
    return Surroundings(
        brokers=env["PEER_BROKERS"],
        prefix=env["PEER_PREFIX"],
        group=env["PEER_GROUP"],
        redis_url=env["PEER_REDIS_URL"],
        models_dir=env["PEER_MODELS_DIR"],
        partitions=int(env["PEER_PARTITIONS"]),
        folder=env["PEER_FOLDER"],
    )
