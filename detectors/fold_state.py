"""The fold's state as a set of records that belong together: one offset, one version, and a list of what there is."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

STATE_VERSION: Final = 3


class OpenedState(NamedTuple):
    """A state that is whole."""

    offset: int
    """The latest record that it covers."""
    fold: Mapping[str, Any]
    """The part of the fold itself."""
    parts: dict[str, Any]
    """All others, by name."""


def seal_state(parts: Mapping[str, Any], fold: Mapping[str, Any], offset: int) -> dict[str, Any]:
    """Give the parts and the fold's own, each with the offset that it covers.

    Parts that the `fold` part does not list are leftovers of a predecessor.
    """
    listed = {"version": STATE_VERSION, "parts": sorted(parts), **fold}
    return {name: {"offset": offset, "part": part} for name, part in [*parts.items(), ("fold", listed)]}


def open_state(state: Mapping[str, Any]) -> OpenedState:
    """Give what was sealed, without leftovers.

    Raises:
        ValueError: the state is of another version, or torn (its parts are of different offsets).
    """
    fold = state["fold"]["part"]
    if fold["version"] != STATE_VERSION:
        raise ValueError(f"detector state is of version {fold['version']}, this program reads {STATE_VERSION}")
    offset = state["fold"]["offset"]
    torn = [name for name in fold["parts"] if name not in state or state[name]["offset"] != offset]
    if torn:
        raise ValueError(f"detector state is torn: {torn[0]} is not of offset {offset}")
    return OpenedState(offset, fold, {name: state[name]["part"] for name in fold["parts"]})
