"""A WordPiece tokenizer for Chinese and English, with a vocabulary counted from the training texts."""

from collections import Counter
from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

PAD, UNKNOWN = "[PAD]", "[UNK]"
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_LONGEST_FRAGMENT = 4
_WORDS_OF_A_FRAGMENT = 3  # in fewer distinct words a fragment says nothing about the next word
_LONGEST_WORD = 40


def build_tokenizer(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """Count words and fragments of words, and keep the most frequent.

    Full-width forms become half-width (NFKC), letters lower case without accents, each Chinese character a word of its
    own. All ASCII letters and digits are in the vocabulary, so an unseen English word becomes pieces rather than one
    unknown token; characters never seen in training are unknown. Counting instead of the library's trainer, because
    the trainer breaks ties by the order of a randomly seeded hash map, and a model must be the same when trained again.

    Args:
        texts: titles and queries; their order does not matter.
        vocabulary: pieces at most, beyond those of single characters.
    """
    tokenizer = Tokenizer(models.WordPiece({PAD: 0, UNKNOWN: 1}, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.BertNormalizer(handle_chinese_chars=True, strip_accents=True, lowercase=True)]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    words: Counter[str] = Counter()
    for text in texts:
        normalised = tokenizer.normalizer.normalize_str(text)
        words.update(word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normalised))
    characters = sorted({*_LETTERS, *(f"##{letter}" for letter in _LETTERS), *(c for word in words for c in word)})
    frequent = Counter({word: count for word, count in words.items() if 2 <= len(word) <= _LONGEST_WORD and count >= 2})
    frequent.update(_fragments(words))
    ranked = sorted(frequent, key=lambda piece: (-frequent[piece], piece))[:vocabulary]
    pieces = dict.fromkeys([PAD, UNKNOWN, *characters, *ranked])
    vocabulary_ids = {piece: number for number, piece in enumerate(pieces)}
    tokenizer.model = models.WordPiece(vocabulary_ids, unk_token=UNKNOWN, max_input_chars_per_word=_LONGEST_WORD)
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def _fragments(words: Iterable[str]) -> dict[str, int]:
    """Beginnings and insides of English words, with the number of distinct words that have them."""
    found: Counter[str] = Counter()
    for word in words:
        if word.isascii() and word.isalpha():
            found.update(
                {
                    f"{'##' if start else ''}{word[start : start + size]}"
                    for size in range(2, _LONGEST_FRAGMENT + 1)
                    for start in range(len(word) - size + 1)
                }
            )
    return {fragment: count for fragment, count in found.items() if count >= _WORDS_OF_A_FRAGMENT}
