"""Queries as people mistype them, or with a word that nobody has heard of."""

from typing import Final

import numpy as np

from inference.training.noise import pseudo_words

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_SHORTEST: Final = 4
"""A typing error in a shorter word makes another word of it."""


def with_typo(rng: np.random.Generator, text: str) -> str:
    """Drop, double, swap or replace one letter of one word; a text without a word of four letters stays as it is.

    >>> with_typo(np.random.default_rng(1), "running shoes")
    'runninng shoes'
    """
    words = text.split(" ")
    long = [place for place, word in enumerate(words) if word.isalpha() and len(word) >= _SHORTEST]
    if not long:
        return text
    chosen = long[int(rng.integers(len(long)))]
    word = words[chosen]
    at = int(rng.integers(1, len(word) - 1))  # the first letter is seldom wrong
    before, letter, after = word[:at], word[at], word[at + 1 :]
    other = _LETTERS[int(rng.integers(len(_LETTERS)))] if letter.isascii() else word[at - 1]
    words[chosen] = (
        before + after,
        before + letter + letter + after,
        before + after[0] + letter + after[1:],
        before + other + after,
    )[int(rng.integers(4))]
    return " ".join(words)


def with_unseen_word(rng: np.random.Generator, text: str) -> str:
    """Put a made-up word before or behind a text."""
    word = pseudo_words(rng, 1, "")[0]
    return f"{word} {text}" if rng.random() < 0.5 else f"{text} {word}"
