"""The page in a browser: it can be read and worked by everybody, and nothing in it runs but its own script."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from evalloop.contracts import ReportData
from evalloop.records.call import Reply
from evalloop.records.case import Case
from evalloop.records.report import Score
from evalloop.records.run import Grade, Trial
from evalloop.report.compare import compare, compare_all
from evalloop.report.policy import Policy
from evalloop.report.renderers.html import HtmlRenderer

Open = Callable[..., Any]
PAYLOADS = (
    "<script>window.PWNED=1</script>", "<img src=x onerror=\"window.PWNED=1\">", "{{7*7}}", "{{script}}",
    "</script><script>window.PWNED=1</script>", "<svg onload=\"window.PWNED=1\">", "<a href=javascript:alert(1)>x</a>",
    "</pre><iframe srcdoc=\"<script>parent.PWNED=1\">", "<style>*{display:none}</style>", "<!--", "]]>",
    "\u202egnp.exe", "\x1b]0;x\x07", "&lt;script&gt;", "`${window.PWNED=1}`", "';window.PWNED=1;'", "a\x00b",
    "<base href=//evil.example>", "<meta http-equiv=refresh content=0;url=//evil.example>",
)


def page_of(rows: list[tuple[str, str, float, float, str, str]]) -> str:
    """A page of rows (case, cluster, base, cand, answer before, answer now)."""
    cases, scores = {}, []
    trials: dict[str, list[Trial]] = {"base": [], "cand": []}
    for case, cluster, base, cand, old, new in rows:
        cases[case] = Case(case, cluster, {"vars": {"question": f"What about {case}?"}})
        for name, value, text in (("base", base, old), ("cand", cand, new)):
            grade = Grade("contains", "1", bool(value), bool(value), explanation=f"looked at {text}")
            reply = Reply(text, usage={"output_tokens": 12}, cost=0.01, latency_s=0.5)
            trials[name].append(Trial(case, cluster, 0, "ok", reply, (grade,), value))
            scores.append(Score(case, name, value, cluster))
    return HtmlRenderer().render(ReportData(compare(scores, "base", "cand"), (), trials, cases))


def checker() -> Any:
    """The axe of accessibility; in CI it must be there."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no axe-playwright-python in this environment")
    return Axe()


def ordinary() -> str:
    """Two clusters: refunds got better (but for one case), hours stayed."""
    rows = [(f"r-{number}", "refunds", float(number == 0), float(number != 0), "You can not return it.",
             "You can return it within 30 days.") for number in range(20)]
    rows += [(f"h-{number}", "hours", 1.0, 1.0, "At 9.", "At 9.") for number in range(20)]
    return page_of(rows)


def test_no_answer_or_name_runs(open_page: Open) -> None:
    """Hostile answers, questions, names and explanations are shown as text, and the page stays whole."""
    from playwright.sync_api import expect

    rows = [(each, each, 1.0, 0.0, each, f"{each} now") for each in PAYLOADS]
    page = open_page(page_of(rows))
    for button in page.locator("button.case").all():
        button.click()
    expect(page.locator("tr.detail .sides")).to_have_count(len(rows))
    assert page.evaluate("window.PWNED") is None
    assert page.locator("button.case").count() == len(rows)
    assert page.locator("iframe, img, main script, base, #rows a").count() == 0
    assert page.locator("meta[http-equiv]").count() == 1


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["wide", "phone"])
def test_nothing_for_axe_to_complain_about(open_page: Open, dark: bool, phone: bool) -> None:
    """No violation of axe's rules: with a cluster and a case open, and with the help open."""
    axe = checker()
    page = open_page(ordinary(), dark=dark, phone=phone, hash="#cluster=refunds&case=r-1")
    page.locator("tr.detail mark").first.wait_for()
    assert axe.run(page).response["violations"] == []
    page.keyboard.press("?")
    assert page.locator("dialog").is_visible()
    assert axe.run(page).response["violations"] == []


@pytest.mark.parametrize("phone", [False, True], ids=["wide", "phone"])
def test_no_page_is_wider_than_the_screen(open_page: Open, phone: bool) -> None:
    """Only tables scroll sideways, whatever the length of a word."""
    page = open_page(page_of([("c" * 80, "k" * 300, 1.0, 0.0, "x" * 3000, "y" * 3000)]), phone=phone)
    page.locator("button.case").first.click()
    page.locator("tr.detail .sides").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_click_on_a_cluster_shows_its_cases_and_its_graders(open_page: Open) -> None:
    """The table leads to the cluster, the cluster to what its graders said, the address to the same view again."""
    page = open_page(ordinary())
    assert page.locator("#count").inner_text() == "20 of 40 cases"
    page.get_by_role("link", name="hours").click()
    assert page.locator("#count").inner_text() == "20 of 40 cases"
    assert page.locator("button.case").first.inner_text() == "h-0"
    page.get_by_role("link", name="refunds").click()
    assert "+90.0 points" in page.locator("#drill p").inner_text()
    assert page.locator("#drill tbody tr").inner_text().split() == ["contains", "1", "/", "20", "19", "/", "20"]
    assert "cluster=refunds" in page.url
    page.locator("svg.wideplot g[data-cluster]").last.click()
    assert page.locator("#cluster").input_value() == "hours"


def test_an_address_opens_a_case(open_page: Open) -> None:
    """``#case=ID`` shows that case, also one that did not change."""
    page = open_page(ordinary(), hash="#case=h-7")
    assert page.locator("button.case[aria-expanded=true]").inner_text() == "h-7"
    page.locator("tr.detail .sides").wait_for()
    assert "the same, character by character" in page.locator("tr.detail").inner_text()


def test_changed_words_are_marked(open_page: Open) -> None:
    """Only the words that differ, on their own side."""
    page = open_page(ordinary(), hash="#case=r-1")
    page.locator(".old mark").wait_for()
    assert page.locator(".old mark").all_text_contents() == ["not "]
    assert page.locator(".new mark").all_text_contents() == [" within 30 days"]


def test_filters_sort_and_search(open_page: Open) -> None:
    """Kind, order and text narrow the list; what the search looks through are answers too."""
    page = open_page(ordinary())
    page.locator("#kind").select_option("worse")
    assert page.locator("button.case").all_inner_texts() == ["r-0"]
    page.locator("#kind").select_option("all")
    page.locator("#sort").select_option("name")
    assert page.locator("button.case").all_inner_texts()[:3] == ["h-0", "h-1", "h-2"]
    page.locator("#search").fill("AT 9.")
    page.wait_for_timeout(200)
    assert page.locator("#count").inner_text() == "20 of 40 cases"
    page.locator("#search").fill("nowhere")
    page.wait_for_timeout(200)
    assert page.locator("#count").inner_text().startswith("None of 40 cases")


def test_keys(open_page: Open) -> None:
    """The keys of the help work, and none is taken from a field."""
    page = open_page(ordinary())
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    assert page.locator("tr.detail").count() == 1
    page.keyboard.press("w")
    assert page.locator("#kind").input_value() == "worse"
    page.keyboard.press("/")
    page.keyboard.type("?wj")
    assert page.locator("#search").input_value() == "?wj"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.locator("dialog").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("dialog").is_visible()


def test_pages_of_a_long_list(open_page: Open) -> None:
    """Only a hundred rows are in the page at once; a key turns the page."""
    page = open_page(page_of([(f"c-{number:03}", "k", 1.0, 0.0, "a", "b") for number in range(250)]))
    assert page.locator("button.case").count() == 100
    page.keyboard.press("n")
    page.keyboard.press("n")
    assert page.locator("button.case").count() == 50
    assert page.locator("#page").inner_text() == "page 3 of 3"


NAMES = ("<script>window.PWNED=1</script>", "b", "</style><img src=x onerror=window.PWNED=1>")


def matrix() -> str:
    """Three candidates with hostile names against ``a``: all better in cluster ``k``, all alike in the other."""
    trials: dict[str, list[Trial]] = {name: [] for name in ("a", *NAMES)}
    scores, cases = [], {}
    for cluster in ("k", NAMES[0]):
        for number in range(20):
            case = f"{cluster}{number}"
            cases[case] = Case(case, cluster, {"vars": {"question": f"What about {case}?"}})
            for name, done in trials.items():
                value = float((name != "a" and cluster == "k") or number < 2)
                scores.append(Score(case, name, value, cluster))
                grade = Grade("contains", "1", bool(value), bool(value))
                done.append(Trial(case, cluster, 0, "ok", Reply(f"{name} says {value}"), (grade,), value))
    first, *others = compare_all(scores, "a", NAMES, policy=Policy(), notes=NAMES)
    return HtmlRenderer().render(ReportData(first, (), trials, cases, others=tuple(others)))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["wide", "phone"])
def test_page_of_several_candidates(open_page: Open, dark: bool, phone: bool) -> None:
    """A matrix: hostile names are text, it fits the screen, and axe has nothing to say, also with a case open."""
    axe = checker()
    page = open_page(matrix(), dark=dark, phone=phone, hash="#cluster=k&case=k7")
    page.locator("tr.detail .sides").wait_for()
    assert page.evaluate("window.PWNED") is None
    assert page.locator("img, main script").count() == 0
    assert page.locator("[aria-label='Matrix of clusters'] tbody tr, [aria-label='Table of candidates'] tbody tr"
                        ).count() == 3 + 3
    assert page.locator("[aria-label='Matrix of clusters'] td .improved").count() == 2 * 3
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert axe.run(page).response["violations"] == []


def test_matrix_leads_to_the_cases_of_a_cluster_and_of_a_candidate(open_page: Open) -> None:
    """A cluster opens all its cases with the graders' counts, a delta those that this candidate changed."""
    page = open_page(matrix())
    assert page.locator("h1").inner_text() == "3 of 3 candidates may ship"
    page.get_by_text("What each verdict rests on").click()
    assert page.locator("details.whys li").count() >= 3
    page.get_by_role("link", name="k", exact=True).click()
    assert page.locator("#count").inner_text() == "20 of 40 cases"
    assert page.locator("#drill tbody tr").inner_text().split("\t") == ["contains", "2 / 20", *["20 / 20"] * 3]
    page.locator("tr[data-cluster='1'] td a").nth(1).click()
    assert page.locator("#candidate").input_value() == "b"
    assert page.locator("#count").inner_text() == "18 of 40 cases"
    page.locator("button.case").first.click()
    page.locator("tr.detail .sides").wait_for()
    assert page.locator(".side h3").all_inner_texts() == ["a", "b"]
    page.locator("#candidate").select_option("")
    assert page.locator(".side h3").all_inner_texts() == ["a", *NAMES]
    assert page.locator(".side.new mark").all_inner_texts() == ["b", "1"]
