"""What every command has in common: help, mistakes, and files that cannot be used."""

import errno
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from streams.cli.main import main


@pytest.mark.parametrize("arguments", [[], ["schema"]])
def test_a_command_without_arguments_prints_its_help_as_it_is(arguments: list[str]) -> None:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert done.stderr == CliRunner().invoke(main, [*arguments, "--help"]).stdout
    assert "\n\nOptions:\n" in done.stderr


def test_an_unknown_command_is_told_which_is_spelt_much_like_it() -> None:
    assert CliRunner().invoke(main, ["signal"]).stderr == (
        "matchwatch: No such command 'signal'. Did you mean 'signals'?\n"
    )
    assert CliRunner().invoke(main, ["xyzzy"]).stderr == "matchwatch: No such command 'xyzzy'.\n"


@pytest.mark.parametrize(
    ("variables", "arguments", "path"),
    [
        ({"MATCHWATCH_HOME": "/dev/null/home"}, ["up"], "/dev/null/home"),
        ({}, ["simulate", "--minutes", "1", "--out", "/dev/null/out"], "/dev/null/out"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(variables: dict[str, str], arguments: list[str], path: str) -> None:
    done = CliRunner(env=variables).invoke(main, arguments)
    assert (done.exit_code, done.stderr) == (1, f"matchwatch: {path}: Not a directory\n")


def test_a_failure_without_a_file_is_one_line_and_a_timeout_of_ours_is_no_such_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MATCHWATCH_HOME", str(tmp_path / "none"))

    def fail_with(error: OSError) -> Result:
        @click.command()
        def failing() -> None:
            raise error

        monkeypatch.setattr("streams.cli.down.command", failing)
        return CliRunner().invoke(main, ["down"])

    assert fail_with(OSError(errno.ENOSPC, "No space left on device")).stderr == "matchwatch: No space left on device\n"
    assert isinstance(fail_with(TimeoutError()).exception, TimeoutError)


def test_a_reason_that_no_record_is_refused_for_is_a_mistake_in_the_arguments() -> None:
    done = CliRunner().invoke(main, ["dead-letters", "--reason", "nosuch"])
    assert done.exit_code == 2
    assert "'nosuch' is not one of" in done.stderr
    assert "not_json" in done.stderr
