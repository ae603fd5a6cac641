"""What a user does in the browser arrives at the collector, with the right numbers, whatever happens to the page."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from evalloop.capture import browser
from evalloop.capture.client.completions import four_gram

BUTTONS = {"copy": "Copy", "share": "Share", "again": "Another answer", "use": "Use it", "no": "Not useful"}


def press(page, act):
    """Clicks a button under the last answer."""
    page.locator(".answer").last.get_by_role("button", name=BUTTONS[act], exact=True).click()


def leave(page):
    """Closes the page as a user does, and waits until it is gone."""
    with page.expect_event("close"):
        page.close(run_before_unload=True)


def test_the_module_is_small():
    """Under 6 kB packed, without a build."""
    assert len(gzip.compress(browser.script("evalloop.js"), 9)) < 6000
    assert len(gzip.compress(browser.script("evalloop-feedback.js"), 9)) < 4000


def test_a_vote_arrives_and_joins_the_generation(product, open_page, ask):
    """The page's vote names the response, session and user that the server reported."""
    page = open_page()
    response = ask(page)
    page.get_by_role("button", name="Good answer").click()
    vote, made = product.one("feedback.thumbs"), product.one("generation.completed")
    assert vote["payload"] == {"value": 1}
    assert vote["subject"]["response_id"] == made["subject"]["response_id"] == response
    assert vote["subject"]["session_id"] == made["subject"]["session_id"]
    assert vote["actor"]["user_key"] == made["actor"]["user_key"]
    assert vote["source"]["kind"] == "end_user"
    assert vote["source"]["key_id"] == product.key[:15]
    assert vote["consent"]["purposes"] == ["ops", "analytics", "eval"]
    asked = product.one("feedback.prompted")
    assert asked["ask"] == vote["ask"] == {"kind": "organic", "ask_id": f"ask-{response}"}


def test_a_changed_vote_supersedes_and_a_second_click_takes_it_back(product, open_page, ask):
    """Up, then down with a reason and words, then none."""
    page = open_page()
    ask(page)
    page.get_by_role("button", name="Good answer").click()
    page.get_by_role("button", name="Bad answer").click()
    page.get_by_text("Too long").click()
    page.get_by_label("Tell us more").fill("write to eve@example.com")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Bad answer").click()
    votes = product.events("feedback.thumbs", "feedback.retracted", count=4)
    assert [each["payload"].get("value") for each in votes] == [1, -1, -1, None]
    assert votes[2]["payload"] == {"value": -1, "reasons": ["Too long"], "text": "write to [email]"}
    assert [each["links"].get("supersedes") for each in votes[:3]] == [None, votes[0]["event_id"], votes[1]["event_id"]]
    assert votes[3]["links"] == {"retracts": votes[2]["event_id"]}


def test_copies_count_characters_and_the_answers_length(product, open_page, ask):
    """A selection inside the answer, one that goes beyond it, and the copy button."""
    page = open_page()
    ask(page)
    total = page.evaluate("document.querySelector('.text').textContent.length")
    select = """([start, end]) => { const text = document.querySelector('.text').firstChild, range = new Range();
        range.setStart(text, start); range.setEnd(text, end);
        getSelection().removeAllRanges(); getSelection().addRange(range); }"""
    page.evaluate(select, [4, 54])
    page.keyboard.press("Control+c")
    page.evaluate("""getSelection().selectAllChildren(document.querySelector('main'))""")
    page.keyboard.press("Control+c")
    press(page, "copy")
    copies = product.events("signal.copied", count=3)
    assert [each["payload"] for each in copies] == [
        {"chars": 50, "total": total, "kind": "selection"}, {"chars": total, "total": total, "kind": "selection"},
        {"chars": total, "total": total, "kind": "button"}]


def test_share_regenerate_and_the_way_on(product, open_page, ask):
    """The new answer is linked to the one it replaces, by the page and by the server."""
    page = open_page()
    first = ask(page)
    press(page, "share")
    press(page, "again")
    page.wait_for_function("document.querySelectorAll('evalloop-feedback').length === 2")
    second = page.evaluate("window.answer.id")
    ask(page, "and at night?")
    assert product.one("signal.shared")["payload"] == {"kind": "link"}
    again = product.one("signal.regenerated")
    assert (again["links"], again["subject"]["response_id"]) == ({"regenerate_of": first}, second)
    made = product.events("generation.completed", count=3)
    assert made[1]["links"] == {"regenerate_of": first}
    assert product.one("signal.followup")["subject"]["response_id"] == second


def test_stopping_tells_how_much_was_shown(product, open_page):
    """The characters that were there, and when."""
    page = open_page()
    page.fill("#question", "slowly " * 3000)
    page.click("#ask button")
    page.wait_for_function("document.querySelector('.text')?.textContent.length > 50")
    page.get_by_role("button", name="Stop").dispatch_event("click")
    stopped = product.one("signal.stopped")
    shown = page.evaluate("document.querySelector('.text').textContent.length")
    assert stopped["payload"]["chars_shown"] == shown > 50
    assert 0 < stopped["payload"]["at_ms"] < 20_000
    assert product.one("signal.shown")["subject"]["response_id"] == stopped["subject"]["response_id"]


def test_dwell_counts_only_what_was_seen(product, open_page, ask):
    """1.5 s on the screen, then hidden for 2 s, then 1 s again; the answer is longer than the window."""
    page = open_page(viewport={"width": 400, "height": 300})
    page.clock.install()
    ask_with_clock(page)
    hide = """(hidden) => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
        document.dispatchEvent(new Event('visibilitychange')); }"""
    page.evaluate("document.querySelector('.text').scrollIntoView({block: 'start'})")
    page.wait_for_function("window.loop.inView.size > 0")
    box = page.evaluate("(({top, height}) => [top, height])(document.querySelector('.text').getBoundingClientRect())")
    page.evaluate("window.answer.visible = window.answer.focused = 0; window.answer.since = performance.now()")
    page.clock.fast_forward(1500)
    page.evaluate(hide, True)
    page.clock.fast_forward(2000)
    page.evaluate(hide, False)
    page.clock.fast_forward(1000)
    page.evaluate(hide, True)
    first, last = product.events("response.viewed", count=2)
    assert first["payload"]["visible_ms"] == pytest.approx(1500, abs=300)
    assert last["payload"]["visible_ms"] == pytest.approx(2500, abs=500)
    assert last["payload"]["focused_ms"] <= last["payload"]["visible_ms"]
    assert last["links"] == {"supersedes": first["event_id"]}
    assert first["payload"]["scroll_max"] == pytest.approx((300 - box[0]) / box[1], abs=0.05)
    assert first["payload"]["chars"] == page.evaluate("window.answer.text().length")


def ask_with_clock(page, question="why?"):
    """The same as ``ask`` while the page's clock stands still between jumps."""
    page.fill("#question", question)
    page.click("#ask button")
    page.wait_for_selector(".answer")
    for _ in range(200):
        page.clock.run_for(50)
        if page.locator("evalloop-feedback").count():
            return
    raise AssertionError("no answer")


def test_scrolling_to_the_end_counts_as_all_of_it(product, open_page, ask):
    """scroll_max grows to 1 and does not shrink."""
    page = open_page(viewport={"width": 400, "height": 300})
    ask(page)
    page.locator("evalloop-feedback").scroll_into_view_if_needed()
    page.wait_for_function("window.answer.scroll === 1")
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(300)
    leave(page)
    assert product.events("response.viewed")[-1]["payload"]["scroll_max"] == 1


def test_accepting_tells_the_time_and_later_edits(product, open_page):
    """Time to accept, fraction, and what is left of the text after 5 and 30 seconds, measured as in Python."""
    page = open_page()
    page.clock.install()
    ask_with_clock(page)
    page.clock.fast_forward(2000)
    press(page, "use")
    text = page.evaluate("window.answer.text()")
    page.clock.fast_forward(5100)
    page.fill("#draft", text[:-40] + " and so on")
    page.clock.fast_forward(25_000)
    page.clock.run_for(500)
    accepted = product.one("signal.accepted")
    assert 2000 <= accepted["payload"]["time_to_accept_ms"] < 20_000
    assert accepted["payload"]["fraction"] == 1
    first, second = product.events("signal.edited", count=2)
    assert first["payload"]["similarity"] == 1
    assert 5000 <= first["payload"]["delay_ms"] < 30_000  # the page's clock runs on while the test speaks
    assert second["payload"]["similarity"] == pytest.approx(four_gram(text[:-40] + " and so on", text))
    assert second["payload"]["original_chars"] == len(text)
    assert second["payload"]["after"].endswith("and so on")
    assert second["links"] == {"accepted_event": accepted["event_id"]}


def test_a_rejection_arrives(product, open_page, ask):
    """With the response it turns down."""
    page = open_page()
    response = ask(page)
    press(page, "no")
    assert product.one("signal.rejected")["subject"]["response_id"] == response


def test_what_was_seen_and_left_arrives_when_the_page_is_closed(product, open_page, ask):
    """Nothing but reading: the closing page reports the view and that it was left."""
    page = open_page()
    response = ask(page)
    page.evaluate("loop.options.interval = 60000")
    page.wait_for_timeout(600)
    leave(page)
    left, seen = product.one("signal.abandoned"), product.one("response.viewed")
    assert left["payload"]["last_actor"] == "assistant"
    assert 500 <= left["payload"]["idle_ms"] < 20_000
    assert left["source"]["detector"] == "evalloop-js.leave@1"
    assert left["subject"]["response_id"] == seen["subject"]["response_id"] == response
    assert 500 <= seen["payload"]["visible_ms"] < 20_000


def test_a_vote_right_before_the_page_closes_is_not_lost(product, open_page, ask):
    """Neither lost nor doubled, and the page does not count as left."""
    page = open_page()
    ask(page)
    page.evaluate("loop.options.interval = 60000")
    page.get_by_role("button", name="Bad answer").click()
    leave(page)
    assert product.one("feedback.thumbs")["payload"] == {"value": -1}
    assert product.events("signal.abandoned", wait=0.5) == []


def test_offline_votes_wait_and_arrive_once(product, open_page, ask):
    """In the same page when the network is back, and in the next page when the first was closed."""
    page = open_page()
    ask(page)
    product.events("feedback.prompted")
    page.context.set_offline(True)
    page.get_by_role("button", name="Good answer").click()
    page.wait_for_timeout(500)
    assert product.events("feedback.thumbs", wait=0.2) == []
    page.context.set_offline(False)
    assert len(product.events("feedback.thumbs")) == 1
    page.context.set_offline(True)
    page.get_by_role("button", name="Bad answer").click()
    page.wait_for_timeout(300)
    leave(page)
    page.context.set_offline(False)
    again = page.context.new_page()
    again.goto(product.url)
    votes = product.events("feedback.thumbs", count=2)
    assert [each["payload"]["value"] for each in votes] == [1, -1]
    again.wait_for_function("window.loop && !Object.keys(localStorage).some((name) => name.startsWith('evalloop:'))")


def test_the_offline_queue_is_bounded(open_page, ask):
    """200 events are kept, older ones are dropped and counted."""
    page = open_page()
    ask(page)
    page.context.set_offline(True)
    page.evaluate("for (let i = 0; i < 260; i++) answer.comment('word ' + i)")
    assert page.evaluate("loop.queue.length") == 200
    assert page.evaluate("loop.dropped") >= 60
    assert page.evaluate("JSON.parse(localStorage[loop.page]).length") == 200


def test_a_busy_collector_is_asked_again(product, open_page, ask):
    """503 and no answer at all: the vote stays and arrives."""
    page = open_page()
    ask(page)
    product.events("feedback.prompted")
    answers = iter(["503", "abort"])

    def strike(route):
        fault = next(answers, None)
        if fault is None:
            route.fallback()
        elif fault == "abort":
            route.abort()
        else:
            route.fulfill(status=503, headers={"Retry-After": "1", "Access-Control-Allow-Origin": "*"})

    page.route("**/v1/events*", strike)
    page.get_by_role("button", name="Good answer").click()
    page.wait_for_function("loop.queue.length === 0", timeout=20_000)
    assert next(answers, None) is None
    assert len(product.events("feedback.thumbs")) == 1


def test_nothing_is_recorded_before_consent(product, open_page, ask):
    """No event, nothing on disk; after consent new acts arrive, after its withdrawal none."""
    page = open_page("/?consent=")
    ask(page)
    page.get_by_role("button", name="Good answer").click()
    page.wait_for_timeout(400)
    assert page.evaluate("loop.queue.length + localStorage.length") == 0
    page.evaluate("loop.consent(['ops', 'analytics'])")
    press(page, "share")
    assert product.one("signal.shared")["consent"]["purposes"] == ["ops", "analytics"]
    page.evaluate("loop.consent(null)")
    press(page, "share")
    page.wait_for_timeout(400)
    assert {each["event_type"] for each in product.events(wait=0.1)} == {"generation.completed", "signal.shared"}


@pytest.mark.parametrize("wish", ["globalPrivacyControl = true", "doNotTrack = '1'"])
def test_a_wish_not_to_be_tracked_is_heeded(product, open_page, ask, wish):
    """Only what the user says on purpose is sent, without session and user, and nothing is kept on disk."""
    name, value = wish.split(" = ")
    page = open_page(script=f"Object.defineProperty(navigator, '{name}', {{value: {value}}})")
    ask(page)
    press(page, "copy")
    press(page, "share")
    page.get_by_role("button", name="Good answer").click()
    vote = product.one("feedback.thumbs")
    assert "session_id" not in vote["subject"]
    assert vote["actor"] == {"anon": True}
    assert page.evaluate("localStorage.length") == 0
    leave(page)
    page.context.close()
    kinds = {each["event_type"] for each in product.events(wait=0.5) if each["source"]["kind"] != "system"}
    assert kinds <= {"feedback.thumbs", "feedback.prompted"}


def test_random_questions_are_drawn_with_their_probability(open_page, ask):
    """The share is right, the same answer is always drawn alike, and the draw is reported with its probability."""
    page = open_page()
    share = page.evaluate("""async () => {
        const { drawn, uuid } = await import(loop.options.url + '/evalloop.js');
        let hits = 0;
        for (let i = 0; i < 20000; i++) hits += drawn(uuid(), 0.1);
        for (let i = 0; i < 20000; i++) hits += drawn('r' + i, 0.1);
        return hits / 40000; }""")
    assert share == pytest.approx(0.1, abs=0.006)


def test_a_random_question_carries_its_probability_to_the_vote(product, open_page, ask):
    """Asked is the denominator; the vote names the same question."""
    page = open_page()
    page.evaluate("""document.querySelector('main').insertAdjacentHTML('beforeend',
        '<evalloop-feedback response="never" ask="0"></evalloop-feedback>' +
        '<evalloop-feedback response="always" ask="1"></evalloop-feedback>')""")
    assert page.locator("evalloop-feedback:visible").count() == 1
    page.get_by_role("button", name="Good answer").click()
    asked, vote = product.one("feedback.prompted"), product.one("feedback.thumbs")
    assert asked["ask"] == vote["ask"] == {"kind": "random", "probability": 1, "ask_id": "ask-always"}


def test_a_page_of_another_origin_is_refused(product, chromium, tmp_path):
    """With a stolen publishable key: nothing is stored, and the page cannot read an answer either."""
    from tests.capture.browser.conftest import free_port, start_chat

    port = free_port()
    thief = start_chat(product.collector, product.key, port, tmp_path / "thief")
    try:
        context = chromium.new_context()
        page = context.new_page()
        page.goto(f"http://localhost:{port}")
        page.wait_for_function("window.loop")
        page.evaluate("loop.response('r', {text: 'x'}).thumbs(1)")
        page.evaluate("loop.flush()")
        page.evaluate("navigator.sendBeacon(...loop.request(loop.batch(loop.queue)))")
        page.wait_for_timeout(500)
        assert page.evaluate("loop.queue.length") == 1
        read = page.evaluate("""fetch(loop.options.url + '/v1/events?key=' + loop.options.key).then((answer) =>
            answer.status, () => 'refused')""")
        assert read in (403, 404, 405, "refused")
        context.close()
    finally:
        thief.terminate()
    assert product.events("feedback.thumbs", wait=0.3) == []


def test_a_token_speaks_for_one_response_only(product, open_page):
    """A vote with a signed token is stored as verified; for another response, or after its end, it is refused."""
    from evalloop.capture import tokens

    secret = product.collector.key("sk")
    good, old = tokens.sign(secret, "r-1"), tokens.sign(secret, "r-3", lifetime_s=1, now=0)
    page = open_page()
    page.evaluate("""([good, old]) => {
        loop.response('r-3', {text: 'x', token: old}).thumbs(1);
        loop.response('r-1', {text: 'x', token: good}).thumbs(1);
        loop.response('r-2', {text: 'x', token: good}).thumbs(1); }""", [good, old])
    vote = product.one("feedback.thumbs")
    assert vote["subject"]["response_id"] == "r-1"
    assert vote["source"]["verified"] is True
    page.wait_for_function("loop.queue.length === 0")
    assert page.evaluate("loop.refused") == 2


def test_a_secret_key_in_a_page_sends_nothing(product, open_page):
    """It is refused by the module itself, before it travels."""
    page = open_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.evaluate("""async () => {
        const { Evalloop } = await import(loop.options.url + '/evalloop.js');
        const wrong = new Evalloop({ url: loop.options.url, key: 'sk_secret', consent: ['ops'] });
        window.told = wrong.response('r', {text: 'x'}).thumbs(1); }""")
    assert page.evaluate("told") == ""
    assert "publishable key" in said[0]


def test_ids_and_similarity_are_those_of_python(open_page):
    """UUIDs of version 7 that sort by time; 4-gram similarity gives the same numbers."""
    page = open_page()
    pairs = [["abcd", "abcd"], ["abcdef", "abcxef"], ["abc", "abc"], ["abc", "abcd"], ["aaaaaa", "aaaa"], ["", ""]]
    ids, values = page.evaluate("""async (pairs) => {
        const { uuid, similarity } = await import(loop.options.url + '/evalloop.js');
        const ids = [];
        for (let i = 0; i < 3; i++) { ids.push(uuid()); await new Promise((done) => setTimeout(done, 5)); }
        return [ids, pairs.map(([a, b]) => similarity(a, b))]; }""", pairs)
    assert ids == sorted(ids)
    assert all(each[14] == "7" and each[19] in "89ab" and len(each) == 36 for each in ids)
    assert values == [pytest.approx(four_gram(a, b)) for a, b in pairs]


def test_the_wheel_carries_the_modules():
    """They lie in the package, as files that a page can be served."""
    folder = Path(browser.__file__).parent
    assert {path.name for path in folder.glob("*.js")} == set(browser.SCRIPTS)
