"""Words that mean nothing, so that a model learns to look past names it has never seen."""

import numpy as np

_ONSETS = (*"bcdfghjklmnprstvwz", "br", "ch", "gr", "kl", "st")
_VOWELS = (*"aeiouy", "ai", "ee", "oo")
_CODAS = ("", "", *"nsrxlmt", "ck", "us")


def pseudo_words(rng: np.random.Generator, count: int, characters: str) -> list[str]:
    """Invented names, numbers with units and pairs of Chinese characters, as titles are full of.

    Args:
        rng: source of randomness.
        count: how many.
        characters: Chinese characters to draw from.
    """
    return [_word(rng, characters) for _ in range(count)]


def _word(rng: np.random.Generator, characters: str) -> str:
    kind = rng.random()
    if kind < 0.2:
        return f"{int(rng.integers(1, 100))}{_one_of(rng, ('', '', 'l', 'w', 'cm', 'xl', 'ml'))}"
    if kind < 0.5 and characters:
        return "".join(_one_of(rng, characters) for _ in range(2))
    syllables = range(int(rng.integers(1, 4)))
    return "".join(_one_of(rng, _ONSETS) + _one_of(rng, _VOWELS) + _one_of(rng, _CODAS) for _ in syllables)


def _one_of(rng: np.random.Generator, choices: tuple[str, ...] | str) -> str:
    return choices[int(rng.integers(len(choices)))]
