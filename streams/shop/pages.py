"""The JSON of shown items, made once per item and position instead of once per search."""

from enum import IntEnum

import msgspec
import numpy as np

from schemas.events import CatalogItem, Result
from streams.shop.catalog import Catalog, Item
from streams.shop.clicks import POSITIONS
from streams.shop.translation import translate_title


class Look(IntEnum):
    """What an event says about a shown item."""

    FULL = 0
    BARE = 1
    """Neither title nor category: the catalogue knows them."""
    UNTITLED = 2
    """No title, and the catalogue has lost it too."""
    FOREIGN = 3
    """The title in Japanese."""


def result_texts(shop: Catalog) -> np.ndarray:
    """Give the JSON of every item in every look at every position: bytes, shape (looks, items, positions)."""
    texts = np.empty((len(Look), len(shop.items), POSITIONS), dtype=object)
    for number, item in enumerate(shop.items):
        for look in Look:
            first = msgspec.json.encode(_result(item, look))
            before, after = first.split(b'"position":1', 1)
            for place in range(POSITIONS):
                texts[look, number, place] = b'%s"position":%d%s' % (before, place + 1, after)
    return texts


def catalog_item(item: Item, *, titled: bool = True) -> CatalogItem:
    """Give the catalogue's record of an item."""
    return CatalogItem(
        object_id=item.object_id,
        title=item.title if titled else None,
        category=item.category,
        price=item.price,
        attributes=item.attributes,
        withdrawn=False,
    )


def _result(item: Item, look: Look) -> Result:
    titles = {Look.FULL: item.title, Look.FOREIGN: translate_title(item)}
    return Result(
        object_id=item.object_id,
        position=1,
        title=titles.get(look),
        category=None if look is Look.BARE else item.category,
        price=item.price,
    )
