"""The blocks that score wrote, read back from match-scores."""

from schemas.scores import ScoreBlock, decode_scores
from schemas.settings import Settings
from schemas.topics import MATCH_SCORES
from streams.readers.topic_reader import TopicReader


def read_score_blocks(settings: Settings) -> dict[int, dict[int, ScoreBlock]]:
    """Give all that are there now, by partition and offset, without what lies between them."""
    found: dict[int, dict[int, ScoreBlock]] = {number: {} for number in range(settings.kafka.partitions)}
    with TopicReader(settings.kafka, MATCH_SCORES) as reader:
        for stored in reader.to_end():
            record = decode_scores(stored.value)
            if isinstance(record, ScoreBlock):
                found[stored.partition][stored.offset] = record
    return found
