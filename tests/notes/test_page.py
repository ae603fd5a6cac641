"""Notes elsewhere: a team's template, a page that loads nothing, a feed, and a model that may not change a figure."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from evalloop.errors import ConfigError, EvalloopError, ExitCode
from evalloop.notes.page import feed, html_of, page, template_of
from evalloop.notes.reword import reword
from evalloop.notes.write import write_notes
from evalloop.records.release import Check, Release

RELEASE = Release("2026-12", "2026-12-01T00:00:00Z", "base", "cand", None, None, None, "PASS",
                  improved=({"cluster": "citations", "n": 40, "wins": 12, "losses": 2, "delta": 0.253, "low": 0.1,
                             "high": 0.4, "shrunken": True},),
                  overall={"delta": 0.1, "low": 0.05, "high": 0.15, "n": 100, "wins": 20, "losses": 10, "dropped": 0,
                           "improved": True})
CHECK = Check("citations", "c-1", "confirmed", "2026-12-20T00:00:00Z", 0.05, 0.021, 0.42, 0.3, 0.6, 90.0, 0.01,
              5000, 3000)


def test_a_template_orders_the_parts_and_adds_words():
    """The team's own headings; parts are lists of lines."""
    made = template_of("# News\n{% for line in better %}{{ line }}\n{% endfor %}\nThank you.", "t.j2")
    text = write_notes(RELEASE, made)
    assert text.startswith("# News\n")
    assert "**citations**" in text
    assert text.rstrip().endswith("Thank you.")


def test_a_template_cannot_bring_in_a_number():
    """What is not in the record is refused, whoever wrote it."""
    with pytest.raises(EvalloopError, match="99") as told:
        write_notes(RELEASE, template_of("99.5 % of you love it\n{{ better|join('\\n') }}", "t.j2"))
    assert told.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize("text", [
    "{% for %}", "{{ nothing }}", "{{ better.__class__.__mro__[1].__subclasses__() }}", "{{ 1 // 0 }}",
    "{{ better + 1 }}", "{% for line in better %}{{ line.no.such }}{% endfor %}", "{% include 'other.j2' %}"])
def test_a_broken_or_wicked_template_is_named(text):
    """Syntax, unknown names, sums that fail, and a way out of the sandbox: each error names the file and the line."""
    with pytest.raises(ConfigError) as told:
        write_notes(RELEASE, template_of(f"# News\n\n{text}\nThe end.", "t.j2"))
    assert str(told.value).startswith("t.j2:3: ")


def test_production_speaks_once_it_has_decided():
    """A confirmed check is told with its figures; one that is not yet decided is not."""
    assert "What your feedback says" not in write_notes(replace(RELEASE, checks=(replace(CHECK, verdict="not yet"),)))
    text = write_notes(replace(RELEASE, checks=(CHECK,)))
    assert "lets fewer people down: 2.1 of a hundred, before 5.0" in text


def test_the_page_runs_and_loads_nothing():
    """HTML in a name stays text; the policy allows one hashed style."""
    evil = replace(RELEASE, name="<script>alert(1)</script>", candidate="<img src=x onerror=alert(1)>")
    text = page(evil, write_notes(evil))
    assert "<script" not in text
    assert "<img" not in text
    assert "default-src 'none'; style-src 'sha256-" in text


def test_links_in_names_do_not_become_links():
    """A theme called after an address is text."""
    evil = replace(RELEASE, themes={"citations": "[click](https://evil.example) javascript:alert(1)"})
    assert "<a " not in html_of(write_notes(evil))


def test_the_feed_has_the_newest_first():
    """JSON Feed 1.1 with a page and a text for each release."""
    old = replace(RELEASE, name="2026-11", created_at="2026-11-01T00:00:00Z")
    found = json.loads(feed([(old, write_notes(old)), (RELEASE, write_notes(RELEASE))], "News"))
    assert found["version"] == "https://jsonfeed.org/version/1.1"
    assert [each["id"] for each in found["items"]] == ["2026-12", "2026-11"]


@pytest.mark.parametrize(("change", "why"), [
    (lambda text: text.replace("25.3", "35.3"), "25.3"), (lambda text: text + "\nUp 47 % in speed!\n", "47"),
    (lambda text: text.replace("**citations**", "sources"), "citations"), (lambda text: "All good.", "Overall")])
def test_a_model_that_changes_a_figure_or_a_name_is_not_used(change, why):
    """The notes stay in their own words, and the reason is told."""
    notes = write_notes(RELEASE)
    text, told = reword(RELEASE, notes, lambda asked: change(notes))
    assert text == notes
    assert why in told


def test_a_model_that_only_rewords_is_used():
    """Other words around the same figures and names."""
    notes = write_notes(RELEASE)
    other = notes.replace("takes the place of", "is the friendly successor of")
    assert reword(RELEASE, notes, lambda asked: other) == (other, "")


def test_nothing_of_a_blocked_release_is_made_to_sound_better():
    """The model is not even asked."""
    blocked = replace(RELEASE, gate="BLOCK", improved=())
    notes = write_notes(blocked)
    text, told = reword(blocked, notes, lambda asked: pytest.fail("asked"))
    assert text == notes
    assert "BLOCK" in told


def test_the_page_says_when_it_shipped():
    """The day stands above the notes, for people and machines."""
    shipped = replace(RELEASE, shipped_at="2026-11-20T09:00:00.000000Z")
    assert '<time datetime="2026-11-20">2026-11-20</time>' in page(shipped, write_notes(shipped))
