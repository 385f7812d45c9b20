"""What a shop runs is its own matter: nothing is reported to anybody."""

import os
import subprocess
import sys
from pathlib import Path

MODEL = Path(__file__).parents[3] / "models" / "shop-match" / "1" / "query.onnx"
OPEN = "import sys; from inference.sessions import open_session; open_session(open(sys.argv[1], 'rb').read(), 1)"


def test_the_runtime_of_the_models_keeps_no_identity_and_no_queue_of_reports(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in {"ORT_DISABLE_TELEMETRY", "CI"}}
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    environment |= {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-W", "ignore", "-c", OPEN, str(MODEL)], env=environment, check=True)
    assert [*home.iterdir(), *temporary.iterdir()] == []
