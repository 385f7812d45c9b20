"""Times as people give them to a command: RFC 3339, or epoch milliseconds."""

from typing import Final

import click

from schemas.errors import BadRecord
from schemas.timestamps import timestamp_ms


class TimeType(click.ParamType):
    """Gives epoch milliseconds."""

    name = "TIME"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read a time; a wrong one is a mistake in the arguments, exit code 2."""
        if isinstance(value, int):
            return value
        try:
            return timestamp_ms(int(value) if value.isascii() and value.isdigit() and len(value) < 20 else value, "")
        except BadRecord as error:
            self.fail(error.message, param, ctx)


TIME: Final = TimeType()
