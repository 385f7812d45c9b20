import socket

import pytest

from streams.stack.ports import LOOPBACK, free_ports, port_of


def test_a_preferred_port_is_given_where_it_is_free() -> None:
    (port,) = free_ports(1)
    first, second = free_ports(2, preferred=port)
    assert first == port
    assert second != port


def test_another_port_is_given_where_the_preferred_one_is_taken() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        first, second = free_ports(2, preferred=port)
        assert len({port, first, second}) == 3


def test_what_is_left_of_the_connections_of_a_server_that_ended_holds_no_port() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection((LOOPBACK, port)) as client:
            server.accept()[0].close()  # the server's side closes first, and waits out TIME_WAIT
            assert client.recv(1) == b""
    assert free_ports(1, preferred=port) == [port]


@pytest.mark.parametrize(
    ("address", "port"),
    [
        ("127.0.0.1:9092", 9092),
        ("redis://:secret@127.0.0.1:6379/0", 6379),
        ("nowhere", 0),
        ("", 0),
        ("host:99999", 0),
    ],
)
def test_the_port_of_an_address_is_read_from_either_form(address: str, port: int) -> None:
    assert port_of(address) == port
