"""Which script a text is written in: what stands for its language where nobody says."""

import unicodedata
from typing import Final

_ASCII_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_NAMED: Final = {
    "CJK": "han",
    "LATIN": "latin",
    "HIRAGANA": "kana",
    "KATAKANA": "kana",
    "HANGUL": "hangul",
    "CYRILLIC": "cyrillic",
    "ARABIC": "arabic",
    "HEBREW": "hebrew",
    "GREEK": "greek",
    "THAI": "thai",
    "DEVANAGARI": "devanagari",
}
OTHER: Final = "other"
MIXED: Final = "mixed"


def script_of(text: str) -> str:
    """Tell the script of a text: `han`, `latin` and others by name; `mixed` of several, `other` where no letters are.

    Japanese writes Han and Kana together, so what holds Kana is `kana`.

    >>> [script_of(text) for text in ("运动鞋", "shoes 42", "Nike 运动鞋", "ランニング靴", "42 🫖")]
    ['han', 'latin', 'mixed', 'kana', 'other']
    """
    if text.isascii():
        return OTHER if _ASCII_LETTERS.isdisjoint(text) else "latin"
    found = {_script(character) for character in text if character.isalpha()}
    if "kana" in found:
        found.discard("han")
    return found.pop() if len(found) == 1 else MIXED if found else OTHER


def _script(letter: str) -> str:
    # FULLWIDTH LATIN …, HALFWIDTH KATAKANA …
    words = unicodedata.name(letter, "").replace("FULLWIDTH ", "").replace("HALFWIDTH ", "").split(maxsplit=1)
    return _NAMED.get(words[0] if words else "", OTHER)
