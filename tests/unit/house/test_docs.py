"""The documents lead where they say, and every alert has its runbook."""

import importlib
import re
import shlex
from pathlib import Path

import click
import pytest

from detectors.detect_fold_settings import DetectFoldSettings
from detectors.rules import DEFAULT_RULES

ROOT = Path(__file__).parents[3]
RUNBOOKS = ROOT / "docs" / "runbooks"
SECTIONS = ["What it means", "First look", "Likely causes", "How it resolves"]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


@pytest.mark.parametrize("rule", [rule.name for rule in DEFAULT_RULES])
def test_every_default_rule_has_a_runbook_with_its_sections(rule: str) -> None:
    page = ROOT / DetectFoldSettings().runbook_page.replace("{rule}", rule)
    assert page.is_file(), (
        f"write {page.relative_to(ROOT)} for the rule {rule}: a title `# {rule}`, then the sections "
        f"{', '.join(f'`## {section}`' for section in SECTIONS)}, as its neighbours have them, and a line in README.md"
    )
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {rule}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    assert f"]({rule}.md)" in (RUNBOOKS / "README.md").read_text(encoding="utf-8"), f"add {rule} to the index"


def test_every_runbook_is_of_a_rule() -> None:
    assert {page.stem for page in RUNBOOKS.glob("*.md")} == {rule.name for rule in DEFAULT_RULES} | {"README"}


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_the_commands_of_a_runbook_exist_with_their_options(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    for line in (line for line in lines if line.startswith("matchwatch ")):
        name, *words = shlex.split(line.split(" | ")[0], comments=True)[1:]
        command = importlib.import_module(f"streams.cli.{name.replace('-', '_')}").command
        assert isinstance(command, click.Command)
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= options, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"
