import pytest

from streams.shop.faults import Fault, FaultName, parse_fault, plan_faults


def test_a_fault_is_read_from_its_name_and_minute() -> None:
    assert parse_fault("none") is None
    assert parse_fault("latency") == Fault(FaultName.LATENCY)
    assert parse_fault("latency@2.5") == Fault(FaultName.LATENCY, 2.5)


@pytest.mark.parametrize("text", ["", "latencies", "latency@", "latency@-1", "latency@nan", "latency@inf", "@3"])
def test_a_fault_that_makes_no_sense_is_refused_with_the_cure(text: str) -> None:
    with pytest.raises(ValueError, match=r"choose one of|write latency@12"):
        parse_fault(text)


@pytest.mark.parametrize("minutes", [(1.0, 2.0), (None, None), (1.0, 1.0)])
def test_a_fault_that_is_asked_for_twice_is_refused(minutes: tuple[float | None, float | None]) -> None:
    faults = [Fault(FaultName.LATENCY, minutes[0]), Fault(FaultName.DECOY), Fault(FaultName.LATENCY, minutes[1])]
    with pytest.raises(ValueError, match=r"latency is asked for 2 times; .* name it once"):
        plan_faults(faults, 30.0, 1)


def test_a_minute_drawn_from_the_seed_stays_and_lies_inside() -> None:
    faults = [Fault(FaultName.DECOY), Fault(FaultName.BAD_RANKER)]
    plans = [plan_faults(faults, 30.0, seed) for seed in range(50)]
    assert plans == [plan_faults(faults, 30.0, seed) for seed in range(50)]
    assert len({plan[1].minute for plan in plans}) > 40
    for decoy, bad in plans:
        assert decoy.name is FaultName.DECOY
        assert 3 < decoy.minute < 12
        assert 14 < bad.minute < 24
    assert plan_faults(faults[1:], 30.0, 1)[0] == plans[1][1]
