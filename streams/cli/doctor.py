"""`matchwatch doctor`: looks at all that matchwatch needs, and says what to do about what is missing."""

import sys
from pathlib import Path
from typing import Final

import click
import msgspec

from streams.doctor import examine
from streams.finding import Finding

_MARKS: Final = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


@click.command(epilog="Example: matchwatch doctor --json")
@click.option("--config", type=click.Path(path_type=Path), help="Settings (TOML).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(*, config: Path | None, as_json: bool) -> None:
    """Check programs, settings, servers, topics and model files.

    Exit code 2 if the settings are wrong, 1 if something else fails; a warning is something that only some need.
    """
    findings = examine(config)
    for finding in findings:
        click.echo(msgspec.json.encode(finding) if as_json else _line(finding))
    failed = {finding.name for finding in findings if finding.verdict == "fail"}
    if failed:
        sys.exit(2 if "settings" in failed else 1)


def _line(finding: Finding) -> str:
    cure = f" -> {finding.cure}" if finding.cure else ""
    return f"{_MARKS[finding.verdict]}  {finding.name}: {finding.found}{cure}"
