"use strict";
const differences = (() => {
  const DIFF_CELLS = 9000000;
  const LIKE = 0.4;

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

  /* Marks of both texts ([words, changed] in order), and what to say when there are none: a longest common subsequence of
     words between what both texts begin and end with. */
  return (old, fresh) => {
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
})();
