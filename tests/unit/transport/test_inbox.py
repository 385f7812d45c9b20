import asyncio

from streams.transport.batch import TP, RecordBatch
from streams.transport.inbox import Inbox
from streams.transport.limits import Budget, Limits

A, B = TP("a", 0), TP("b", 0)


def batch(tp: TP, offset: int) -> RecordBatch:
    return RecordBatch(tp, (), offset, 1, 0)


async def test_partitions_take_turns_and_keep_their_order() -> None:
    inbox = Inbox()
    for offset in (1, 2, 3):
        inbox.put(batch(A, offset))
    inbox.put(batch(B, 1))
    got = [await inbox.get() for _ in range(4)]
    assert [(b.tp, b.next_offset) for b in got] == [(A, 1), (B, 1), (A, 2), (A, 3)]


async def test_a_paused_partition_waits_and_goes_on_in_order() -> None:
    inbox = Inbox()
    inbox.pause([A])
    inbox.put(batch(A, 1))
    inbox.put(batch(B, 1))
    assert (await inbox.get()).tp == B
    waiting = asyncio.create_task(inbox.get())
    inbox.put(batch(A, 2))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert inbox.holds(A)
    inbox.resume([A])
    assert (await waiting).next_offset == 1
    assert (await inbox.get()).next_offset == 2
    assert not inbox.holds(A)


async def test_a_batch_put_back_comes_first_again() -> None:
    inbox = Inbox()
    inbox.put(batch(A, 1))
    inbox.put(batch(A, 2))
    taken = await inbox.get()
    inbox.pause([A])
    inbox.put_back(taken)
    inbox.resume([A])
    assert [(await inbox.get()).next_offset for _ in range(2)] == [1, 2]


async def test_a_reader_that_waits_gets_what_comes_after_a_clearing() -> None:
    inbox = Inbox()
    inbox.put(batch(A, 1))
    inbox.clear()
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put(batch(A, 5))
    assert (await waiting).next_offset == 5


def test_a_partition_is_full_at_either_bound_and_free_below_both() -> None:
    budget = Budget(Limits(queued_records=10, queued_bytes=100))
    budget.take(A, 9, 99)
    assert not budget.full(A)
    budget.take(A, 1, 0)
    assert budget.full(A)
    budget.give_back(A, 2, 0)
    budget.take(A, 0, 1)
    assert budget.full(A)
    assert not budget.full(B)
