"""What the catalogue says about items: the title and category of those that events show without."""

from collections.abc import Sequence

from schemas.decode import decode_catalog_item
from schemas.errors import BadRecord
from schemas.topics import CATALOG_ITEMS
from streams.stages.bad_records import BadRecords
from streams.transport import Record


class ItemTexts:
    """Titles and categories by object id, as the log of `catalog-items` leaves them.

    Its size is the shop's: one entry for each item that is not withdrawn.
    """

    def __init__(self) -> None:
        self._items: dict[str, tuple[str | None, str | None]] = {}
        self.bad = BadRecords("score", CATALOG_ITEMS.name)

    def __len__(self) -> int:
        return len(self._items)

    async def take(self, records: Sequence[Record]) -> None:
        """Apply records in the order of the log."""
        for record in records:
            try:
                item = decode_catalog_item(record.key, record.value)
            except BadRecord as error:
                self.bad.add(error, record)
                continue
            if item.withdrawn:
                self._items.pop(item.object_id, None)
            else:
                self._items[item.object_id] = (item.title, item.category)

    def title(self, object_id: str) -> str | None:
        """Give the title of an item, None where it is not known."""
        item = self._items.get(object_id)
        return None if item is None else item[0]

    def category(self, object_id: str) -> str | None:
        """Give the category of an item, None where it is not known."""
        item = self._items.get(object_id)
        return None if item is None else item[1]
