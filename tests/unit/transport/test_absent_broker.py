import socket

import pytest

from schemas.errors import ServerUnavailable
from streams.transport import OrderedProducer, ReadAll


@pytest.fixture
def nobody() -> str:
    """An address that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


async def test_a_producer_names_the_brokers_that_do_not_answer(nobody: str) -> None:
    with pytest.raises(ServerUnavailable, match=f"Kafka does not answer at {nobody}"):
        await OrderedProducer(nobody).start()


async def test_a_reader_names_the_brokers_that_do_not_answer(nobody: str) -> None:
    async def keep(records: object) -> None:
        raise AssertionError(records)

    with pytest.raises(ServerUnavailable, match=f"Kafka does not answer at {nobody}"):
        await ReadAll(nobody, "catalog-items", keep).read_to_end()
