"""Switch the protections off, one after the other, and see that their tests fail.

python -m tests.faults.run_mutations            # all, with a table at the end
python -m tests.faults.run_mutations a-click    # those whose names hold the text
python -m tests.faults.run_mutations --write    # and put their rows into docs/reliability.md
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.mutation import ROOT, Mutation
from tests.faults.mutation_table import CAUGHT, Row, table_of, write_into
from tests.faults.mutations import MUTATIONS

RELIABILITY = ROOT / "docs" / "reliability.md"

COPIED = ("schemas", "detectors", "inference", "streams", "tests", "deploy", "models", "pyproject.toml")
DEADLINE_S = 500.0
SEED = 7
ERROR = re.compile(r"E\s+(.+)|\s*\|\s+(?=AssertionError)(.+)")
"""What a failure says, also where Hypothesis found several; not the source that is shown beside it."""
FAILED = 1
"""What pytest exits with when tests failed; other numbers mean that they could not even be run."""


def copy_packages(target: Path) -> None:
    """Copy what a test run needs; Kafka's jars are shared."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__", ".venv"))
        else:
            shutil.copyfile(source, target / name)
    (target / ".kafka").symlink_to(ROOT / ".kafka")


def outcome_of(mutation: Mutation, folder: Path) -> tuple[str, str]:
    """Apply a mutation to a copy and run its test; gives the verdict and the line that the failure says."""
    copy_packages(folder)
    file = folder / mutation.file
    file.write_text(mutation.applied_to(file.read_text("utf-8")), "utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--fault-seed={SEED}",
        f"--hypothesis-seed={SEED}",
        "--hypothesis-profile=first-failure",
        mutation.test,
    ]
    try:
        done = subprocess.run(
            [*command, "--timeout", str(round(DEADLINE_S - 30))],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder)},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "not caught: the test did not end", ""
    errors = [found[1] or found[2] for line in done.stdout.splitlines() if (found := ERROR.match(line))]
    said = next((line for line in errors if mutation.because in line), "")
    if done.returncode == 0:
        return "NOT CAUGHT", ""
    if done.returncode != FAILED or not said:
        return f"failed for another reason (exit {done.returncode})", errors[0] if errors else done.stdout[-300:]
    return CAUGHT, said


def main() -> int:
    """Run the table; exit 0 where all are caught."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of names; all mutations if none is given")
    parser.add_argument("--write", action="store_true", help="put the rows into docs/reliability.md")
    options = parser.parse_args()
    chosen = [each for each in MUTATIONS if not options.names or any(name in each.name for name in options.names)]
    rows: dict[str, Row] = {}
    for mutation in chosen:
        began_s = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="matchwatch-mutation-") as folder:
            verdict, said = outcome_of(mutation, Path(folder))
        row = Row.of(mutation, verdict, said, datetime.now(UTC).date().isoformat())
        rows[mutation.protection] = row
        sys.stdout.write(f"{mutation.name}: {verdict} ({time.monotonic() - began_s:.0f} s) {said[:250]}\n")
        sys.stdout.flush()
        if options.write:  # at once: a run of all takes an hour
            document = write_into(RELIABILITY.read_text("utf-8"), {row.protection: row}, MUTATIONS)
            RELIABILITY.write_text(document, "utf-8")
    sys.stdout.write("\n" + table_of(rows, chosen))
    return 0 if chosen and all(row.verdict == CAUGHT for row in rows.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
