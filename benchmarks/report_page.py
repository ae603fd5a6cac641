"""The HTML report of 5,000 cases under two variants, with real answers, in Chromium.

    python benchmarks/report_page.py [--cases 5000] [--rounds 5] [--keep FOLDER]

The answers are those of two models to the IFEval prompts that this repository ships, mixed and, in the first row, cut
to 800 characters; one case in five changed. Printed: the size of the file and of the data in it as JSON; from the start
of navigation to the drawn list of cases and to the first key that is obeyed and painted (or to the whole document, if
that takes longer); then the first search through all answers, and an opened case with its marked words. The limits are
3 MB and, for the key, 1 s. The peer is the same JSON in a bare script element that only parses it. Needs Chromium and
playwright.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import shutil
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measure import CHECKOUT, workplace

from evalloop.contracts import ReportData
from evalloop.encode import script_json
from evalloop.records.call import Reply
from evalloop.records.case import Case
from evalloop.records.report import Score
from evalloop.records.run import Grade, Trial
from evalloop.report.compare import compare
from evalloop.report.renderers.html import HtmlRenderer
from evalloop.report.renderers.payload import payload

ANSWERS = CHECKOUT / "evalsets" / "ifeval" / "recordings"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
CLUSTERS = 12
HEADS = ("JSON MB", "page MB", "made s", "list s", "key s", "search s", "open s", "peer s")


def answers(name: str) -> dict[str, str]:
    """Real answers by case."""
    with gzip.open(ANSWERS / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return {str(row["id"]): str(row["response"]) for row in rows}


def questions() -> dict[str, str]:
    """Real prompts by case."""
    with (CHECKOUT / "evalsets" / "ifeval" / "ifeval.evalset.jsonl").open(encoding="utf-8") as file:
        return {row["id"]: json.dumps(row["input"]) for row in map(json.loads, file) if "id" in row}


def mixed(texts: list[str], count: int, draw: random.Random) -> Iterator[str]:
    """``count`` texts, each pass in another order, so that the same text is never near itself."""
    while count > 0:
        draw.shuffle(texts)
        yield from texts[:count]
        count -= len(texts)


def report(count: int, longest: int) -> ReportData:
    """A comparison of ``count`` cases; one in five changed."""
    draw = random.Random(0)
    old, new, asked = answers("gpt4"), answers("unnamed"), questions()
    ids = mixed(sorted(old.keys() & new.keys() & asked.keys()), count, draw)
    trials: dict[str, list[Trial]] = {"base": [], "cand": []}
    cases, scores = {}, []
    for number, source in enumerate(ids):
        case, cluster = f"c-{number:05}", f"cluster-{number % CLUSTERS:02}"
        cases[case] = Case(case, cluster, {"vars": {"question": asked[source]}})
        values = {"base": float(number % 5 != 0 or number % 3 != 0), "cand": float(number % 5 != 0 or number % 3 == 0)}
        for name, texts in (("base", old), ("cand", new)):
            grade = Grade("rubric", "1", bool(values[name]), bool(values[name]), explanation="It answers the question.")
            reply = Reply(texts[source][:longest], usage={"output_tokens": len(texts[source]) // 4}, latency_s=1.2)
            trials[name].append(Trial(case, cluster, 0, "ok", reply, (grade,), values[name]))
            scores.append(Score(case, name, values[name], cluster))
    return ReportData(compare(scores, "base", "cand"), (), trials, cases)


WATCH = """
const seen = new MutationObserver(() => {
  const count = document.getElementById("count");
  const now = () => requestAnimationFrame(() => setTimeout(() => performance.mark("drawn")));
  if (count && count.textContent.startsWith(`${WORSE} of `) && !performance.getEntriesByName("drawn").length) now();
});
seen.observe(document, { subtree: true, childList: true, characterData: true });
"""


def visit(browser: Any, file: Path, worse: int) -> tuple[float, ...]:
    """Seconds to the drawn list, to the first key that was obeyed and painted, to a search, to an opened case.

    The key (``w``: only what got worse) is a real one, sent again and again from the moment that the page answers at
    all; the time is the browser's own, from the start of navigation to the frame after the list has changed.
    """
    from playwright.sync_api import expect

    context = browser.new_context()
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.add_init_script(WATCH.replace("WORSE", str(worse)))
    page.goto(file.as_uri(), wait_until="commit")
    while not page.evaluate("performance.getEntriesByName('drawn').length"):
        page.keyboard.press("w")
        time.sleep(0.03)
    loaded = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd") / 1000
    ready, obeyed = (page.evaluate(f"performance.getEntriesByName('{name}')[0].startTime") / 1000
                     for name in ("ready", "drawn"))
    page.keyboard.press("a")
    began = time.perf_counter()
    count = page.locator("#count")
    everything = count.inner_text()
    page.locator("#search").fill("wedding")
    expect(count).not_to_contain_text("being read")
    expect(count).not_to_have_text(everything)
    searched = time.perf_counter() - began
    page.locator("#search").fill("")
    expect(count).to_have_text(everything)
    began = time.perf_counter()
    page.locator("button.case").first.click()
    page.locator("tr.detail .sides").wait_for()
    opened = time.perf_counter() - began
    context.close()
    assert not faults, faults
    return ready, max(obeyed, loaded), searched, opened


def bare(browser: Any, file: Path) -> float:
    """Seconds until a page that holds the same JSON, unpacked, has parsed it."""
    page = browser.new_page()
    page.goto(file.as_uri(), wait_until="commit")
    page.locator("html[data-ready=yes]").wait_for(state="attached")
    seconds = page.evaluate("performance.getEntriesByName('ready')[0].startTime") / 1000
    page.close()
    return float(seconds)


PEER = """<!doctype html><meta charset="utf-8"><title>peer</title><script type="application/json" id="data">%s</script>
<script>window.data = JSON.parse(document.getElementById("data").textContent); performance.mark("ready");
document.documentElement.setAttribute("data-ready", "yes");</script>"""


def main() -> None:
    """Prints one line for each length of answers."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with workplace() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=ARGUMENTS)
        print(f"{'answers':>12}", *(f"{head:>8}" for head in HEADS))
        for name, longest in (("800 chars", 800), ("whole", 10**9)):
            data = report(given.cases, longest)
            began = time.perf_counter()
            html = HtmlRenderer().render(data)
            made = time.perf_counter() - began
            file, peer = folder / "report.html", folder / "peer.html"
            file.write_text(html, encoding="utf-8")
            held = payload(data)
            raw = script_json({**held.index, "answers": held.answers})
            peer.write_text(PEER % raw, encoding="utf-8")
            if given.keep:
                shutil.copy(file, given.keep / f"report-{longest}.html")
            worse = sum(flip.change < 0 for flip in data.comparison.flips)
            seen = [(*visit(browser, file, worse), bare(browser, peer)) for _ in range(given.rounds)]
            print(f"{name:>12}", *(f"{each:8.2f}" for each in (
                len(raw) / 1e6, len(html) / 1e6, made, *(statistics.median(each) for each in zip(*seen, strict=True)))),
                f"  slowest key {max(row[1] for row in seen):.2f} s, load {os.getloadavg()[0]:.1f}")
        browser.close()


if __name__ == "__main__":
    main()
