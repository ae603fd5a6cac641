// evalloop.js: tells a collector what users feel and do about a model's answers.
// One ES module, no dependency, no build. Apache-2.0. How to use it: docs/sdk.md.

const SDK = "evalloop-js/0.1.0", BATCH = 50, BYTES = 60000, KEPT = 200, IDLE = 1800000;
const SAMPLES = [5, 30, 120, 300, 600, 900];
const now = () => performance.now();
const round = (number) => Math.max(0, Math.round(number));

/** A UUID of version 7: ids sort by time. */
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  for (let i = 5, time = Date.now(); i >= 0; i--, time = Math.floor(time / 256)) bytes[i] = time % 256;
  bytes[6] = (bytes[6] & 15) | 112;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** True for the share `probability` of all ids, always the same ones. */
export function drawn(id, probability) {
  let hash = 2166136261;
  for (const char of id) hash = Math.imul(hash ^ char.codePointAt(), 16777619);
  for (const step of [2246822507, 3266489909]) hash = Math.imul(hash ^ (hash >>> 15), step);
  return ((hash ^ (hash >>> 16)) >>> 0) / 4294967296 < probability;
}

/** Share of 4-grams that two texts have in common, from 0 to 1 (the measure of VS Code's edit survival). */
export function similarity(a, b) {
  if (a.length < 4 || b.length < 4) return a === b ? 1 : 0;
  const counts = new Map(), total = a.length + b.length - 6;
  const add = (text, step) => {
    for (let i = 0; i < text.length - 3; i++) {
      const gram = text.slice(i, i + 4);
      counts.set(gram, (counts.get(gram) || 0) + step);
    }
  };
  add(a, 1);
  add(b, -1);
  let different = 0;
  for (const count of counts.values()) different += Math.abs(count);
  return (total - different) / total;
}

/** One answer on the page; `loop.response(id, {element})` makes it. Every method gives the id of its event. */
class Answer {
  visible = 0; focused = 0; scroll = 0; shownAt = now(); last = {};

  constructor(loop, id, options) {
    Object.assign(this, { loop, id, options });
  }

  // ---- said
  thumbs(value, { reasons, text } = {}) {
    return this.say("thumbs", { value, reasons, text });
  }
  rating(value, min = 1, max = 5) {
    return this.say("rating", { value, min, max });
  }
  comment(text) {
    return text.trim() && this.tell("feedback.comment", { text: text.slice(0, 8000) }, this.asking);
  }
  choice(labels) {
    return this.tell("feedback.choice", { labels }, this.asking);
  }
  correction(ideal) {
    return this.tell("feedback.correction", { ideal }, this.asking);
  }
  /** Takes the last vote ("thumbs" or "rating") back. */
  retract(kind = "thumbs") {
    const retracts = this.last[kind];
    this.last[kind] = "";
    return retracts && this.tell("feedback.retracted", undefined, { links: { retracts } });
  }
  /** The user is asked for feedback, once: "organic" (a widget is there), "triggered", or "random" with a probability. */
  asked(kind = "organic", probability) {
    if (this.asking) return "";
    const asking = { ask: { kind, probability, ask_id: "ask-" + this.id } };
    const id = this.loop.emit("feedback.prompted", this, undefined, asking);
    if (id) this.asking = asking;
    return id;
  }
  /** Draws this answer for a random question with that probability; true: ask now. */
  draw(probability) {
    return drawn(this.id, probability) && !!this.asked("random", probability);
  }

  // ---- done
  copied(chars = this.chars(), kind = "button") {
    return this.tell("signal.copied", { chars, total: this.chars(), kind });
  }
  shared(kind) {
    return this.tell("signal.shared", { kind });
  }
  regenerated(newId) {
    this.end();
    return this.tell("signal.regenerated", undefined, { links: { regenerate_of: this.id }, response: newId });
  }
  stopped() {
    this.done();
    return this.tell("signal.stopped", { chars_shown: this.chars(), at_ms: round(now() - this.shownAt) });
  }
  followup(text) {
    this.end();
    return this.tell("signal.followup", { text });
  }
  escalated() {
    return this.tell("signal.escalated");
  }
  /** A suggestion appears; accepted() and rejected() count from here. */
  shown() {
    this.shownAt = now();
    return this.loop.emit("signal.shown", this);
  }
  /** The suggestion was taken over. `field`: an input that holds the text from now on; its edits are sampled. */
  accepted({ fraction, text = this.text(), field } = {}) {
    const time_to_accept_ms = round(now() - this.shownAt);
    this.taken = { at: now(), text, field };
    if (field) this.sampling = SAMPLES.map((second) => setTimeout(() => this.edited(field.value), second * 1000));
    return (this.taken.id = this.tell("signal.accepted", { time_to_accept_ms, fraction }));
  }
  rejected() {
    return this.tell("signal.rejected");
  }
  /** What became of the accepted text. */
  edited(after) {
    const { at, text, id } = this.taken || { at: this.shownAt, text: this.text() };
    const may = this.loop.purposes.some((purpose) => purpose === "eval" || purpose === "training");
    if (this.taken) this.taken.after = after;
    return this.tell("signal.edited", {
      delay_ms: round(now() - at), similarity: similarity(after, text), original_chars: text.length,
      after: may ? after : undefined,
    }, { links: id ? { accepted_event: id } : undefined });
  }
  /** The answer is complete: from now on it is read. */
  done() {
    if (this.doneAt) return;
    this.doneAt = now();
    this.idle = setTimeout(() => this.abandoned(), IDLE);
    if (this.options.element) this.loop.watch(this);
  }
  /** The user went on; what was seen is reported. */
  end() {
    this.loop.settle();
    this.view();
    this.loop.unwatch(this);
    this.ended = true;
    clearTimeout(this.idle);
  }

  // ---- inside
  text() {
    return this.options.element?.textContent ?? this.options.text ?? "";
  }
  chars() {
    return this.text().length;
  }
  tell(type, payload, extra) {
    this.acted = true;
    return this.loop.emit(type, this, payload, extra);
  }
  say(kind, payload) {
    const supersedes = this.last[kind];
    return (this.last[kind] = this.tell("feedback." + kind, payload, {
      ...this.asking, links: supersedes ? { supersedes } : undefined }));
  }
  settle(active, focus) {
    const passed = now() - (this.since ?? now());
    if (this.active) this.visible += passed;
    if (this.active && this.focus) this.focused += passed;
    Object.assign(this, { since: now(), active, focus });
  }
  view() {
    if (this.ended || !this.visible || this.seen === this.visible) return;
    const supersedes = this.viewed;
    this.seen = this.visible;
    this.viewed = this.loop.emit("response.viewed", this, {
      visible_ms: round(this.visible), focused_ms: round(this.focused), scroll_max: +this.scroll.toFixed(3),
      chars: this.chars(),
    }, { links: supersedes ? { supersedes } : undefined });
  }
  abandoned() {
    if (this.acted || this.ended || this.left) return;
    this.left = this.loop.emit("signal.abandoned", this, {
      idle_ms: round(now() - (this.doneAt ?? this.shownAt)), last_actor: this.doneAt ? "assistant" : "user",
    }, { detector: "evalloop-js.leave@1" });
  }
}

/** What a page holds: `new Evalloop({url, key: "pk_...", consent: ["ops", "analytics"], session, user})`. */
export class Evalloop {
  queue = []; answers = new Map(); watched = new Set(); dropped = 0; refused = 0; size = BATCH; wait = 1000;
  purposes = []; inView = new Map();

  constructor(options) {
    this.options = options;
    this.private = navigator.globalPrivacyControl === true || navigator.doNotTrack === "1";
    this.store = "evalloop:" + options.key + ":";
    this.page = this.store + uuid();
    if (!/^(pk|et)_/.test(options.key || options.token || "")) {
      console.error("evalloop: a page needs a publishable key (pk_...); nothing is sent");
      this.options = { ...options, key: "", token: "" };
    }
    Evalloop.current = this;
    this.observer = new IntersectionObserver((entries) => entries.forEach((entry) => this.saw(entry)), {
      threshold: [0, 0.25, 0.5, 0.75, 1] });
    const on = (target, names, act) => names.split(" ").forEach((name) => target.addEventListener(name, act, true));
    on(window, "focus blur", () => this.settle());
    on(document, "visibilitychange", () => (document.hidden ? this.leave() : (this.settle(), this.flush())));
    on(window, "pagehide", () => this.leave(true));
    on(window, "pageshow", (event) => event.persisted && this.back());
    on(window, "online", () => this.flush());
    on(window, "scroll resize", () => (this.scrolling ??= setTimeout(() => this.look(), 100)));
    on(document, "copy", () => this.copy());
    if (options.consent) this.consent(options.consent);
  }

  /** Nothing is recorded before this is called; `null` withdraws it and forgets what was not sent yet. */
  consent(purposes) {
    this.purposes = purposes || [];
    if (!purposes) {
      this.queue = [];
      this.save();
    } else {
      this.adopt();
      this.flush();
    }
  }

  /** The answer with that id; options: element, text, message, turn, token, done (false while it streams). */
  response(id, options = {}) {
    let answer = this.answers.get(id);
    if (!answer) {
      if (options.element || options.text) this.answers.forEach((earlier) => earlier.doneAt && earlier.end());
      this.answers.set(id, (answer = new Answer(this, id, {})));
    }
    Object.assign(answer.options, options);
    if (options.done ?? (options.element || options.text)) answer.done();
    return answer;
  }

  /** Sends what waits; true when nothing is left. */
  async flush() {
    if (this.sending) return false;
    clearTimeout(this.timer);
    this.timer = 0;
    this.sending = true;
    while (this.queue.length && navigator.onLine && (await this.post(this.batch(this.queue)))) this.wait = 1000;
    this.sending = false;
    if (this.queue.length) this.timer = setTimeout(() => this.flush(), (this.wait = Math.min(this.wait * 2, 60000)));
    return !this.queue.length;
  }

  // ---- events
  emit(type, answer, payload, { links, ask, detector, response } = {}) {
    const { options } = this, said = type.startsWith("feedback.");
    if (!this.purposes.length || !(options.key || options.token || answer.options.token)) return "";
    if (this.private && !said) return "";
    const known = this.private ? {} : options, event_id = uuid();
    const event = {
      schema: "evalloop.event/1", event_id, event_type: type, occurred_at: new Date().toISOString(),
      source: { kind: detector ? "derived" : "end_user", sdk: SDK, detector },
      subject: { level: "response", response_id: response ?? answer.id, session_id: known.session,
        message_id: answer.options.message, turn_index: answer.options.turn },
      actor: { user_key: known.user, segment: known.segment, anon: known.user ? undefined : true },
      consent: { basis: options.basis || "consent", purposes: this.purposes, policy_version: options.policy },
      context: { app: options.app, release: options.release, surface: "web", locale: document.documentElement.lang ||
        navigator.language, ...options.context, ...answer.options.context },
      links, ask, payload,
    };
    const token = answer.options.token || options.token;
    this.queue.push([token ? "token=" + token : "key=" + options.key, JSON.stringify(event)]);
    this.bound();
    this.save();
    if (!this.sending) this.timer ||= setTimeout(() => this.flush(), options.interval ?? 1000);
    return event_id;
  }
  bound() {
    const excess = this.queue.length - KEPT;
    if (excess > 0) {
      this.queue.splice(0, excess);
      this.dropped += excess;
    }
  }
  /** The first events that may go together: one key, at most `size`, at most 60 kB. */
  batch(queue) {
    let bytes = 0, count = 0;
    while (count < queue.length && count < this.size && queue[count][0] === queue[0][0]) {
      bytes += new Blob([queue[count][1]]).size + 1;
      if (bytes > BYTES && count) break;
      count++;
    }
    return queue.slice(0, count);
  }
  request(batch) {
    const address = `${this.options.url.replace(/\/+$/, "")}/v1/events?${batch[0][0]}`;
    return [address, `[${batch.map(([, event]) => event)}]`];
  }
  /** Sends one batch; true: it is dealt with. A string body is text/plain, so no preflight is needed. */
  async post(batch) {
    try {
      const [address, body] = this.request(batch);
      const answer = await fetch(address, { method: "POST", body, keepalive: true, credentials: "omit" });
      if (answer.status === 413 && batch.length > 1) {
        this.size = batch.length >> 1;
        return true;
      }
      if (answer.status >= 500 || (batch[0][0][0] === "k" ? [401, 403, 408, 429] : [408, 429]).includes(answer.status)) {
        this.wait = Math.max(this.wait, (answer.headers.get("retry-after") || 0) * 500);
        return false;
      }
      const { results = [] } = answer.ok ? await answer.json().catch(() => ({})) : {};
      this.refused += answer.ok ? results.filter((each) => !/stored|already/.test(each.status)).length : batch.length;
      this.size = BATCH;
      this.queue = this.queue.filter((each) => !batch.includes(each));
      this.save();
      return true;
    } catch {
      return false;
    }
  }
  /** What waits is kept for the next page, unless the user asked not to be tracked. */
  save() {
    try {
      if (this.queue.length && !this.private) localStorage[this.page] = JSON.stringify(this.queue);
      else localStorage.removeItem(this.page);
    } catch {}
  }
  adopt() {
    try {
      for (const name of Object.keys(localStorage)) {
        if (name.startsWith(this.store) && name !== this.page) {
          this.queue.push(...JSON.parse(localStorage[name]));
          localStorage.removeItem(name);
        }
      }
    } catch {}
    this.bound();
    this.save();
  }

  // ---- what happens on the page
  settle() {
    const page = !document.hidden, focus = document.hasFocus();
    this.watched.forEach((answer) => answer.settle(page && !!this.inView.get(answer), focus));
  }
  saw({ target, isIntersecting, intersectionRect, boundingClientRect: box }) {
    for (const answer of this.watched) {
      if (answer.options.element !== target) continue;
      this.inView.set(answer, isIntersecting);
      if (isIntersecting && box.height)
        answer.scroll = Math.min(1, Math.max(answer.scroll, (intersectionRect.bottom - box.top) / box.height));
    }
    this.settle();
  }
  /** Observing anew tells how far a tall answer was scrolled, also within a box that scrolls. */
  look() {
    this.scrolling = null;
    this.watched.forEach(({ options: { element } }) => {
      this.observer.unobserve(element);
      this.observer.observe(element);
    });
  }
  watch(answer) {
    this.watched.add(answer);
    this.observer.observe(answer.options.element);
  }
  unwatch(answer) {
    this.watched.delete(answer);
    this.inView.delete(answer);
    if (answer.options.element) this.observer.unobserve(answer.options.element);
  }
  copy() {
    const selection = getSelection();
    if (!selection.rangeCount || selection.isCollapsed) return;
    for (const answer of this.answers.values()) {
      const { element } = answer.options, range = selection.getRangeAt(0).cloneRange();
      if (!element || !range.intersectsNode(element)) continue;
      if (!element.contains(range.startContainer)) range.setStart(element, 0);
      if (!element.contains(range.endContainer)) range.setEnd(element, element.childNodes.length);
      if (`${range}`) answer.copied(`${range}`.length, "selection");
    }
  }
  /** The page is hidden (perhaps for good): everything is reported, by beacon, and stays in the queue until answered. */
  leave(closing) {
    this.watched.forEach((answer) => answer.settle(false, false));
    this.answers.forEach((answer) => {
      const { field, after, text } = answer.taken || {};
      if (field && field.value !== (after ?? text)) answer.edited(field.value);
      answer.view();
    });
    if (closing) [...this.answers.values()].pop()?.abandoned();
    for (let rest = this.queue; rest.length; ) {
      const batch = this.batch(rest);
      if (!navigator.sendBeacon(...this.request(batch))) break;
      rest = rest.slice(batch.length);
    }
  }
  /** The page came back from the browser's cache: it was not left. */
  back() {
    this.answers.forEach((answer) => {
      if (answer.left) this.emit("feedback.retracted", answer, undefined, { links: { retracts: answer.left } });
      answer.left = "";
    });
    this.settle();
  }
}
