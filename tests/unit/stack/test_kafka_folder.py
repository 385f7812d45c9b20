"""Folders that Kafka reads otherwise than they are written."""

from pathlib import Path

import pytest

from schemas.errors import ServerUnavailable
from streams.stack.kafka import as_java_property, start_kafka


@pytest.mark.parametrize(
    ("folder", "written"),
    [
        ("/a b/c", "/a b/c"),
        ("/zoë", "/zo\\u00eb"),
        ("/水", "/\\u6c34"),
        ("/𝄞", "/\\ud834\\udd1e"),
        ("/a\\b", "/a\\\\b"),
    ],
)
def test_a_property_is_ascii_as_java_reads_it(folder: str, written: str) -> None:
    assert as_java_property(folder) == written


def test_a_folder_with_a_comma_is_refused_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(ServerUnavailable, match=r"takes the comma in .*one,two.*: set MATCHWATCH_HOME"):
        start_kafka(tmp_path / "one,two")
