"""Whether two descriptions were made with the same settings."""

import json


def check_same_specification(a: str, b: str) -> None:
    if not a or not b or a == b:
        return
    one, other = json.loads(a), json.loads(b)
    differing = [
        f"{key}: {one.get(key)!r} and {other.get(key)!r}"
        for key in sorted(one.keys() | other.keys())
        if one.get(key) != other.get(key)
    ]
    raise ValueError(f"descriptions: expected equal specifications, got {'; '.join(differing)}")
