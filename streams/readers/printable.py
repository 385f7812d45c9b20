"""Texts of the shop on a terminal: nothing in them may move its cursor or change its colours."""


def printable(text: str) -> str:
    r"""Give a text with every control character and other invisible sign replaced by `�`.

    >>> printable("kettle\x1b[2J")
    'kettle�[2J'
    """
    return text if text.isprintable() else "".join(sign if sign.isprintable() else "\ufffd" for sign in text)
