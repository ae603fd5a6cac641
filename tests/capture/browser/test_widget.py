"""The element <evalloop-feedback>: for everybody, with any input, in any language, light or dark."""

from __future__ import annotations

import pytest

PAGE = """document.querySelector('main').innerHTML = `<h1>Widget</h1>
  <evalloop-feedback response="r-1" reasons="Wrong|Too long"></evalloop-feedback>
  <evalloop-feedback response="r-2" kind="stars" reasons="Wrong|Too long"></evalloop-feedback>`"""


@pytest.fixture
def widgets(open_page):
    """A page with both kinds of the element."""
    def make(**options):
        page = open_page(**options)
        page.evaluate(PAGE)
        page.wait_for_selector("evalloop-feedback >> .star")
        return page
    return make


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1000, 360], ids=["wide", "phone"])
def test_nothing_for_axe_to_complain_about(widgets, scheme, width):
    """No violation: at rest, with a vote and open forms, and after sending."""
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe()
    page = widgets(color_scheme=scheme, viewport={"width": width, "height": 800})
    assert axe.run(page).response["violations"] == []
    page.get_by_role("button", name="Bad answer").click()
    page.get_by_role("radio", name="2 of 5 stars").check(force=True)
    assert page.locator("form:visible").count() == 2
    assert axe.run(page).response["violations"] == []
    page.get_by_role("button", name="Send").first.click()
    assert axe.run(page).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_everything_works_by_keyboard(product, widgets):
    """Tab to the vote, space, tab through reasons and words, send; arrows choose stars; escape closes."""
    page = widgets()
    page.evaluate("document.activeElement.blur()")
    keys = page.keyboard
    keys.press("Tab")
    keys.press("Tab")
    keys.press("Space")
    assert page.get_by_role("button", name="Bad answer").get_attribute("aria-pressed") == "true"
    keys.press("Tab")
    keys.press("Space")
    keys.press("Tab")
    keys.press("Tab")
    keys.type("no sources")
    keys.press("Tab")
    keys.press("Enter")
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.getAttribute('aria-label')") == "Bad answer"
    vote = product.events("feedback.thumbs", count=2)[-1]
    assert vote["payload"] == {"value": -1, "reasons": ["Wrong"], "text": "no sources"}
    keys.press("Tab")
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    assert [each["payload"]["value"] for each in product.events("feedback.rating", count=2)][-1] in (2, 3)
    keys.press("Tab")
    keys.press("Escape")
    assert page.locator("form:visible").count() == 0


def test_stars_words_and_reasons_arrive(product, widgets):
    """A rating from 1 to 5; reasons are a choice, words a comment."""
    page = widgets()
    page.locator("evalloop-feedback[kind=stars] .star").nth(1).click()
    stars = page.locator("evalloop-feedback[kind=stars]")
    stars.get_by_text("Too long").click()
    stars.get_by_label("Tell us more").fill("half of it")
    stars.get_by_role("button", name="Send").click()
    assert product.one("feedback.rating")["payload"] == {"value": 2, "min": 1, "max": 5}
    assert product.one("feedback.choice")["payload"] == {"labels": ["Too long"]}
    assert product.one("feedback.comment")["payload"] == {"text": "half of it"}
    assert {each["ask"]["ask_id"] for each in product.events("feedback.rating", "feedback.comment")} == {"ask-r-2"}


def test_a_screen_reader_hears_what_happened(widgets):
    """A live region tells that the vote was taken, that more can be said, and that it was taken back."""
    page = widgets()
    status = page.locator("evalloop-feedback >> [role=status]").first
    page.get_by_role("button", name="Good answer").click()
    assert status.text_content() == "Thanks for your feedback."
    page.get_by_role("button", name="Bad answer").click()
    assert "You can say more" in status.text_content()
    page.get_by_role("button", name="Bad answer").click()
    assert "taken back" in status.text_content()


def test_all_texts_can_be_replaced(open_page):
    """Another language, and words that are no HTML."""
    page = open_page()
    page.evaluate("""() => { const made = document.createElement('evalloop-feedback');
        made.setAttribute('response', 'r'); made.setAttribute('lang', 'de');
        made.setAttribute('reasons', '<b>Falsch</b>');
        made.setAttribute('texts', JSON.stringify({up: 'Gute Antwort', down: 'Schlechte "Antwort"', send: 'Senden'}));
        document.querySelector('main').append(made); }""")
    assert page.get_by_role("button", name="Gute Antwort").count() == 1
    page.get_by_role("button", name='Schlechte "Antwort"').click()
    assert page.get_by_text("<b>Falsch</b>").is_visible()
    assert page.get_by_role("button", name="Senden").is_visible()


def test_motion_only_where_it_is_wanted_and_large_targets_on_touch(widgets):
    """No transition with prefers-reduced-motion; 44 pixels where fingers press."""
    calm = widgets(reduced_motion="reduce", has_touch=True, is_mobile=True, viewport={"width": 360, "height": 700})
    button = calm.get_by_role("button", name="Good answer")
    assert button.evaluate("(each) => getComputedStyle(each).transitionDuration") == "0s"
    box = button.bounding_box()
    assert box["width"] >= 44
    assert box["height"] >= 44
    lively = widgets(reduced_motion="no-preference")
    assert lively.get_by_role("button", name="Good answer").evaluate(
        "(each) => getComputedStyle(each).transitionDuration") != "0s"
