"""The program `matchwatch`: finds its commands in the files of this folder and loads only the one that is called."""

import ast
import importlib
import os
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import click
from click.exceptions import NoArgsIsHelpError

from schemas.errors import BadSettings, MatchwatchError

_FOLDER: Final = Path(__file__).parent
_FIRST_LINE: Final = re.compile(r"`matchwatch (?P<name>[a-z-]+)`: (?P<summary>.*)")
_INTERRUPTED: Final = 130


class CommandLine(click.Group):
    """Commands that are files: `dead_letters.py` holds `dead-letters` as its attribute `command`.

    A file is a command if its docstring begins with its name and a colon; that line is what the list of commands
    shows, so that `matchwatch --help` loads none of them.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        """Give the names of all commands, in order."""
        return sorted(_summaries())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - likewise
        """Load the file of a command; None if there is none."""
        if cmd_name not in _summaries():
            return None
        command = importlib.import_module(f"streams.cli.{cmd_name.replace('-', '_')}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"streams/cli/{cmd_name}: `command` is no click.Command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was called; of one that there is not, say which is spelt much like it."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = get_close_matches(args[0], self.list_commands(ctx), n=1)
            if close:
                error.message += f" Did you mean {close[0]!r}?"
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_summaries().items()))

    def main(  # type: ignore[override]  # click overloads it by the value of standalone_mode
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> Any:
        """Run one command, and turn what it raises into one line on stderr and an exit code.

        0 is success, 1 what went wrong outside, 2 a mistake in arguments or settings, 130 Ctrl-C.
        """
        if not extra.pop("standalone_mode", True):
            return super().main(args, prog_name, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name, standalone_mode=False, **extra)
        except NoArgsIsHelpError as error:
            error.show()
            sys.exit(error.exit_code)
        except click.ClickException as error:
            _fail(error.format_message(), error.exit_code)
        except BadSettings as error:
            _fail(f"settings: {error}", error.exit_code)
        except MatchwatchError as error:
            _fail(str(error), error.exit_code)
        except click.Abort:
            sys.exit(_INTERRUPTED)
        except BrokenPipeError:
            # The reader of our output has gone, as `head` does; Python would complain once more at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except OSError as error:
            if error.strerror is None:
                raise  # a timeout within us, for one: no file that a person could see to
            _fail(f"{error.filename}: {error.strerror}" if error.filename else error.strerror, 1)
        sys.exit(code if isinstance(code, int) else 0)


def _summaries() -> dict[str, str]:
    found = {}
    for path in _FOLDER.glob("[a-z]*.py"):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        match = _FIRST_LINE.match(docstring)
        if match is not None and match["name"] == path.stem.replace("_", "-"):
            found[match["name"]] = match["summary"]
    return found


def _fail(message: str, code: int) -> None:
    click.echo(f"matchwatch: {' '.join(message.split())}", err=True)
    sys.exit(code)


@click.command(
    cls=CommandLine,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`matchwatch COMMAND --help` shows an example of each.",
)
@click.version_option(version("matchwatch"), prog_name="matchwatch")
def main() -> None:
    """Watch the search and recommendation models of an online shop while they serve."""


if __name__ == "__main__":
    main()
