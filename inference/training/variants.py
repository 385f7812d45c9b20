"""Other spellings of a training text, so that an unseen singular or plural is not a stranger."""

import re

_ENGLISH_WORD = re.compile(r"\b[A-Za-z]{4,}\b(?!['’])")


def other_number(text: str) -> str:
    """Swap singular and plural of English words, by the letter s alone.

    >>> other_number("Running shoes, kettle 运动鞋")
    'Runnings shoe, kettles 运动鞋'
    """
    return _ENGLISH_WORD.sub(lambda word: _swap(word.group()), text)


def _swap(word: str) -> str:
    if word[-2:].lower() == "ss":
        return word
    return word[:-1] if word[-1] in "sS" else f"{word}s"
