// <evalloop-feedback response="ID">: asks for a vote (or stars), reasons and words. Apache-2.0. docs/sdk.md.

import { Evalloop } from "./evalloop.js";

const TEXTS = {
  group: "Feedback on this answer", up: "Good answer", down: "Bad answer", rate: "Rate this answer", star: "{n} of 5 stars",
  why: "What was wrong?", more: "Tell us more (optional)", send: "Send", cancel: "Cancel", thanks: "Thanks for your feedback.",
  thanksMore: "Thanks. You can say more below.", taken: "Your vote was taken back.",
};

const STYLE = `
  :host { display: block; font: inherit; color: inherit; }
  :host([hidden]), [hidden] { display: none !important; }
  * { box-sizing: border-box; font: inherit; color: inherit; }
  fieldset { border: 0; margin: 0 0 .5em; padding: 0; min-width: 0; }
  legend, .label { padding: 0; margin: 0 0 .25em; display: block; }
  .row { display: flex; flex-wrap: wrap; gap: .25em; align-items: center; }
  button, .star, .reason { min-width: 2.25em; min-height: 2.25em; border: 1px solid transparent; border-radius: .5em;
    background: none; cursor: pointer; display: inline-flex; align-items: center; justify-content: center; padding: .25em; }
  button:hover, .star:hover, .reason:hover { border-color: currentColor; }
  svg { width: 1.25em; height: 1.25em; fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linejoin: round; }
  [aria-pressed=true] svg, .on svg { fill: currentColor; }
  .reason, form button { border-color: currentColor; padding: .25em .75em; }
  .reason:has(:checked) { outline: 2px solid; outline-offset: -3px; }
  :focus-visible, .star:has(:focus-visible), .reason:has(:focus-visible) { outline: 2px solid Highlight; outline-offset: 2px; }
  .hide { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  form { margin-top: .5em; max-width: 32em; }
  textarea { width: 100%; min-height: 5em; background: transparent; border: 1px solid; border-radius: .5em; padding: .5em; }
  [role=status] { margin: .25em 0 0; min-height: 1.3em; }
  @media (pointer: coarse) { button, .star, .reason { min-width: 44px; min-height: 44px; } }
  @media (prefers-reduced-motion: no-preference) { button, .star { transition: border-color .15s; } }
`;
const THUMB = "M7 10v10H4V10zM7 10l4-7c2 0 2.5 1.5 2 3.5L12.5 9H19c1.2 0 2 1 1.7 2.2l-1.7 7C18.7 19.3 18 20 17 20H7z";
const STAR = "M12 3l2.7 5.6 6.1.9-4.4 4.3 1 6.1-5.4-2.9-5.4 2.9 1-6.1L3.2 9.5l6.1-.9z";
const icon = (path, turn = "") => `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${path}" ${turn}/></svg>`;
const escape = (text) => String(text).replace(/[&<>"]/g, (char) => `&#${char.charCodeAt()};`);

/**
 * Attributes: `response` (its id), `kind` ("thumbs" or "stars"), `reasons` (a list with "|" between), `ask` (a
 * probability: the element stays hidden for all other answers), `texts` (JSON, for other languages).
 * Events: "evalloop-feedback" with `detail` {type, id}. Property `loop`: another Evalloop than the last one made.
 */
export class EvalloopFeedback extends HTMLElement {
  connectedCallback() {
    if (this.shadowRoot) return;
    this.attachShadow({ mode: "open" });
    this.texts = { ...TEXTS, ...this.json("texts") };
    this.shadowRoot.innerHTML = `<style>${STYLE}</style>${this.stars ? this.starRow() : this.thumbRow()}
      <p role="status"></p>${this.form()}`;
    this.shadowRoot.addEventListener("click", (event) => this.clicked(event.target.closest("button")));
    this.shadowRoot.addEventListener("change", (event) => event.target.name === "star" && this.rated(event.target));
    this.find("form").addEventListener("submit", (event) => (event.preventDefault(), this.submit()));
    this.find("form").addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    this.invite();
  }
  disconnectedCallback() {
    this.observer?.disconnect();
  }

  get stars() {
    return this.getAttribute("kind") === "stars";
  }
  get answer() {
    return (this.loop || Evalloop.current).response(this.getAttribute("response"));
  }
  find(selector) {
    return this.shadowRoot.querySelector(selector);
  }
  all(selector) {
    return [...this.shadowRoot.querySelectorAll(selector)];
  }
  json(name) {
    try {
      return JSON.parse(this.getAttribute(name) || "{}");
    } catch {
      return {};
    }
  }

  // ---- the three parts
  thumbRow() {
    const button = (value, label, turn) => `<button type="button" data-vote="${value}" aria-pressed="false"
      aria-label="${escape(label)}" title="${escape(label)}">${icon(THUMB, turn)}</button>`;
    return `<div class="row" role="group" aria-label="${escape(this.texts.group)}">${button(1, this.texts.up)}${
      button(-1, this.texts.down, 'transform="rotate(180 12 12)"')}</div>`;
  }
  starRow() {
    const star = (n) => `<label class="star"><input class="hide" type="radio" name="star" value="${n}"
      aria-label="${escape(this.texts.star.replace("{n}", n))}">${icon(STAR)}</label>`;
    return `<fieldset><legend>${escape(this.texts.rate)}</legend><div class="row">${[1, 2, 3, 4, 5].map(star).join("")}
      </div></fieldset>`;
  }
  form() {
    const reasons = (this.getAttribute("reasons") || "").split("|").filter(Boolean);
    const reason = (text) => `<label class="reason"><input class="hide" type="checkbox" value="${escape(text)}">${
      escape(text)}</label>`;
    return `<form hidden>${reasons.length ? `<fieldset><legend>${escape(this.texts.why)}</legend><div class="row">${
      reasons.map(reason).join("")}</div></fieldset>` : ""}
      <label class="label" for="words">${escape(this.texts.more)}</label><textarea id="words" maxlength="8000"></textarea>
      <div class="row"><button>${escape(this.texts.send)}</button>
      <button type="button" data-close>${escape(this.texts.cancel)}</button></div></form>`;
  }

  // ---- what the user does
  /** Counts the question once it is seen; with `ask`, only the drawn answers are asked. */
  invite() {
    const share = this.hasAttribute("ask") ? +this.getAttribute("ask") : null;
    if (share !== null && !this.answer.draw(share)) {
      this.hidden = true;
      return;
    }
    this.observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting) && this.answer.asked()) this.observer.disconnect();
    });
    if (share === null) this.observer.observe(this);
  }
  clicked(button) {
    if (button?.dataset.vote) this.vote(button);
    if (button && "close" in button.dataset) this.close();
  }
  vote(button) {
    this.answer.asked();
    const value = +button.dataset.vote, again = button.getAttribute("aria-pressed") === "true";
    this.all("[data-vote]").forEach((each) => each.setAttribute("aria-pressed", String(!again && each === button)));
    if (again) this.told("retracted", this.answer.retract("thumbs"), this.texts.taken);
    else this.told("thumbs", this.answer.thumbs(value), value < 0 ? this.texts.thanksMore : this.texts.thanks);
    this.value = again ? null : value;
    this.find("form").hidden = again || value > 0;
  }
  rated({ value }) {
    this.answer.asked();
    this.all(".star").forEach((each, index) => each.classList.toggle("on", index < +value));
    this.told("rating", this.answer.rating(+value, 1, 5), +value < 4 ? this.texts.thanksMore : this.texts.thanks);
    this.find("form").hidden = +value > 3;
  }
  submit() {
    const text = this.find("textarea").value.trim(), reasons = this.all(":checked[type=checkbox]").map((box) => box.value);
    if (this.value && (text || reasons.length)) {
      this.told("thumbs", this.answer.thumbs(this.value, { text: text || undefined, reasons }), this.texts.thanks);
    } else {
      if (reasons.length) this.told("choice", this.answer.choice(reasons), this.texts.thanks);
      if (text) this.told("comment", this.answer.comment(text), this.texts.thanks);
    }
    this.find("textarea").value = "";
    this.close();
  }
  close() {
    this.find("form").hidden = true;
    (this.find("[aria-pressed=true]") || this.find(":checked[type=radio]") || this.find("button"))?.focus();
  }
  told(type, id, words) {
    this.find("[role=status]").textContent = words;
    this.dispatchEvent(new CustomEvent("evalloop-feedback", { bubbles: true, composed: true, detail: { type, id } }));
  }
}

customElements.define("evalloop-feedback", EvalloopFeedback);
