"""The canonical JSON of an event and its hash."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from evalloop.store.body import OUR_SOURCE, row_of

TEXT = st.text(st.characters(codec="utf-8"), max_size=6)
DATA = st.recursive(st.none() | st.booleans() | st.integers(-2**80, 2**80) | TEXT,
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6)
BLOCK = st.dictionaries(TEXT, DATA, max_size=3)


def plain(data: Any) -> str:
    """Sorted keys, no blanks: written by another library."""
    return json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


@given(payload=BLOCK, privacy=BLOCK, actor=st.none() | st.fixed_dictionaries({"user_key": TEXT}),
       given_marks=st.dictionaries(st.sampled_from(OUR_SOURCE), TEXT), marks=st.dictionaries(
           st.sampled_from(OUR_SOURCE), TEXT))
def test_hash_is_of_what_was_said_and_body_is_all(payload: Any, privacy: Any, actor: Any, given_marks: dict[str, str],
                                                  marks: dict[str, str]) -> None:
    """What we add is in the body and not in the hash; both are canonical JSON."""
    said = {"event_id": "e", "event_type": "t", "occurred_at": "o", "subject": {"level": "span"}, "payload": payload,
            "source": {"kind": "system"}, **({"actor": actor} if actor else {})}
    whole = {**said, "source": {**said["source"], **given_marks}, "received_at": "r", "privacy": privacy}
    row = row_of(whole, "now", marks)
    stored = {**whole, "source": {**whole["source"], **marks}}
    del stored["received_at"]
    if not privacy:
        del stored["privacy"]
    assert row.body == plain(stored)
    assert row.body_hash == hashlib.sha256(plain(said).encode()).digest()
    assert (row.received_at, row.user_key) == ("now", actor and actor["user_key"])
