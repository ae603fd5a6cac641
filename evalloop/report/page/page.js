"use strict";
(() => {
  const PAGE = 100;
  const DIFF_CELLS = 9000000;
  const LIKE = 0.4;
  const FIELDS = { show: "kind", cluster: "cluster", sort: "sort", q: "search" };
  const byId = (id) => document.getElementById(id);
  const state = { cases: [], clusters: [], shown: [], page: 0, words: {}, open: "" };

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

  const read = async () => {
    const text = atob(byId("data").textContent.trim());
    const packed = new Uint8Array(text.length);
    for (let at = 0; at < text.length; at += 1) packed[at] = text.charCodeAt(at);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).json();
  };

  const number = (value, signed) => {
    if (value === null) return "–";
    const figure = state.words.points ? (value * 100).toFixed(1) : String(Number(value.toPrecision(4)));
    const sign = signed && value > 0 ? "+" : "";
    return sign + figure.replace("-", "−") + (state.words.points && !signed ? " %" : "");
  };

  const kindOf = (item) => (item.change === null ? "missing" : item.change < 0 ? "worse" : item.change > 0 ? "better" : "same");

  const wanted = (item, kind) => {
    const own = kindOf(item);
    return kind === "all" || kind === own || (kind === "changed" && (own === "worse" || own === "better"));
  };

  /* What a search looks through; made when first asked for. */
  const haystack = (item) => {
    if (item.haystack === undefined) {
      const texts = [...item.old, ...item.new].map((trial) => trial.text);
      item.haystack = [item.id, ...item.clusters, item.question, ...texts].join("\n").toLowerCase();
    }
    return item.haystack;
  };

  const ORDERS = {
    worst: null,
    best: (a, b) => (b.change ?? -Infinity) - (a.change ?? -Infinity),
    name: (a, b) => a.id.localeCompare(b.id, "en", { numeric: true }),
  };

  const filter = () => {
    const kind = byId("kind").value;
    const cluster = byId("cluster").value;
    const search = byId("search").value.trim().toLowerCase();
    const order = ORDERS[byId("sort").value];
    state.shown = state.cases.filter((item) => wanted(item, kind) &&
      (!cluster || item.clusters.includes(cluster)) && (!search || haystack(item).includes(search)));
    if (order) state.shown.sort(order);
    const at = state.shown.findIndex((item) => item.id === state.open);
    state.page = at < 0 ? 0 : Math.floor(at / PAGE);
    drill(cluster);
    draw();
    remember();
  };

  /* The address says what is shown, so that it can be sent to somebody: report.html#cluster=refunds&case=c-17 */
  const remember = () => {
    const told = new URLSearchParams();
    for (const [name, id] of Object.entries(FIELDS)) {
      const field = byId(id);
      const usual = field.tagName === "SELECT" ? field.dataset.usual : "";
      if (field.value !== usual) told.set(name, field.value);
    }
    if (state.open) told.set("case", state.open);
    const hash = told.toString();
    if (hash !== location.hash.slice(1)) history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  };

  const recall = () => {
    const told = new URLSearchParams(location.hash.slice(1));
    if (![...told.keys()].some((name) => name in FIELDS || name === "case")) return false;
    state.open = told.get("case") || "";
    if (state.open && !told.has("show")) told.set("show", "all");
    for (const [name, id] of Object.entries(FIELDS)) {
      const field = byId(id);
      const wish = told.get(name) ?? field.dataset.usual ?? "";
      const known = field.tagName !== "SELECT" || [...field.options].some((each) => each.value === wish);
      field.value = known ? wish : field.dataset.usual;
    }
    filter();
    const line = [...document.querySelectorAll("button.case")].find((each) => each.textContent === state.open);
    (line || byId("cases")).scrollIntoView({ block: line ? "center" : "start" });
    return true;
  };

  /* One cluster: its row of the table in words, and how often each grader was content on either side. */
  const drill = (cluster) => {
    const told = document.querySelector(`tr[data-cluster="${state.clusters.indexOf(cluster)}"]`);
    byId("drill").hidden = !cluster || !told;
    if (byId("drill").hidden) return;
    const graders = new Map();
    for (const item of state.cases.filter((each) => each.clusters.includes(cluster))) {
      for (const [side, trials] of [[0, item.old], [1, item.new]]) {
        for (const [name, passed, , own] of trials.flatMap((trial) => trial.grades)) {
          if (passed === null || (own && own !== cluster)) continue;
          if (!graders.has(name)) graders.set(name, [[0, 0], [0, 0]]);
          const count = graders.get(name)[side];
          count[0] += passed;
          count[1] += 1;
        }
      }
    }
    byId("drill").replaceChildren(element("h3", { text: cluster }), element("p", { text: told.dataset.told }),
      ...(graders.size ? [graderTable([...graders].sort(byFall))] : []));
  };

  const share = ([passed, all]) => (all ? passed / all : 0);
  const byFall = ([, a], [, b]) => share(a[1]) - share(a[0]) - (share(b[1]) - share(b[0]));

  const graderTable = (rows) => element("table", {},
    element("caption", { class: "quiet", text: "Passed grades of each grader" }),
    element("thead", {}, element("tr", {}, ...["grader", "base", "new"].map((text, at) =>
      element("th", { scope: "col", class: at ? "n" : "", text })))),
    element("tbody", {}, ...rows.map(([name, [old, fresh]]) => element("tr", {}, element("th", { scope: "row", text: name }),
      ...[old, fresh].map(([passed, all]) => element("td", { class: "n", text: all ? `${passed} / ${all}` : "–" }))))));

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
    byId("count").textContent = state.shown.length ? `${state.shown.length} of ${state.cases.length} cases`
      : `None of ${state.cases.length} cases is so; show all, or search for something else.`;
  };

  const row = (item) => {
    const button = element("button", { type: "button", class: "case", "aria-expanded": "false", text: item.id });
    const tone = { worse: "n down", better: "n up" }[kindOf(item)] || "n";
    const asked = item.question.slice(0, 200);
    const line = element("tr", {},
      element("td", {}, button, ...(asked ? [element("span", { class: "asked", dir: "auto", text: asked })] : [])),
      element("td", { class: "wide", text: item.clusters.join(", ") }),
      element("td", { class: "n wide", text: number(item.base, false) }),
      element("td", { class: "n wide", text: number(item.cand, false) }),
      element("td", { class: tone, text: number(item.change, true) }));
    button.addEventListener("click", () => toggle(line, button, item));
    if (item.id !== state.open) return [line];
    button.setAttribute("aria-expanded", "true");
    return [line, opened(item)];
  };

  const opened = (item) => element("tr", { class: "detail" }, element("td", { colspan: "5" }, ...detail(item)));

  const toggle = (line, button, item) => {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) line.nextElementSibling.remove();
    else line.after(opened(item));
    state.open = open ? "" : item.id;
    remember();
  };

  const detail = (item) => {
    const parts = [];
    if (item.clusters.length) parts.push(element("p", { class: "quiet slim", text: `cluster: ${item.clusters.join(", ")}` }));
    if (item.question) parts.push(element("h3", { text: "Question" }), box(item.question, []));
    const runs = Math.max(item.old.length, item.new.length);
    for (let run = 0; run < runs; run += 1) {
      const [old, fresh] = [item.old[run], item.new[run]];
      const marks = old && fresh ? difference(old.text, fresh.text) : [[], [], ""];
      const suffix = runs > 1 ? `, run ${run + 1} of ${runs}` : "";
      parts.push(element("div", { class: "sides" },
        side("old", `${state.words.baseline}${suffix}`, old, marks[0]),
        side("new", `${state.words.candidate}${suffix}`, fresh, marks[1])));
      if (marks[2]) parts.push(element("p", { class: "quiet", text: marks[2] }));
    }
    if (!runs) parts.push(element("p", { class: "quiet", text: "The answers are not part of this report." }));
    return parts;
  };

  const side = (name, title, trial, marks) => {
    const made = element("div", { class: `side ${name}` }, element("h3", { text: title }));
    if (!trial) {
      made.append(element("p", { class: "quiet", text: "no trial" }));
      return made;
    }
    const told = trial.error ? `error: ${trial.error}` : `score ${number(trial.score, false)}`;
    made.append(element("p", { class: "quiet", text: [told, ...trial.told].join(" · ") }));
    if (trial.grades.length) made.append(element("ul", { class: "grades" }, ...trial.grades.map(grade)));
    made.append(box(trial.text, marks));
    if (trial.more) made.append(element("p", { class: "quiet", text: `${trial.more} characters more in the run log` }));
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

  /* Marks of both texts, and a word on it when there are none: a longest common subsequence of words between what both
     texts begin and end with. */
  const difference = (old, fresh) => {
    if (old === fresh) return [[], [], "Both answers are the same, character by character."];
    const [a, b] = [old, fresh].map((text) => text.match(/\s+|[\p{L}\p{N}_]+|./gsu) || []);
    let [head, tail] = [0, 0];
    while (head < Math.min(a.length, b.length) && a[head] === b[head]) head += 1;
    while (tail < Math.min(a.length, b.length) - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
    const [left, right] = [[], []];
    const both = (words) => words.forEach((word) => { add(left, word, false); add(right, word, false); });
    both(a.slice(0, head));
    const [inner, other] = [a.slice(head, a.length - tail), b.slice(head, b.length - tail)];
    if ((inner.length + 1) * (other.length + 1) > DIFF_CELLS) return [[], [], "The answers are too long to mark what changed."];
    middle(inner, other, left, right);
    both(a.slice(a.length - tail));
    const shared = left.reduce((sum, [words, changed]) => sum + (changed ? 0 : words.length), 0);
    if (shared < LIKE * Math.max(old.length, fresh.length)) return [[], [], "The answers share little, so no words are marked."];
    return [left, right, ""];
  };

  const middle = (a, b, left, right) => {
    const width = b.length + 1;
    const best = new Uint16Array((a.length + 1) * width);
    for (let i = a.length - 1; i >= 0; i -= 1) {
      for (let j = b.length - 1; j >= 0; j -= 1) {
        best[i * width + j] = a[i] === b[j] ? best[(i + 1) * width + j + 1] + 1
          : Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
      }
    }
    let [i, j] = [0, 0];
    while (i < a.length || j < b.length) {
      if (i < a.length && j < b.length && a[i] === b[j]) {
        add(left, a[i], false);
        add(right, b[j], false);
        i += 1;
        j += 1;
      } else if (j >= b.length || (i < a.length && best[(i + 1) * width + j] >= best[i * width + j + 1])) {
        add(left, a[i], true);
        i += 1;
      } else {
        add(right, b[j], true);
        j += 1;
      }
    }
  };

  const add = (list, words, changed) => {
    const last = list[list.length - 1];
    if (last && last[1] === changed) last[0] += words;
    else list.push([words, changed]);
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

  const start = (data) => {
    state.words = data.words;
    state.cases = data.cases;
    state.clusters = data.clusters;
    const clusters = [...new Set(state.cases.flatMap((item) => item.clusters))].sort();
    byId("cluster").append(...clusters.map((name) => element("option", { value: name, text: name })));
    byId("kind").dataset.usual = state.cases.some((item) => wanted(item, "changed")) ? "changed" : "all";
    byId("kind").value = byId("kind").dataset.usual;
    byId("missing").hidden = !state.cases.some((item) => wanted(item, "missing"));
    let timer = 0;
    byId("search").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(filter, 80); });
    for (const id of ["kind", "cluster", "sort"]) byId(id).addEventListener("change", filter);
    for (const mark of document.querySelectorAll("g[data-cluster]")) {
      mark.addEventListener("click", () => {
        location.hash = new URLSearchParams({ cluster: state.clusters[mark.dataset.cluster], show: "all" });
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

  read().then(start, (error) => { byId("count").textContent = `The cases could not be read: ${error.message}`; });
})();
