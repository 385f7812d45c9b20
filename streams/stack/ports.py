"""Free ports: none is fixed, so that two checkouts can run at once."""

import socket
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"


def free_ports(count: int, preferred: int = 0) -> list[int]:
    """Choose ports of the loopback interface that are free now, all different.

    Another process may take one before it is bound: whoever starts a server with it tries again with others.

    Args:
        count: how many.
        preferred: the first of them, if it is free; 0: any.
    """
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for one, wanted in zip(sockets, [preferred, *[0] * count], strict=False):
            # As servers do: what is left of the connections of one that has just ended holds no port.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind((LOOPBACK, wanted))
            except OSError:
                if not wanted:
                    raise
                one.bind((LOOPBACK, 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def port_of(address: str) -> int:
    """Give the port of `host:port`, or of a URL; 0 where there is none.

    >>> port_of("127.0.0.1:9092"), port_of("redis://127.0.0.1:6379/0")
    (9092, 6379)
    """
    try:
        return urlsplit(address if "://" in address else f"//{address}").port or 0
    except ValueError:
        return 0


def listens(port: int) -> bool:
    """Whether something accepts connections on this port of the loopback interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0
