"""The whole story over three weeks, with the public commands alone.

A defect appears as a theme, gets cases, a release mends it, the gate passes, the notes name it, production confirms it,
users hear of it; then it comes back and is stopped.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

SHIPPED = datetime(2026, 10, 26, tzinfo=UTC)
TOPICS = ("coral reefs", "battery recycling", "medieval guilds", "sleep and memory", "urban heat", "bird migration",
          "solar sails", "sourdough yeast", "tram networks", "glacier melt", "jazz harmony", "bee colonies")
ASKS = ("find sources on {}", "which papers discuss {}", "give me references about {}", "cite studies on {}")
COMPLAINTS = {
    "citations": ("the {} {} is {}", ("cited", "source", "reference", "first", "second"),
                  ("link", "citation link", "source link"),
                  ("dead", "broken", "a dead link", "broken, page not found")),
    "speed": ("{} {} {}", ("way too slow,", "far too slow,", "so slow,"), ("I waited", "it took", "I sat"),
              ("two minutes", "forever for one answer", "minutes and gave up")),
    "length": ("{} {} {}", ("too long,", "much too wordy,", "far too wordy,"), ("please be", "make it", "keep it"),
               ("shorter", "short and brief", "a brief summary")),
}
PRODUCT = '''"""The product's versions: v1 and v3 cite dead links, v2 does not."""


def topic_of(messages):
    return messages[-1]["content"].split(" ", 3)[-1]


def v1(messages):
    return f"See https://dead.example/{topic_of(messages)}"


def v2(messages):
    return f"Here are three sources with working links on {topic_of(messages)}: live.example/one, live.example/two"


v3 = v1
'''
TRAFFIC = count()


def users(seed, start, days, number, rates):
    """Events of so many users over so many days; each answer is complained of with the rate of each theme."""
    draw = random.Random(seed)
    for user in range(number):
        begin = start + timedelta(days=draw.uniform(0, days - 0.1))
        for turn in range(draw.choice((1, 1, 2, 3))):
            yield from answer(draw, f"{seed}-{user}", turn, begin + timedelta(minutes=5 * turn), rates)


def answer(draw, user, turn, at, rates):
    """One answer, and what its user did about it."""
    topic, name = draw.choice(TOPICS), f"r-{user}-{turn}"
    common = {"schema": "evalloop.event/1", "actor": {"user_key": f"user-{user}"}, "context": {"surface": "chat"},
              "subject": {"level": "response", "response_id": name, "session_id": f"s-{user}"},
              "consent": {"basis": "consent", "purposes": ["ops", "analytics", "eval", "notify"]}}

    def event(kind, minutes, **fields):
        when = (at + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
        who = "system" if kind == "generation.completed" else "end_user"
        return {**common, "event_id": f"{kind}-{name}", "event_type": kind, "occurred_at": when,
                "source": {"kind": who}, "payload": fields}

    asked, said = draw.choice(ASKS).format(topic), f"See https://dead.example/{topic}"
    yield event("generation.completed", 0, input={"messages": [{"role": "user", "content": asked}]},
                output={"messages": [{"role": "assistant", "content": said}]})
    place, theme = draw.random(), None
    for theme_name, rate in rates.items():
        if place < rate:
            theme = theme_name
            break
        place -= rate
    if theme:
        shape, *words = COMPLAINTS[theme]
        yield event("feedback.thumbs", 1, value=-1, text=shape.format(*map(draw.choice, words)))
        if theme == "citations":
            yield event("feedback.correction", 2, ideal=f"Here are three sources with working links on {topic}: "
                                                        "live.example/one, live.example/two")
    elif draw.random() < 0.4:
        yield event("signal.copied", 1, chars=30, total=30)


class Product:
    """A project folder, and its commands."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, words):
        """A finished process."""
        return subprocess.run([sys.executable, "-m", "evalloop", *map(str, words)], cwd=self.folder, check=False,
                              capture_output=True, text=True, timeout=600, env={**os.environ, "NO_COLOR": "1"})

    def call(self, *words, code=0):
        """What a verb prints on both streams."""
        done = self.run(words)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def json(self, *words):
        """What a verb prints as JSON."""
        return json.loads(self.run(words).stdout)

    def capture(self, events):
        """Takes events in."""
        place = self.folder / f"events-{next(TRAFFIC)}.jsonl"
        place.write_text("".join(json.dumps(each) + "\n" for each in events))
        return self.call("capture", place.name)


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    """A product with three versions and a suite that runs them."""
    folder = tmp_path_factory.mktemp("product")
    (folder / "product.py").write_text(PRODUCT)
    allowed = ", ".join(f'"product.py:{name}"' for name in ("v1", "v2", "v3"))
    (folder / "evalloop.toml").write_text(f"allow_python = [{allowed}]\n")
    (folder / "variants").mkdir()
    for name in ("v1", "v2", "v3"):
        text = f"target: python\noptions: {{callable: 'product.py:{name}'}}\n"
        (folder / "variants" / f"{name}.yaml").write_text(text)
    return Product(folder)


def citations(product):
    """The id of the theme of dead links."""
    themes = product.json("cluster", "--json")["clusters"]
    return max((each for each in themes if "link" in each["label"]), key=lambda each: each["size"])


def test_the_whole_story(product):
    """Capture to notice, then back again and stopped."""
    usual = {"citations": 0.10, "speed": 0.02, "length": 0.02}

    # week 1: users complain; a theme appears, gets cases, and a reviewer accepts them
    product.capture(users(1, SHIPPED - timedelta(days=28), 28, 2000, usual))
    theme = citations(product)
    assert theme["share"] > 0.3
    product.call("grow", "--evalset", "feedback", "--per-cluster", 40, "--cluster", theme["cluster_id"])
    product.call("review", "feedback", "--accept-all", 200, "--by", "ann")

    # v2 mends it: the gate passes, and the notes name the theme
    for name in ("v1", "v2", "v3"):
        product.call("run", "feedback", "--variant", name, "--name", name, code=0)
    assert product.call("gate", "v1", "v2").startswith("PASS")
    product.call("release", "create", "r2", "v1", "v2", "--shipped", SHIPPED.isoformat())
    assert theme["label"] in product.call("notes", "r2")
    assert "confirmed nothing" in product.call("notify", "r2", "--to", "out.jsonl", code=5)

    # week 2: production agrees, and users hear of it, once
    product.capture(users(2, SHIPPED, 14, 1500, {**usual, "citations": 0.02}))
    (check,) = product.json("verify", "r2", "--now", (SHIPPED + timedelta(days=14)).isoformat(), "--json")
    assert check["verdict"] == "confirmed", check
    assert check["ratio_high"] < 1
    told = product.call("notify", "r2", "--to", "out.jsonl")
    notices = [json.loads(line) for line in (product.folder / "out.jsonl").read_text().splitlines()]
    assert len(notices) == len({each["user_key"] for each in notices}) > 50, told
    assert product.call("notify", "r2", "--to", "out.jsonl").startswith("sent 0")
    assert theme["label"] in (product.folder / "releases" / "r2.json").read_text()
    assert "trust          works" in product.call("status")

    # week 3: v3 breaks it again, and the gate blocks it; the notes claim nothing
    assert product.call("gate", "v2", "v3", code=1).startswith("BLOCK")
    notes = product.call("notes", "v2", "v3", "--name", "r3")
    assert "not released" in notes
    assert "What got better" not in notes
