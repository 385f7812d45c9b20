from streams.stages.idle_clock import IdleClock


def test_a_source_is_idle_after_standing_at_its_end_for_the_timeout() -> None:
    clock = IdleClock(3.0)
    for second in range(3):
        clock.look(float(second), at_end=True, position=7)
    assert not clock.idle
    clock.look(3.0, at_end=True, position=7)
    assert clock.idle


def test_a_source_whose_records_are_read_as_they_come_is_never_idle() -> None:
    clock = IdleClock(1.0)
    for second in range(100):
        clock.look(float(second), at_end=True, position=second)
        assert not clock.idle


def test_records_that_wait_end_idleness() -> None:
    clock = IdleClock(1.0)
    clock.look(0.0, at_end=True, position=7)
    clock.look(1.0, at_end=True, position=7)
    assert clock.idle
    clock.look(1.5, at_end=False, position=7)
    assert not clock.idle, "idle although records wait"


def test_the_time_a_stopped_process_slept_does_not_count() -> None:
    clock = IdleClock(3.0)
    clock.look(0.0, at_end=True, position=7)
    clock.look(60.0, at_end=True, position=7)
    assert not clock.idle
