"""A lake of synthetic events, the same for the same seed and size: answers, and seven events for each.

    python benchmarks/synthetic_lake.py --events 1000000 --out /tmp/lake

Users of three surfaces and plans read, copy, stop, accept, edit, vote, comment and are asked at random; one turn in
twenty is a new try of the one before; a tenth of the turns has no session id; some votes are retracted and some acts
speak of answers that never came. Every number comes from whole-number arithmetic on the row's own number, so that any
engine, any machine and any batch size gives the same rows. Written are the columns of the real lake by day, without
``body`` and the times as timestamps (analysis counts in ``at_us``).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb

from evalloop.store.columns import schema

TURNS_AT_ONCE, PER_TURN, DAYS, START_DAY = 500_000, 7, 28, 20_454
DAY_US, SEED = 86_400_000_000, 7919
KINDS = (
    (420, "response.viewed"), (600, "signal.copied"), (640, "signal.stopped"), (660, "signal.shared"),
    (720, "signal.accepted"), (770, "signal.rejected"), (860, "signal.edited"), (868, "feedback.thumbs"),
    (870, "feedback.comment"), (875, "feedback.prompted"), (880, "signal.escalated"), (900, "signal.shown"),
    (940, "outcome.task"), (950, "signal.regenerated"), (1000, "response.viewed"))
"""Of a thousand acts those below each number are of that type."""


def _mixed(value: str, salt: int) -> str:
    """A number from 0 to 2^31 - 2 that looks random, from a whole number."""
    return f"((((({value}) + {salt * SEED}) * 48271 + 11) % 2147483647) * 69621 % 2147483647)"


def _turns(first: int, last: int, users: int) -> str:
    session = "(i // 4)"
    start = f"({_mixed(session, 3)} % {DAYS * 86400}) * 1000000"
    return f"""
        select i, {session} as s, i % 4 as place, 'u' || ({_mixed(session, 1)} % {users}) as user_key,
            {START_DAY * DAY_US} + {start} + (i % 4) * ({_mixed('i', 4)} % 200 + 20) * 1000000 as at_us,
            ['chat', 'ide', 'web'][1 + {_mixed(session, 5)} % 3] as surface,
            ['free', 'free', 'pro', 'team'][1 + {_mixed(session, 6)} % 4] as plan,
            case when {_mixed('i', 7)} % 20 = 0 and i % 4 > 0 then 'r' || (i - 1) end as regenerate_of,
            'theme ' || ({_mixed('i', 8)} % 40) as theme, {_mixed('i', 9)} % 3000 + 20 as chars,
            {_mixed(session, 10)} % 10 = 0 as unnamed, {_mixed('i', 11)} % 700 as wish
        from range({first}, {last}) t(i)"""


def _answers() -> str:
    return """
        select 'g' || i as event_id, 'generation.completed' as event_type, at_us, 'r' || i as response_id,
            case when unnamed then null else 's' || s end as session_id, user_key, surface, plan, regenerate_of,
            theme as prompt_name, 'how do I do the thing number ' || wish as prompt,
            'you do it like this: step ' || (chars % 97) as response, chars as response_chars,
            chars // 6 as response_words,
            null::double as value, null::varchar as text, null::bigint as chars, null::bigint as total,
            null::bigint as chars_shown, null::bigint as focused_ms, null::double as scroll_max,
            null::bigint as delay_ms,
            null::double as similarity, null::bigint as time_to_accept_ms, null::varchar as status,
            null::varchar as ask_kind, null::double as ask_probability, null::varchar as replaces from turns"""


def _acts() -> str:
    kind = " ".join(f"when roll < {most} then '{name}'" for most, name in KINDS)
    look = _mixed("i * 11 + k", 21)
    return f"""
        with rolled as (select *, {_mixed('i * 7 + k', 20)} % 1000 as roll, {look} as look
                        from turns, range(1, {PER_TURN}) r(k)),
        named as (select *, case {kind} end as kind from rolled),
        typed as (select *, kind = 'feedback.prompted' or (kind = 'feedback.thumbs' and look % 4 = 0) as asked
                  from named)
        select 'a' || i || '-' || k as event_id, kind as event_type, at_us + (look % 60 + k) * 1000000 as at_us,
            case when look % 500 = 0 then 'lost' || i else 'r' || i end as response_id, null::varchar as session_id,
            user_key, surface, plan,
            case when kind = 'signal.regenerated' then 'r' || i end as regenerate_of, null::varchar as prompt_name,
            null::varchar as prompt, null::varchar as response, null::bigint as response_chars,
            null::bigint as response_words,
            case when kind = 'feedback.thumbs' then case when look % 3 = 0 then -1.0 else 1.0 end end as value,
            case when kind = 'feedback.comment' then ['that is wrong', 'thanks, great', 'hm'][1 + look % 3] end as text,
            case when kind = 'signal.copied' then look % (chars + 1) end as chars,
            case when kind = 'signal.copied' then chars end as total,
            case when kind = 'signal.stopped' then look % (chars + 1) end as chars_shown,
            case when kind = 'response.viewed' then look % 60000 end as focused_ms,
            case when kind = 'response.viewed' then (look % 100) / 100.0::double end as scroll_max,
            case when kind = 'signal.edited' then [5, 30, 120, 300, 600, 900][1 + look % 6] * 1000 end as delay_ms,
            case when kind = 'signal.edited' then (look % 101) / 100.0::double end as similarity,
            case when kind = 'signal.accepted' then look % 4000 end as time_to_accept_ms,
            case when kind = 'outcome.task' then ['success', 'success', 'failure'][1 + look % 3] end as status,
            case when asked then 'random' end as ask_kind, case when asked then 0.05::double end as ask_probability,
            case when kind = 'feedback.thumbs' and look % 50 = 0 then 'a' || i || '-' || (k - 1) end as replaces
        from typed"""


def _columns() -> str:
    """Every column of the lake, in its order; what the generator does not say is null."""
    said = {"day": f"at_us // {DAY_US}", "source_kind": "case when event_type[:9] = 'feedback.' then 'end_user' else "
            "'system' end", "segment": "map {'plan': plan}", "anon": "false", "internal": "false",
            **{f"may_{name}": "true" for name in ("ops", "analytics", "eval", "training", "notify")},
            "consent_basis": "'consent'"}
    given = {"event_id", "event_type", "at_us", "response_id", "session_id", "user_key", "surface", "regenerate_of",
             "prompt_name", "prompt", "response", "response_chars", "response_words", "value", "text", "chars", "total",
             "chars_shown", "focused_ms", "scroll_max", "delay_ms", "similarity", "time_to_accept_ms", "status",
             "ask_kind", "ask_probability", "replaces"}
    kinds = {"string": "varchar", "int64": "bigint", "double": "double", "bool": "boolean",
             "timestamp[us, tz=UTC]": "timestamptz"}
    return ", ".join(f"{said[name]} as {name}" if name in said else name if name in given
                     else f"null::{kinds[str(kind)]} as {name}"
                     for name, kind in ((field.name, field.type) for field in schema()))


def make(folder: Path, events: int) -> list[str]:
    """Writes about ``events`` events below ``folder`` and gives the addresses of the files."""
    turns = max(events // PER_TURN, 4)
    users = max(turns // 40, 10)
    with duckdb.connect(config={"preserve_insertion_order": False}) as con:
        for part, first in enumerate(range(0, turns, TURNS_AT_ONCE)):
            place = folder / f"part-{part}"
            place.mkdir(parents=True, exist_ok=True)
            last = min(first + TURNS_AT_ONCE, turns)
            con.execute(f"create or replace temp table turns as {_turns(first, last, users)}")
            con.execute(f"copy (select {_columns()} from ({_answers()} union all ({_acts()}))) to '{place}' "
                        "(format parquet, compression zstd, partition_by (day), write_partition_columns true, "
                        "overwrite_or_ignore true)")
    return files(folder)


def files(folder: Path) -> list[str]:
    """The addresses of a lake's files."""
    return sorted(str(path) for path in folder.glob("part-*/day=*/*.parquet"))


def main() -> None:
    """Writes a lake."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    made = make(given.out, given.events)
    print(f"{len(made):,} files, {sum(Path(each).stat().st_size for each in made):,} bytes")


if __name__ == "__main__":
    main()
