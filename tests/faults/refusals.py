"""The oracle's words for what is wrong with a record, as the names by which `dead-letters` may call it."""

NO_VALUE = "no value"
TOO_FAR_AHEAD = "timestamp: too far ahead"

_WHOLE_RECORD = {
    NO_VALUE: {"no_value"},
    TOO_FAR_AHEAD: {"too_far_ahead"},
    "larger than 1 MiB": {"too_large"},
    "not UTF-8": {"not_utf8"},
    "byte order mark": {"byte_order_mark"},
    "nested too deep": {"too_deep"},
    "lone surrogate": {"lone_surrogate"},
    "not an object": {"not_an_object"},
    "number beyond a double": {"out_of_range"},
    "timestamp: before 2000 or after 2089": {"before_2000", "after_2089"},
    "timestamp: neither text nor number": {"wrong_type", "bad_timestamp"},
}
# What a value that a rule does not accept may be; the oracle does not say which.
_A_VALUE = {"wrong_type", "empty", "out_of_range", "unknown_value", "not_an_object"}


def names_of(refusal: str) -> set[str]:
    """Say by which reasons a dead letter may name what the oracle refused."""
    if refusal in _WHOLE_RECORD:
        return _WHOLE_RECORD[refusal]
    if refusal.startswith("not JSON") or refusal.endswith("is no JSON"):
        return {"not_json"}
    if refusal.endswith(": missing"):
        return {"missing_field"}
    if refusal.startswith("timestamp:"):
        return {"bad_timestamp"}
    return _A_VALUE
