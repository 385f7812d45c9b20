"""Which partitions a member owns, in which generation of the group."""

from dataclasses import dataclass

from streams.transport.batch import TP


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """One assignment; compared by identity, since two of them may name the same partitions.

    Commits carry its generation and member id, never the coordinator's newest: so the broker refuses whatever was
    computed under an older one, however late it is sent.
    """

    generation: int
    member_id: str
    tps: frozenset[TP]
