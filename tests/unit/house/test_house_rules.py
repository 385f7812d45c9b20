"""Rules of the house that a machine can hold."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.settings import Settings
from streams.stack.home import load_settings

ROOT = Path(__file__).parents[3]


def test_imports_run_one_way() -> None:
    # In a process of its own: it switches off every logger that there is, and other tests look at what is logged.
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("lock", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_every_locked_package_has_an_exact_version_and_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*-(i|-index-url|-extra-index-url|-find-links)\b", text, re.MULTILINE)
    requirements = re.sub(r" \\\n\s+", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    for requirement in requirements:
        assert re.match(r"[a-z0-9.-]+(\[[a-z,-]+\])?==[^ ]+ ", requirement), requirement
        assert "--hash=sha256:" in requirement, requirement


def test_every_dependency_is_in_the_lock() -> None:
    declared = re.findall(
        r'^    "([A-Za-z0-9_.-]+)', (ROOT / "pyproject.toml").read_text().partition("[tool.")[0], re.MULTILINE
    )
    locked = (ROOT / "requirements" / "train.txt").read_text(encoding="utf-8")
    for name in declared:
        if name not in {"Development", "Operating", "Programming", "Typing"}:
            assert re.search(rf"^{re.escape(name.lower())}(\[[a-z,-]+\])?==", locked, re.MULTILINE), (
                f"{name}: run `make lock`"
            )


def test_the_example_settings_are_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MATCHWATCH_HOME", str(tmp_path))
    assert load_settings(ROOT / "deploy" / "settings.example.toml", {}) == Settings()
