"""The URL of Redis: what keeps a client from using it, and how it is shown without its password."""

import re
from typing import Final
from urllib.parse import parse_qsl, urlsplit

_HOST: Final = re.compile(r"([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?", re.IGNORECASE)
_DATABASE: Final = r"[0-9]{1,5}"
_SECONDS: Final = r"(?=.*[1-9])[0-9]{1,5}(\.[0-9]{1,6})?"
_OPTIONS: Final = {
    "db": _DATABASE,
    "username": r"(?s:.+)",
    "password": r"(?s:.+)",
    "protocol": r"[23]",
    "socket_timeout": _SECONDS,
    "socket_connect_timeout": _SECONDS,
    "health_check_interval": r"[0-9]{1,5}",
}
"""What may stand after the `?`, and how its value looks: the client fails on any other, or takes text for a number."""
_TLS_OPTIONS: Final = {
    "ssl_cert_reqs": r"none|optional|required",
    "ssl_check_hostname": r"true|false",
    "ssl_ca_certs": r".+",
    "ssl_certfile": r".+",
    "ssl_keyfile": r".+",
}
_USER: Final = re.compile(r"[\w.~%-]*")


def fault_of_redis_url(url: str) -> str | None:
    """Say what keeps a client from using a URL of one of its schemes; None where nothing does.

    The client would tell only once it connects, by a ValueError or TypeError that quotes the URL; or it would connect
    to another place, as where the password has a bare `/`: what is before that looks like a port. So the answer never
    quotes any part, since each may be of the password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True) if parts.query else []
    except ValueError:
        return _shape(url)
    if parts.scheme == "unix":
        is_shaped = not host and port is None and parts.path not in {"", "/"}
    else:
        # Brackets, which alone let a colon in, have been checked already.
        is_shaped = (":" in host or _HOST.fullmatch(host) is not None) and port != 0
        is_shaped = is_shaped and re.fullmatch(rf"/?|/{_DATABASE}", parts.path) is not None
    if not is_shaped or "#" in url:
        return _shape(url)
    known = _OPTIONS | _TLS_OPTIONS if parts.scheme == "rediss" else _OPTIONS
    if all(name in known and re.fullmatch(known[name], value) for name, value in options):
        return None
    return f"after the ? only these may stand, each with a value that fits it: {', '.join(known)}"


def without_password(url: str) -> str:
    """Give a URL with stars for all that may be its password, even where it is not written as a URL should be."""
    scheme, found, rest = url.partition("://")
    credentials, at, place = rest.rpartition("@")
    if not found or re.search(r"[?#]", credentials):
        return "***"  # where the password begins and ends cannot be told
    # Without a colon it is the name of a user, or a password whose colon was forgotten.
    user, colon, _ = credentials.partition(":")
    name = user if colon and _USER.fullmatch(user) else ""
    shown_place = re.sub(r"(?s)([?#]).*", r"\1***", place)
    return f"{scheme}://{name}:***@{shown_place}" if at else f"{scheme}://{shown_place}"


def _shape(url: str) -> str:
    if url.startswith("unix:"):
        shape = "unix://user:password@/path, or unix:///path"
    else:
        shape = f"{url.partition(':')[0]}://user:password@host:port/number, the host at least, a port from 1 to 65535"
    return f"write {shape}; in a password, percent-encode all but letters and digits, such as / as %2F"
