"""Workers that several tests ask."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.manifest import Calibration
from inference.repository import ModelName, ModelRepository
from inference.two_tower import TwoTower, load_two_tower
from tests.integration.serving.worker_process import WorkerProcess, copied_model


@pytest.fixture(scope="package")
def served_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 1 as shipped, 2 with another calibration, 3 damaged, 4 without its manifest."""
    root = tmp_path_factory.mktemp("served")
    copied_model(root, "1")
    copied_model(root, "2", Calibration(1.0, -5.0))
    with (copied_model(root, "3") / "item.onnx").open("ab") as graph:
        graph.write(b"\0")
    (copied_model(root, "4") / "manifest.json").unlink()
    return root


@pytest.fixture(scope="package")
def worker(served_models: Path) -> Iterator[WorkerProcess]:
    with WorkerProcess(served_models, "--model", "shop-match=1", "--worker", "gpu-1") as process:
        yield process


@pytest.fixture(scope="package")
def tower(served_models: Path) -> TwoTower:
    """Version 1 in this process, to compare with."""
    return load_two_tower(ModelRepository(served_models).read(ModelName("shop-match", "1")))
