"""The queue of a model neither loses, doubles nor reorders, keeps its bounds, and lets nobody wait too long."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from inference.server.batch_queue import BatchLimits, BatchQueue, Waiting


class QueueMachine(RuleBasedStateMachine):
    """Requests come, leave and are taken as time goes by."""

    waiting = Bundle("waiting")

    def __init__(self) -> None:
        super().__init__()
        self.limits = BatchLimits(max_rows=5, max_delay_s=1.0, queue_rows=12)
        self.queue: BatchQueue[int] = BatchQueue(self.limits)
        self.now_s = 0.0
        self.expected: list[Waiting[int]] = []
        """What must still come out, in order: a second, simple account of the queue."""
        self.came = 0

    @rule(target=waiting, rows=st.integers(1, 8))
    def come(self, rows: int) -> Waiting[int] | None:
        room = sum(one.rows for one in self.expected) + rows <= 12
        assert self.queue.has_room(rows) == room
        if not room:
            return None
        self.came += 1
        one = self.queue.add(self.came, rows, self.now_s)
        self.expected.append(one)
        return one

    @rule(one=waiting)
    def leave(self, one: Waiting[int] | None) -> None:
        if one is not None:
            self.queue.leave(one)
            self.expected = [other for other in self.expected if other is not one]

    @rule(passed_s=st.sampled_from([0.0, 0.25, 1.0, 3.0]))
    def take(self, passed_s: float) -> None:
        self.now_s += passed_s
        rows = sum(one.rows for one in self.expected)
        due = bool(self.expected) and (rows >= 5 or self.now_s - self.expected[0].arrived_s >= 1.0)
        batch = self.queue.take(self.now_s)
        assert bool(batch) == due
        assert [id(one) for one in batch] == [id(one) for one in self.expected[: len(batch)]]
        self.expected = self.expected[len(batch) :]
        if batch:
            taken = sum(one.rows for one in batch)
            assert taken <= 5 or len(batch) == 1
            assert not self.expected or taken + self.expected[0].rows > 5  # as many as fit

    @invariant()
    def rows_are_those_that_wait(self) -> None:
        assert self.queue.rows == sum(one.rows for one in self.expected)
        assert (self.queue.due_s() is None) == (not self.expected)


def test_the_queue_does_as_a_plain_list_would() -> None:
    run_state_machine_as_test(QueueMachine)


@given(st.lists(st.integers(1, 40), max_size=60), st.integers(1, 30))
def test_every_request_is_in_one_batch_in_the_order_in_which_it_came(sizes: list[int], max_rows: int) -> None:
    queue: BatchQueue[int] = BatchQueue(BatchLimits(max_rows, 0.0, 10_000))
    for number, rows in enumerate(sizes):
        queue.add(number, rows, 0.0)
    taken: list[int] = []
    while batch := queue.take(0.0):
        taken += [one.request for one in batch]
    assert taken == list(range(len(sizes)))
