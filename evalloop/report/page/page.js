"use strict";
(() => {
  const PAGE = 100;
  const FIELDS = { show: "kind", cluster: "cluster", candidate: "candidate", sort: "sort", q: "search" };
  const byId = (id) => document.getElementById(id);
  const state = { cases: [], shown: [], page: 0, open: "", chosen: [], whole: false, fault: "" };
  let told = {};

  const element = (tag, options = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(options)) {
      if (name === "text") made.textContent = value;
      else if (name === "class") made.className = value;
      else made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  };

  const read = async (packed) => {
    const text = atob(packed.textContent.trim());
    const bytes = new Uint8Array(text.length);
    for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  };

  /* The answers stand behind the script, in pieces; a piece is read when one of its cases is opened, all for a search. */
  const parsed = new Promise((done) => (document.readyState === "loading" ? addEventListener("DOMContentLoaded", done) : done()));
  const pieces = new Map();

  const readPiece = (number) => {
    if (!pieces.has(number)) {
      pieces.set(number, parsed.then(() => read(document.querySelectorAll("script.answers")[number])).then((found) => {
        found.forEach((answers, at) => { state.cases[number * told.piece + at].answers = answers; });
      }));
    }
    return pieces.get(number);
  };

  const readAll = async () => {
    for (let number = 0; number * told.piece < state.cases.length; number += 1) await readPiece(number);
    state.whole = true;
  };
  const everything = () => (state.reading ??= readAll());

  const unread = (error) => {
    state.fault = `Some answers could not be read: ${error.message}`;
    byId("count").textContent = state.fault;
  };

  const number = (value, signed) => {
    if (value === null) return "–";
    const figure = told.points ? (value * 100).toFixed(1) : String(Number(value.toPrecision(4)));
    const sign = signed && value > 0 ? "+" : "";
    return sign + figure.replace("-", "−") + (told.points && !signed ? " %" : "");
  };

  /* What the chosen candidates (all, or one) did to a case: null where either side has no score. */
  const changeOf = (item, at) => {
    const [base, cand] = [item.scores[0], item.scores[at]];
    if (base === null || cand === null) return null;
    return Math.abs(cand - base) < 1e-9 ? 0 : cand - base;
  };
  const changes = (item) => state.chosen.map((at) => changeOf(item, at));
  const known = (item) => changes(item).filter((change) => change !== null);
  const worst = (item) => (known(item).length ? Math.min(...known(item)) : Infinity);
  const best = (item) => (known(item).length ? Math.max(...known(item)) : -Infinity);

  const KINDS = {
    all: () => true,
    changed: (item) => known(item).some((change) => change !== 0),
    worse: (item) => worst(item) < 0,
    better: (item) => best(item) > 0,
    missing: (item) => told.whole && changes(item).includes(null),
  };

  /* What a search looks through; the answers once they are read. */
  const holds = (item, search) => {
    if (item.haystack === undefined || (item.answers && !item.searchable)) {
      const { question, sides } = item.answers || { question: { text: item.asked }, sides: [] };
      item.searchable = Boolean(item.answers);
      item.haystack = [item.id, ...item.clusters, question.text, ...sides.flat().map((trial) => trial.text)].join("\n").toLowerCase();
    }
    return item.haystack.includes(search);
  };

  const ORDERS = {
    worst: (a, b) => worst(a) - worst(b) || 0,
    best: (a, b) => best(b) - best(a) || 0,
    name: (a, b) => a.id.localeCompare(b.id, "en", { numeric: true }),
  };

  const filter = () => {
    const cluster = byId("cluster").value;
    const search = byId("search").value.trim().toLowerCase();
    const candidate = told.variants.indexOf(byId("candidate").value, 1);
    state.chosen = candidate < 0 ? told.variants.slice(1).map((_, at) => at + 1) : [candidate];
    const kind = KINDS[byId("kind").value];
    if (search && !state.whole && !state.fault) everything().then(filter, unread);
    state.shown = state.cases.filter((item) => kind(item) && (!cluster || item.clusters.includes(cluster)) &&
      (!search || holds(item, search)));
    state.shown.sort(ORDERS[byId("sort").value]);
    const at = state.shown.findIndex((item) => item.id === state.open);
    state.page = at < 0 ? 0 : Math.floor(at / PAGE);
    drill(cluster);
    draw();
    remember();
  };

  /* The address says what is shown, so that it can be sent to somebody: report.html#cluster=refunds&case=c-17 */
  const remember = () => {
    const view = new URLSearchParams();
    for (const [name, id] of Object.entries(FIELDS)) {
      const field = byId(id);
      const usual = field.tagName === "SELECT" ? field.dataset.usual : "";
      if (field.value !== usual) view.set(name, field.value);
    }
    if (state.open) view.set("case", state.open);
    const hash = view.toString();
    if (hash !== location.hash.slice(1)) history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  };

  const recall = () => {
    const view = new URLSearchParams(location.hash.slice(1));
    if (![...view.keys()].some((name) => name in FIELDS || name === "case")) return false;
    state.open = view.get("case") || "";
    if (state.open && !view.has("show")) view.set("show", "all");
    for (const [name, id] of Object.entries(FIELDS)) {
      const field = byId(id);
      const wish = view.get(name) ?? field.dataset.usual ?? "";
      const fits = field.tagName !== "SELECT" || [...field.options].some((each) => each.value === wish);
      field.value = fits ? wish : field.dataset.usual;
    }
    filter();
    const line = [...document.querySelectorAll("button.case")].find((each) => each.textContent === state.open);
    (line || byId("cases")).scrollIntoView({ block: line ? "center" : "start" });
    return true;
  };

  /* One cluster: its row of the table in words, and how often each grader was content under each variant. */
  const drill = (cluster) => {
    const row = cluster && document.querySelector(`tr[data-cluster="${told.clusters.indexOf(cluster)}"]`);
    byId("drill").hidden = !row;
    if (!row) return;
    const graders = told.graders[cluster] || [];
    byId("drill").replaceChildren(element("h3", { text: cluster }),
      ...(row.dataset.told ? [element("p", { text: row.dataset.told })] : []),
      ...(graders.length ? [element("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": "Grades of the cluster" },
        graderTable(graders))] : []));
  };

  const names = () => (told.variants.length === 2 ? ["base", "new"] : told.variants);

  const graderTable = (rows) => element("table", {},
    element("caption", { class: "quiet", text: "Passed grades of each grader" }),
    element("thead", {}, element("tr", {}, ...["grader", ...names()].map((text, at) =>
      element("th", { scope: "col", class: at ? "n" : "", text })))),
    element("tbody", {}, ...rows.map(([name, ...counts]) => element("tr", {}, element("th", { scope: "row", text: name }),
      ...counts.map(([passed, all]) => element("td", { class: "n", text: all ? `${passed} / ${all}` : "–" }))))));

  const draw = () => {
    const pages = Math.max(1, Math.ceil(state.shown.length / PAGE));
    const start = state.page * PAGE;
    const rows = state.shown.slice(start, start + PAGE).flatMap(row);
    byId("rows").replaceChildren(...rows);
    byId("list").hidden = !rows.length;
    byId("pages").hidden = pages < 2;
    byId("page").textContent = `page ${state.page + 1} of ${pages}`;
    byId("previous").disabled = state.page === 0;
    byId("next").disabled = state.page >= pages - 1;
    byId("count").textContent = counted();
  };

  const counted = () => {
    const all = state.cases.length;
    if (state.fault) return state.fault;
    if (byId("search").value.trim() && !state.whole) return `${state.shown.length} of ${all} cases so far; the answers are being read.`;
    return state.shown.length ? `${state.shown.length} of ${all} cases` : `None of ${all} cases is so; show all, or search for something else.`;
  };

  const row = (item) => {
    const button = element("button", { type: "button", class: "case", "aria-expanded": "false", text: item.id });
    const line = element("tr", {},
      element("td", {}, button, ...(item.asked ? [element("span", { class: "asked", dir: "auto", text: item.asked })] : [])),
      element("td", { class: "wide", text: item.clusters.join(", ") }), ...figures(item));
    button.addEventListener("click", () => toggle(line, button, item));
    if (item.id !== state.open) return [line];
    button.setAttribute("aria-expanded", "true");
    return [line, opened(item)];
  };

  const toneOf = (change) => (change < 0 ? "n down" : change > 0 ? "n up" : "n");

  /* Two variants: both scores and the change. More: the score of each, coloured where it differs from the baseline's. */
  const figures = (item) => {
    if (told.variants.length > 2) {
      return item.scores.map((score, at) => element("td", { class: at ? toneOf(changeOf(item, at)) : "n",
        text: at && score === null && !told.whole ? "" : number(score, false) }));
    }
    return [...item.scores.map((score) => element("td", { class: "n wide", text: number(score, false) })),
      element("td", { class: toneOf(changeOf(item, 1)), text: number(changeOf(item, 1), true) })];
  };

  const opened = (item) => {
    const cell = element("td", { colspan: String(document.querySelectorAll("#list thead th").length) });
    const fill = () => cell.replaceChildren(...detail(item));
    if (item.answers) fill();
    else {
      cell.append(element("p", { class: "quiet", text: "The answers are being read." }));
      readPiece(Math.floor(item.place / told.piece)).then(fill, (error) =>
        cell.replaceChildren(element("p", { class: "quiet", text: `The answers could not be read: ${error.message}` })));
    }
    return element("tr", { class: "detail" }, cell);
  };

  const toggle = (line, button, item) => {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) line.nextElementSibling.remove();
    else line.after(opened(item));
    state.open = open ? "" : item.id;
    remember();
  };

  const detail = (item) => {
    const { question, sides } = item.answers;
    const parts = [];
    if (item.clusters.length) parts.push(element("p", { class: "quiet slim", text: `cluster: ${item.clusters.join(", ")}` }));
    if (question.text) parts.push(element("h3", { text: "Question" }), box(question.text, []), ...left(question));
    const runs = Math.max(0, ...sides.map((trials) => trials.length));
    for (let run = 0; run < runs; run += 1) parts.push(...repeat(sides, run, runs > 1 ? `, run ${run + 1} of ${runs}` : ""));
    if (!runs) parts.push(element("p", { class: "quiet", text: "The answers are not part of this report." }));
    return parts;
  };

  /* One run of a case: the baseline's answer and those of the chosen candidates, with what differs marked. */
  const repeat = (sides, run, suffix) => {
    const old = sides[0][run];
    const compared = state.chosen.map((at) => {
      const fresh = sides[at][run];
      return old && fresh ? differences(old.text, fresh.text) : [[], [], ""];
    });
    const made = element("div", { class: "sides" },
      side("old", told.variants[0] + suffix, old, state.chosen.length === 1 ? compared[0][0] : []),
      ...state.chosen.map((at, place) => side("new", told.variants[at] + suffix, sides[at][run], compared[place][1])));
    const hints = [...new Set(compared.map((each) => each[2]))].filter((hint) => hint);
    return [made, ...(state.chosen.length === 1 ? hints : []).map((text) => element("p", { class: "quiet", text }))];
  };

  const left = (text) => (text.more ? [element("p", { class: "quiet", text: `${text.more} characters more in the run log` })] : []);

  const side = (name, title, trial, marks) => {
    const made = element("div", { class: `side ${name}` }, element("h3", { text: title }));
    if (!trial) {
      made.append(element("p", { class: "quiet", text: "no trial" }));
      return made;
    }
    const outcome = trial.error ? `error: ${trial.error}` : `score ${number(trial.score, false)}`;
    made.append(element("p", { class: "quiet", text: [outcome, ...trial.told].join(" · ") }));
    if (trial.grades.length) made.append(element("ul", { class: "grades" }, ...trial.grades.map(grade)));
    made.append(box(trial.text, marks), ...left(trial));
    return made;
  };

  const grade = ([grader, passed, explanation]) => {
    const sign = passed === true ? "✓ passed: " : passed === false ? "✗ failed: " : "? unscored: ";
    return element("li", { class: passed === true ? "up" : passed === false ? "down" : "", text: sign + grader + (explanation ? ` – ${explanation}` : "") });
  };

  const box = (text, marks) => {
    const made = element("pre", { tabindex: "0", dir: "auto" });
    if (!marks.length) made.textContent = text;
    for (const [words, changed] of marks) {
      made.append(changed ? element("mark", { text: words }) : document.createTextNode(words));
    }
    return made;
  };

  const turn = (step) => {
    const pages = Math.ceil(state.shown.length / PAGE);
    const page = state.page + step;
    if (page < 0 || page >= pages) return;
    state.page = page;
    draw();
    byId("cases").scrollIntoView();
  };

  const move = (step) => {
    const buttons = [...document.querySelectorAll("button.case")];
    const at = buttons.indexOf(document.activeElement);
    const next = buttons[at < 0 ? 0 : Math.min(Math.max(at + step, 0), buttons.length - 1)];
    if (next) next.focus();
  };

  const select = (id, value) => {
    byId(id).value = value;
    filter();
  };

  const KEYS = {
    "/": () => byId("search").focus(), j: () => move(1), k: () => move(-1), n: () => turn(1), p: () => turn(-1),
    w: () => select("kind", "worse"), b: () => select("kind", "better"), a: () => select("kind", "all"),
    c: () => byId("cluster").focus(), "?": () => byId("help").showModal(),
  };

  const onKey = (event) => {
    if (byId("help").open) return;
    if (event.key === "Escape" && event.target.id === "search") event.target.blur();
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const act = KEYS[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  };

  const start = (index) => {
    told = index;
    state.cases = index.cases;
    state.cases.forEach((item, place) => { item.place = place; });
    state.chosen = index.variants.slice(1).map((_, at) => at + 1);
    const clusters = [...new Set(state.cases.flatMap((item) => item.clusters))].sort();
    byId("cluster").append(...clusters.map((name) => element("option", { value: name, text: name })));
    byId("candidate").append(...index.variants.slice(1).map((name) => element("option", { value: name, text: name })));
    byId("candidate").parentElement.hidden = index.variants.length < 3;
    byId("kind").dataset.usual = state.cases.some(KINDS.changed) ? "changed" : "all";
    byId("kind").value = byId("kind").dataset.usual;
    byId("missing").hidden = !state.cases.some(KINDS.missing);
    let timer = 0;
    byId("search").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(filter, 80); });
    byId("search").addEventListener("focus", () => everything().catch(unread), { once: true });
    for (const id of ["kind", "cluster", "candidate", "sort"]) byId(id).addEventListener("change", filter);
    for (const mark of document.querySelectorAll("g[data-cluster]")) {
      mark.addEventListener("click", () => {
        location.hash = new URLSearchParams({ cluster: told.clusters[mark.dataset.cluster], show: "all" });
      });
    }
    addEventListener("hashchange", recall);
    byId("keys").hidden = false;
    byId("keys").addEventListener("click", () => byId("help").showModal());
    byId("filters").addEventListener("submit", (event) => event.preventDefault());
    byId("previous").addEventListener("click", () => turn(-1));
    byId("next").addEventListener("click", () => turn(1));
    document.addEventListener("keydown", onKey);
    if (!recall()) filter();
    performance.mark("ready");
    document.documentElement.setAttribute("data-ready", "yes");
  };

  read(byId("index")).then(start).catch((error) => { byId("count").textContent = `The cases could not be read: ${error.message}`; });
})();
