"""The three stages by name, and where each serves HTTP when they run beside each other."""

from typing import Final

ROLES: Final = ("score", "evaluate", "detect")


def port_of_role(port: int, role: str) -> int:
    """Give the HTTP port of a role whose neighbours run beside it: score has `port`, the others the next ones.

    Args:
        port: the setting; 0 stays 0, a free port for each.
        role: one of ROLES.
    """
    return port + ROLES.index(role) if port else 0
