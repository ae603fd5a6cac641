"""The card of a data set: what is in it, where it came from, on what terms, and what was left out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from evalloop import stats
from evalloop.contracts import TrainingData
from evalloop.encode import markdown
from evalloop.preferences.filters import Selection
from evalloop.preferences.judged import Criterion
from evalloop.printable import many
from evalloop.records.preference import Preference, TrainingRow


@dataclass(frozen=True)
class Told:
    """What the card says beside the rows: the format, its rows per split, refusals, and terms."""

    form: str
    written: Mapping[str, int]
    refused: Mapping[str, int]
    left_out: Mapping[str, int]
    settings: Selection
    agreement: Sequence[Criterion] = ()
    licence: str = "not stated"
    made_at: str = ""
    evalset_texts: int = 0
    clusters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Bias:
    """How often the chosen answer is the longer, and the one shown first, with Wilson's 95 % intervals."""

    n: int
    longer: float | None
    longer_interval: tuple[float, float] | None
    ordered: int
    first: float | None
    first_interval: tuple[float, float] | None


def bias(pairs: Sequence[Preference]) -> Bias:
    """Length and position bias over all pairs; pairs of equal length or unknown order do not count."""
    longer = [len(each.chosen) > len(each.rejected) for each in pairs if len(each.chosen) != len(each.rejected)]
    first = [each.chosen_first for each in pairs if each.source == "pairwise" and each.chosen_first is not None]
    return Bias(len(longer), *_rate(longer), len(first), *_rate(first))


def _rate(hits: Sequence[bool]) -> tuple[float | None, tuple[float, float] | None]:
    if not hits:
        return None, None
    low, high = stats.wilson_interval(sum(hits), len(hits))
    return sum(hits) / len(hits), (low, high)


def card(data: TrainingData, told: Told) -> str:
    """The README.md of the data set, with the header that dataset hubs read."""
    return "\n".join((*_header(told), *_counts(data, told), *_sources(data.pairs), *_terms(data, told),
                      *_left_out(told), *_biases(data), *_raters(told))) + "\n"


def _header(told: Told) -> Iterator[str]:
    rows = sum(told.written.values())
    yield from ("---", f"pretty_name: Preferences of users ({told.form})", f"license: {_yaml(told.licence)}",
                "tags: [preference, feedback, evalloop]", f"size_categories: [{_size(rows)}]", "---", "",
                f"# Training data from feedback: {told.form}", "",
                f"Made by `evalloop export --format {told.form}` at {told.made_at}.", "")


def _yaml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def _size(rows: int) -> str:
    limits = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
    return next((name for limit, name in limits if rows < limit), "n>1M")


def _counts(data: TrainingData, told: Told) -> Iterator[str]:
    yield from ("## Rows", "", "| split | rows |", "|---|---|")
    yield from (f"| {split} | {rows:,} |" for split, rows in told.written.items())
    rows: Sequence[TrainingRow] = (*data.pairs, *data.judged)
    users = {row.user_key for row in rows if row.user_key}
    share = f"{told.settings.heldout:.0%} of users are held out; no user stands in both splits."
    yield from ("", f"{many(len(data.pairs), 'pair')} and "
                f"{many(len(data.judged), 'judged answer')} of {many(len(users), 'known user')}. "
                + share, "")
    languages = Counter(row.language or "unknown" for row in rows)
    yield from ("Languages of the prompts: " + ", ".join(f"{name} {n:,}" for name, n in languages.most_common()) + ".",
                "")


def _sources(pairs: Iterable[Preference]) -> Iterator[str]:
    groups: defaultdict[str, list[Preference]] = defaultdict(list)
    for pair in pairs:
        groups[pair.source].append(pair)
    if not groups:
        return
    yield from ("## Where the pairs come from", "",
                "| source | pairs | users | total weight | confidence |", "|---|---|---|---|---|")
    for name, found in sorted(groups.items()):
        sure = sorted({pair.confidence for pair in found})
        yield (f"| {name} | {len(found):,} | {len({pair.user_key for pair in found}):,} | "
               f"{sum(pair.weight for pair in found):.1f} | {_span(sure)} |")
    yield ""


def _span(values: Sequence[float]) -> str:
    return f"{values[0]:.2f}" if len(values) == 1 else f"{values[0]:.2f} to {values[-1]:.2f}"


def _terms(data: TrainingData, told: Told) -> Iterator[str]:
    rows: Sequence[TrainingRow] = (*data.pairs, *data.judged)
    found = Counter(basis for row in rows for basis in row.consent_basis)
    yield from ("## Terms", "", f"Licence: {markdown(told.licence)}.",
                "Every event behind a row allows the purpose `training`. Basis: "
                + (", ".join(f"{markdown(name)} {n:,}" for name, n in sorted(found.items())) or "none") + " (rows).",
                "")


def _left_out(told: Told) -> Iterator[str]:
    yield from ("## What was left out", "", "| reason | finds |", "|---|---|")
    yield from (f"| {markdown(name)} | {n:,} |" for name, n in {**told.refused, **told.left_out}.items())
    used = told.settings
    yield from ("", f"Checked against {told.evalset_texts:,} texts of evalsets, held-out cases included: the same or "
                f"nearly the same prompt ({used.least_alike:.0%} of words), or 13 words in a row. At most "
                f"{used.per_user or 'any number of'} rows of one user; totals of clusters and segments drawn together "
                f"by {used.balance:g} (0: as they are, 1: equal).", "")


def _biases(data: TrainingData) -> Iterator[str]:
    found = bias(data.pairs)
    flagged = sum("length only" in pair.flags for pair in data.pairs)
    yield from ("## Known biases", "")
    if found.longer is not None:
        yield (f"- The chosen answer is the longer one in {_told(found.longer, found.longer_interval)} of "
               f"{many(found.n, 'pair')}.")
    yield f"- {many(flagged, 'pair')} with a difference in length alone (`flags: [length only]`)."
    if found.first is not None:
        yield (f"- Of {found.ordered:,} pairs with a known order, the one shown first was chosen in "
               f"{_told(found.first, found.first_interval)}.")
    yield ""


def _told(rate: float, interval: tuple[float, float] | None) -> str:
    low, high = interval or (0.0, 1.0)
    return f"{rate:.1%} (95 % interval {low:.1%} to {high:.1%})"


def _raters(told: Told) -> Iterator[str]:
    if not told.agreement:
        return
    yield from ("## Agreement of raters", "",
                "| criterion | answers | raters | Krippendorff's alpha |", "|---|---|---|---|")
    for each in told.agreement:
        alpha = "unknown" if each.alpha is None else f"{each.alpha:.2f}"
        yield f"| {markdown(each.name)} | {each.answers:,} | {each.raters:,} | {alpha} |"
