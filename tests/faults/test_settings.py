"""The settings that shape the fold change between two runs: evaluate refuses, and goes on with the old ones."""

import pytest

from tests.faults.conftest import SceneMaker
from tests.faults.crew import wait_until
from tests.faults.moments import SeededMoments
from tests.faults.scene import Scene

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]
OTHER = {"MATCHWATCH_FOLD_HORIZONS_S": "[30, 180]"}


def refused(play: Scene) -> str:
    """Start evaluate with other settings, see it end with an error, and give what it said last."""
    worker = play.crew.start("evaluate", **OTHER)
    wait_until(lambda: worker.process.poll() is not None, "evaluate runs on with other settings")
    said = worker.log.read_text()
    assert worker.process.returncode == 1, said
    return said


def test_other_settings_are_refused_and_with_the_old_ones_evaluate_goes_on_without_loss(
    make_scene: SceneMaker, rng: SeededMoments
) -> None:
    with make_scene(f"other fold settings refused, then restored ({rng.name})") as play:
        play.begin()
        play.busy_moment("evaluate", rng.share(0.3, 0.6))
        play.crew.terminate("evaluate")
        said = refused(play)
        for word in ("FoldSettingsChanged", "restore [fold]", "--from-next-cohort"):
            assert word in said, said[-2000:]
        play.crew.start("evaluate")
        play.judge()
