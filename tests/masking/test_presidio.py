"""Presidio behind the forms: real recognizers and pipelines, from a request to the bytes on the disk."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop import loop
from evalloop.capture import Client, crew
from evalloop.errors import ConfigError, EvalloopError
from evalloop.masking import Masker, Masking, open_masker

try:
    import presidio_analyzer
    import spacy
except ImportError:
    if os.environ.get("CI"):
        raise
    pytest.skip("needs the extra presidio", allow_module_level=True)

IBAN, SSN, NAME = "DE89 3704 0044 0532 0130 00", "536-90-4399", "Ada Lovelace"
SAID = f"{NAME} from Paris pays by {IBAN} or 4111 1111 1111 1111, mail ada@example.org"
MASKED = "[person] from [location] pays by [iban] or [card], mail [email]"


@pytest.fixture(scope="module")
def numbers() -> Masker:
    """Presidio without a model."""
    return open_masker(Masking("presidio"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spaCy pipeline in a folder that knows one person and one place (and a thing that Presidio has no name for)."""
    made = spacy.blank("en")
    made.add_pipe("entity_ruler").add_patterns([
        {"label": "PERSON", "pattern": NAME}, {"label": "GPE", "pattern": "Paris"},
        {"label": "MISC", "pattern": "Zorb"}])
    place = tmp_path_factory.mktemp("models") / "en_small"
    made.to_disk(place)
    return place


@pytest.fixture
def project(tmp_path: Path, model: Path) -> loop.Project:
    """A project that masks with a model."""
    (tmp_path / "evalloop.toml").write_text(f'masker = "presidio"\nmasker_models = ["en={model}"]\n')
    return loop.open_project(tmp_path)


@pytest.mark.parametrize(("text", "masked"), [
    (f"to {IBAN}, please", "to [iban], please"), ("to DE89 3704 0044 0532 0130 02", None),
    (f"my ssn is {SSN}", "my ssn is [us_ssn]"), ("codice RSSMRA85T10A562S", "codice [it_fiscal_code]"),
    ("pay 1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "pay [crypto]"), ("at 00:1A:2B:3C:4D:5E", "at [mac_address]"),
    ("my phone number is 6502530000", "my phone number is [phone]"), ("item 6502530000 broke", "item 6502530000 broke"),
    ("key sk-abcdefgh12345678XY", "key [secret]"), ("on 2026-01-05, see https://example.org/a", None),
    ("std::vector<int> at line 42", None), ("\U0001f600 é ü", None), ("", None)])
def test_numbers_with_a_form_are_found_without_a_model(numbers: Masker, text: str, masked: str | None) -> None:
    """By check digits, by words beside them; dates, links and code stay."""
    assert numbers.text(text)[0] == (text if masked is None else masked)


def test_the_event_says_which_masker_it_was(numbers: Masker) -> None:
    """Forms and Presidio, with their versions."""
    assert numbers.name == f"forms@1+presidio-{sys.modules['importlib.metadata'].version('presidio-analyzer')}"


@settings(max_examples=60, deadline=None)
@given(value=st.recursive(st.none() | st.integers() | st.text() | st.from_regex(r"[0-9 +@.:a-z-]{5,40}"),
                          lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)))
def test_any_value_keeps_its_shape(numbers: Masker, value: Any) -> None:
    """Whatever the texts, lists and keys are what they were, and nothing is withheld."""
    def shape(each: Any) -> Any:
        if isinstance(each, dict):
            return {key: shape(item) for key, item in each.items()}
        return [shape(item) for item in each] if isinstance(each, list) else type(each)

    masked, kinds = numbers.value(value)
    assert shape(masked) == shape(value)
    assert "withheld" not in kinds


@settings(max_examples=100, deadline=None)
@given(before=st.text(max_size=20), after=st.text(max_size=20))
def test_an_account_number_is_masked_in_any_text(numbers: Masker, before: str, after: str) -> None:
    """A number set apart by blanks is gone, whatever stands around it."""
    assert IBAN not in numbers.text(f"{before} {IBAN} {after}")[0]


def test_a_long_text_is_read_to_its_end(numbers: Masker) -> None:
    """Longer than spaCy takes at once (a million characters)."""
    masked, kinds = numbers.text(f"{'word' * 12} " * 21_000 + IBAN)
    assert masked.endswith("wordword [iban]")
    assert kinds == {"iban"}


def test_a_model_finds_people_and_places(model: Path) -> None:
    """What it knows besides and Presidio does not is left alone."""
    masker = open_masker(Masking("presidio", models=(f"en={model}",)))
    assert masker.text(f"{SAID} Zorb")[0] == f"{MASKED} Zorb"
    only = open_masker(Masking("presidio", models=(f"en={model}",), entities=("PERSON",)))
    assert only.text(f"{NAME} from Paris, {IBAN}")[0] == f"[person] from Paris, {IBAN}"


def test_two_languages_are_both_looked_at(model: Path, tmp_path: Path) -> None:
    """Nobody says in which language a text is: each model reads it."""
    other = spacy.blank("de")
    other.add_pipe("entity_ruler").add_patterns([{"label": "PER", "pattern": "Bertha Benz"}])
    other.to_disk(tmp_path / "de_small")
    masker = open_masker(Masking("presidio", models=(f"en={model}", f"de={tmp_path / 'de_small'}")))
    assert masker.text(f"{NAME}, Bertha Benz, {IBAN}")[0] == "[person], [person], [iban]"


def test_patterns_of_ones_own(tmp_path: Path) -> None:
    """A file in Presidio's YAML: patterns and lists of words."""
    place = tmp_path / "patterns.yaml"
    place.write_text("recognizers:\n"
                     "  - name: customers\n    supported_entity: CUSTOMER\n"
                     "    patterns: [{name: number, regex: '\\bK-[0-9]{6}\\b', score: 0.9}]\n"
                     "  - name: staff\n    supported_entity: STAFF\n    supported_language: de\n"
                     "    deny_list: [Mr Smith]\n")
    masker = open_masker(Masking("presidio", patterns=str(place)))
    assert masker.text("K-123456 met Mr Smith")[0] == "[customer] met [staff]"


@pytest.mark.parametrize(("fields", "key", "told"), [
    ({"models": ("en=en_core_web_lg",)}, "masker_models", "en_core_web_lg' is not installed"),
    ({"models": ("en_core_web_sm",)}, "masker_models", "names no language"),
    ({"models": ("de=MODEL",)}, "masker_models", "is for the language 'en'"),
    ({"entities": ("PERSON",)}, "masker_entities", "found by a model"),
    ({"entities": ("US_SNN",)}, "masker_entities", "nothing finds 'US_SNN'"),
    ({"patterns": "missing.yaml"}, "masker_patterns", "missing.yaml"),
    ({"kind": "presidoi"}, "masker", "no masker")])
def test_what_is_not_there_is_told_with_the_mend(model: Path, fields: dict[str, Any], key: str, told: str) -> None:
    """Setting, fault and mend; nothing is half masked."""
    given = {name: tuple(each.replace("MODEL", str(model)) for each in item) if isinstance(item, tuple) else item
             for name, item in fields.items()}
    with pytest.raises(ConfigError, match=told) as raised:
        open_masker(dataclasses.replace(Masking("presidio"), **given))
    assert raised.value.key == key
    assert raised.value.fix


def test_nothing_is_asked_of_the_network(monkeypatch: pytest.MonkeyPatch, numbers: Masker) -> None:
    """Neither for a model nor for domain endings, which Presidio would look up for this address."""
    asked: list[Any] = []

    def refuse(*given: Any, **_: Any) -> Any:
        asked.append(given)
        raise OSError("no network here")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert numbers.text("write to jo@example.xn--p1ai at once")[0] == "write to [email] at once"
    with pytest.raises(ConfigError):
        open_masker(Masking("presidio", models=("fr=fr_core_news_sm",)))
    assert not asked


# ---- on the disk -----------------------------------------------------------------------------------------------------


def on_disk(folder: Path) -> bytes:
    """Every byte of every file below a folder."""
    return b"\n".join(each.read_bytes() for each in folder.rglob("*") if each.is_file())


def no_names(data: bytes) -> None:
    """Fails where a word of ``SAID`` that is personal data stands in the data, or nothing of it does."""
    assert b"[person]" in data
    for word in (NAME, "Lovelace", "Paris", IBAN, "4111 1111", "ada@example.org"):
        assert word.encode() not in data


def said(number: int = 0, event_type: str = "feedback.comment", **fields: Any) -> dict[str, Any]:
    """A comment, or another event."""
    return {"schema": "evalloop.event/1", "event_id": f"event-{number:04d}", "event_type": event_type,
            "occurred_at": "2026-01-05T10:00:00Z", "source": {"kind": "end_user"},
            "subject": {"level": "response", "response_id": "r-1"}, "payload": {"text": f"{SAID} {number}"}, **fields}


def test_the_collector_masks_before_the_disk(new_collector: Callable[..., Any], model: Path) -> None:
    """Votes, comments, answers, segments, broken events and broken lines, in two workers: no file holds a name."""
    pytest.importorskip("uvicorn", reason="needs the extra serve")
    collector = new_collector("--workers", "2", masker="presidio", masker_models=[f"en={model}"])
    key = collector.key()
    votes = [said(number, "feedback.thumbs", payload={"value": -1, "text": f"{SAID} {number}"},
                  actor={"segment": {"city": "Paris"}}) for number in range(40)]
    comment = said(50)
    answer = said(51, "generation.completed", payload={"output": {"messages": [
        {"role": "assistant", "content": SAID}, {"role": "assistant", "parts": [{"type": "text", "content": SAID}]}]}})
    wrong = said(52, "feedback.thumbs", payload={"value": 7, "text": SAID})
    sent = [collector.post(each, key) for each in (votes[:20], votes[20:], [comment, answer, wrong])]
    broken = collector.post(json.dumps(said(60)).encode() + b"\n{broken " + SAID.encode() + b"\n", key,
                            content_type="application/x-ndjson")
    assert [each.json()["stored"] for each in (*sent, broken)] == [20, 20, 2, 1]
    assert [each.json()["invalid"] for each in (*sent, broken)] == [0, 0, 1, 1]
    no_names(on_disk(collector.project.config.state_dir))
    assert collector.stop() == 0
    no_names(on_disk(collector.project.config.state_dir))
    with loop.open_events(collector.project) as events:
        kept = {each.event_id: each for each in events.events()}
    assert kept[comment["event_id"]].payload == {"text": f"{MASKED} 50"}
    assert kept[comment["event_id"]].privacy["masked"] == ["card", "email", "iban", "location", "person"]
    assert kept[votes[3]["event_id"]].actor == {"segment": {"city": "[location]"}}
    assert len(kept) == 43
    letters, count = loop.dead_letters(collector.project, limit=10)
    assert count == 2
    assert json.loads(next(each.body for each in letters if each.body.endswith("}")))["payload"]["text"] == MASKED
    assert loop.replay_letters(collector.project) == (0, 2)


def test_the_collector_does_not_start_without_its_model(tmp_path: Path) -> None:
    """An error with the mend before the first request, and nothing is fetched."""
    (tmp_path / "evalloop.toml").write_text('masker = "presidio"\nmasker_models = ["en=en_core_web_lg"]\n')
    done = subprocess.run([sys.executable, "-m", "evalloop", "serve", "--port", "0", "--workers", "1"], cwd=tmp_path,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 4
    assert "error: masker_models: the spaCy model 'en_core_web_lg' is not installed\n    fix: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "Downloading" not in done.stderr + done.stdout
    assert "collecting events" not in done.stderr


def comments(folder: Path, number: int) -> Path:
    """A file of comments."""
    place = folder / "comments.jsonl"
    place.write_text("".join(json.dumps(said(each)) + "\n" for each in range(number)))
    return place


@pytest.mark.parametrize("group", [10, 1000])
def test_an_import_masks_in_each_of_its_processes(project: loop.Project, tmp_path_factory: pytest.TempPathFactory,
                                                  monkeypatch: pytest.MonkeyPatch, group: int) -> None:
    """Shared out or not: what was masked is counted, and no file of the project holds a name."""
    monkeypatch.setattr(crew, "GROUP", group)
    monkeypatch.setattr(crew, "CREW", 2)
    captured = loop.capture(project, str(comments(tmp_path_factory.mktemp("given"), 35)))
    assert (captured.stored, captured.masked["person"], captured.masked["location"]) == (35, 35, 35)
    no_names(on_disk(project.config.root))


@pytest.mark.parametrize("group", [10, 1000])
def test_an_import_without_its_model_stores_nothing(project: loop.Project, tmp_path_factory: pytest.TempPathFactory,
                                                    monkeypatch: pytest.MonkeyPatch, group: int) -> None:
    """The error comes from whichever process lacks it."""
    monkeypatch.setattr(crew, "GROUP", group)
    monkeypatch.setattr(crew, "CREW", 1)
    bare = loop.open_project(project.config.root, masker_models=("en=en_core_web_lg",))
    with pytest.raises(ConfigError, match="not installed"):
        loop.capture(bare, str(comments(tmp_path_factory.mktemp("given"), 35)))
    with loop.open_events(project) as events:
        assert not list(events.events())


def test_what_presidio_cannot_read_is_stored_withheld(project: loop.Project, monkeypatch: pytest.MonkeyPatch,
                                                      tmp_path_factory: pytest.TempPathFactory) -> None:
    """No event is lost, and no text of it reaches the disk."""
    analyze = presidio_analyzer.AnalyzerEngine.analyze

    def fails(self: Any, text: str, *given: Any, **options: Any) -> Any:
        if text.endswith(" 7"):
            raise ValueError(f"odd: {text}")
        return analyze(self, text, *given, **options)

    monkeypatch.setattr(presidio_analyzer.AnalyzerEngine, "analyze", fails)
    captured = loop.capture(project, str(comments(tmp_path_factory.mktemp("given"), 9)))
    assert captured.stored == 9
    no_names(on_disk(project.config.root))
    with loop.open_events(project) as events:
        kept = {each.event_id: each for each in events.events()}
    assert kept["event-0007"].payload == {"text": "[withheld]"}
    assert kept["event-0007"].privacy["masked"] == ["withheld"]
    assert kept["event-0008"].payload == {"text": f"{MASKED} 8"}


@pytest.fixture
def away() -> Iterator[str]:
    """An address where nobody listens."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{place.getsockname()[1]}"


def test_a_client_masks_before_its_outbox(away: str, tmp_path: Path, model: Path) -> None:
    """While the collector is away the events lie on the product's disk, masked; a missing model is told at once."""
    with Client(away, "sk_test", folder=tmp_path / "outbox", strict=True,
                masking=Masking("presidio", models=(f"en={model}",))) as client:
        client.event("feedback.comment", {"text": SAID}, response="r-1")
        client.flush(2.0)
    waiting = on_disk(tmp_path / "outbox")
    assert MASKED.encode() in waiting
    no_names(waiting)
    with pytest.raises(EvalloopError, match="not installed"):
        Client(away, "sk_test", folder=None, masking=Masking("presidio", models=("en=en_core_web_lg",)))
