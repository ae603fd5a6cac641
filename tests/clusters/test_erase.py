"""Themes without one user."""

from __future__ import annotations

from evalloop.clusters.erase import PUT, Words, forms, without, without_words
from evalloop.records.cluster import Cluster, Move, Subtheme, Themes

OWN = "My flute from Quux Street is broken, write to ada@example.org"
OTHER = "the flute is broken"
WORDS = Words.of([OWN], [OTHER, "no answer"], {"f1"})


def cluster(**given: object) -> Cluster:
    """A theme of two failures."""
    return Cluster("c-1", **{"label": "broken flute", "member_ids": ("f1", "f2"), "size": 2, **given})  # type: ignore[arg-type]


def erased(given: Cluster, words: Words = WORDS) -> Cluster:
    """The theme after."""
    return without(Themes("2026-W47", 2, 2, (given,)), words).clusters[0]


def test_every_form_of_a_text_goes() -> None:
    """As it was said, masked, and as it is quoted; in the theme and in its parts; others' words stay."""
    held = (*sorted(forms(OWN)), OTHER)
    assert any("ada@" not in each for each in held[:-1])
    found = erased(cluster(exemplars=held, quotes=held, subthemes=(Subtheme("s-1", "a part", exemplars=held,
                                                                            quotes=held),)))
    assert found.exemplars == found.quotes == (OTHER,)
    assert found.subthemes[0].exemplars == found.subthemes[0].quotes == (OTHER,)
    assert (found.member_ids, found.size) == (("f2",), 2)


def test_a_name_that_only_the_user_said_goes() -> None:
    """A sentence of the user, or a phrase of it, is replaced by the phrases that are left; shared words stay."""
    named = cluster(label="My flute from Quux Street", keywords=("quux street", "flute", "broken"))
    assert (erased(named).label, erased(named).keywords) == ("flute, broken", ("flute", "broken"))
    assert erased(cluster(label="flute, quux street")).label == "c-1"
    assert erased(cluster(label="flute is broken")).label == "flute is broken"


def test_what_another_said_word_for_word_stays() -> None:
    """The same complaint of two users is not taken from the other."""
    words = Words.of([OWN, OTHER], [OTHER], {"f1"})
    assert erased(cluster(quotes=(OTHER,)), words).quotes == (OTHER,)


def test_a_models_line_for_a_silent_failure_goes() -> None:
    """A line that nobody said may be about the user: where the user was silent, only what others said stays."""
    quotes = (OTHER, "a model says that the flute was lost")
    assert erased(cluster(quotes=quotes), Words.of([OWN], [OTHER], {"f1"}, {"f1"})).quotes == (OTHER,)
    assert erased(cluster(quotes=quotes), Words.of([OWN], [OTHER], {"f9"}, {"f9"})).quotes == quotes


def test_a_reason_that_quotes_the_user_goes() -> None:
    """A step keeps everything but the words."""
    move = Move("c-1", "open", "wont-fix", "2026-11-17T10:00:00Z", f"she said: {OWN}")
    assert without_words(move, WORDS).reason == PUT
    assert without_words(Move("c-1", "open", "wont-fix", "x", "not ours"), WORDS).reason == "not ours"
