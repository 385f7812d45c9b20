"""In CI nothing may be missing: what is skipped there has failed."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

ROOT = Path(__file__).parents[3]
SKIPS = {
    "mark": "import pytest\n@pytest.mark.skip(reason='no mark')\ndef test_x(): pass\n",
    "call": "import pytest\ndef test_x(): pytest.skip('no call')\n",
    "fixture": "import pytest\n@pytest.fixture\ndef kcat(): pytest.skip('no fixture')\ndef test_x(kcat): pass\n",
    "module": "import pytest\npytest.skip('no module', allow_module_level=True)\n",
    "import": "import pytest\npytest.importorskip('nobody_has_this', reason='no import')\n",
}
"""Every way to skip, each with its name as the reason."""
HOOKS = "from tests.conftest import pytest_make_collect_report, pytest_runtest_makereport\n"
RUNS = "import pytest\ndef test_y(): pass\n@pytest.mark.xfail(reason='known', strict=True)\ndef test_z(): assert 0\n"


@pytest.fixture
def run(tmp_path: Path) -> Callable[[str | None], CompletedProcess[str]]:
    """Runs all of them, each in a file of its own, under the hooks of our tests."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text(HOOKS)
    for number, source in enumerate((*SKIPS.values(), RUNS)):
        (tmp_path / f"test_{number}.py").write_text(source)

    def pytest_in(ci: str | None) -> CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST")}
        env |= {"PYTHONPATH": str(ROOT)} | ({} if ci is None else {"CI": ci})
        options = ("-rA", "--continue-on-collection-errors", "-p", "no:cacheprovider")
        command = [sys.executable, "-m", "pytest", *options, str(tmp_path)]
        return subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)

    return pytest_in


def test_in_ci_a_skip_fails_and_says_what_was_missing(run: Callable[[str | None], CompletedProcess[str]]) -> None:
    done = run("true")
    assert done.returncode == 1, done.stdout  # an error is what fails before the test itself begins
    assert "= 1 failed, 1 passed, 1 xfailed, 4 errors in " in done.stdout
    for missing in SKIPS:
        assert re.search(rf"skipped, which fails with CI=true: .*no {missing}", done.stdout), missing


@pytest.mark.parametrize("ci", [None, "false"])
def test_elsewhere_a_skip_is_only_a_skip(run: Callable[[str | None], CompletedProcess[str]], ci: str | None) -> None:
    done = run(ci)
    assert done.returncode == 0, done.stdout
    assert "= 1 passed, 5 skipped, 1 xfailed in " in done.stdout
