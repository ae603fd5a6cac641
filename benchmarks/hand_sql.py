"""The product's expressions beside DuckDB SQL that a person wrote for the same questions, in one run.

    python benchmarks/hand_sql.py [--events 1000000] [--rounds 3] [--memory 4GB]

Both read the same lake (``synthetic_lake.py``) and write the same tables: turns with their sessions and what follows,
the signals of seven detectors, capture rates by day, and regenerate pairs. The SQL knows this lake: it leaves out what
never occurs in it (names of responses other than their ids, consent that changes, staff, acts on sessions). Rows are
compared as multisets, exit 1 when one differs; printed are medians and the ratio of each round.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import synthetic_lake
from engine_same_rows import differing

from evalloop import engine as door
from evalloop.preferences.select import regenerated
from evalloop.signals import evalloop_detectors
from evalloop.signals.capturing import keyed_turns, sums_by_unit
from evalloop.signals.derive import derive, together
from evalloop.signals.evidence import CONTEXT, gather
from evalloop.store.columns import schema

DETECTORS = ("copy", "regenerate", "stop", "share", "escalate", "accept", "thumbs")
TOLD = tuple(name for name in CONTEXT if name != "segment")
"""What a turn says of itself, but for a map, which cannot be compared."""
TURN = ("response_id", "session_id", "stitched", "place", "user_key", "at_us", "day", "event_id", "regenerate_of",
        "next_us", "next_event", "following_event", "following_us", "prompt_chars", "response_chars", "response_words",
        *TOLD)
SIGNAL = ("detector", "response_id", "session_id", "user_key", "event_ids", "polarity", "weight", "at_us", "day",
          "reason")


def product(files: list[str], out: Path, memory: str) -> None:
    """Writes the tables through the engine's expressions."""
    with door.open_engine("duckdb", memory=memory, threads=2, scratch=out / "scratch") as engine:
        for name, table in _tables(engine, files):
            engine.write(table, out / name)


def _tables(engine: Any, files: list[str]) -> Iterator[tuple[str, Any]]:
    evidence = gather(engine, engine.parquet(files, schema()))
    yield "turns", evidence.turns.select(*TURN)
    signals = engine.view(together(derive(evidence, [each for each in evalloop_detectors() if each.name in DETECTORS])))
    yield "signals", signals.select(*SIGNAL)
    keyed = keyed_turns(evidence, signals)
    answered = keyed.filter(keyed.answered)
    sessions = answered.group_by("day", "session_id").aggregate(hit=answered.usable.max(), unit=answered.unit.min())
    yield "capture", sums_by_unit(sessions, "day")
    yield "pairs", regenerated(evidence, signals)


EVENTS = """
create view log as select * from read_parquet({files}, hive_partitioning = false);
create table replaced as select distinct replaces as event_id from log where replaces is not null;
create view events as select * from log anti join replaced using (event_id);
create table made as
  select response_id, event_id, at_us, day, session_id, user_key, regenerate_of, length(prompt) as prompt_chars
  from events where event_type = 'generation.completed'
  qualify row_number() over (partition by response_id order by at_us, event_id) = 1;
create view acts as
  select event_id, event_type, at_us, day, user_key, chars, total, chars_shown, value, time_to_accept_ms,
    coalesce(regenerate_of, response_id) as response_id
  from events where event_type not in ('generation.completed', 'feedback.retracted')
  union all
  select m.event_id, 'generation.completed', m.at_us, m.day, m.user_key, null, null, null, null, null, m.regenerate_of
  from made m semi join made o on m.regenerate_of = o.response_id and m.regenerate_of <> m.response_id;
create table lost as
  select response_id, arg_min(at_us, (at_us, event_id)) as at_us, arg_min(day, (at_us, event_id)) as day,
    min(user_key) as user_key, arg_min(event_id, (at_us, event_id)) as told_by
  from acts anti join made using (response_id) group by response_id;
"""

TURNS = """
create table stitched as
  with every as (
    select response_id, event_id, at_us, day, session_id, user_key, regenerate_of, prompt_chars, event_id as told_by
    from made
    union all
    select response_id, null, at_us, day, null, user_key, null, null, told_by from lost),
  opened as (
    select *, case when at_us - lag(at_us) over w <= 1800000000 then 0 else 1 end as opens
    from every where session_id is null
    window w as (partition by user_key order by at_us, response_id)),
  numbered as (
    select *, sum(opens) over (partition by user_key order by at_us, response_id rows unbounded preceding) as number
    from opened),
  named as (
    select * exclude (opens, number), min(at_us) over (partition by user_key, number) as start_us from numbered)
  select *, 'given' as stitched from every where session_id is not null
  union all
  select * exclude (start_us) replace ('user ' || user_key || ' ' || start_us as session_id), 'idle' from named;
create table tried as
  with seen as (
    select *, row_number() over w - 1 as place,
      coalesce(regenerate_of in (lag(response_id) over w, lag(regenerate_of) over w,
                                 lag(response_id, 2) over w, lag(regenerate_of, 2) over w), false) as again
    from stitched where event_id is not null
    window w as (partition by session_id order by at_us, response_id))
  select *, sum(case when again and place > 0 then 0 else 1 end)
    over (partition by session_id order by place rows unbounded preceding) as try_of,
    not (again and place > 0) as fresh
  from seen;
create table turns as
  with leads as (
    select session_id, try_of, lead(at_us) over w as next_us, lead(event_id) over w as next_event
    from tried where fresh window w as (partition by session_id order by place)),
  shown as (select distinct response_id from acts where event_type = 'signal.shown'),
  suggested as (select event_id from made semi join shown using (response_id)),
  placed as (
    select t.* exclude (try_of, fresh, again), l.next_us,
      case when s.event_id is null and n.event_id is null then l.next_event end as next_event
    from tried t left join leads l using (session_id, try_of)
    left join suggested s on t.event_id = s.event_id left join suggested n on l.next_event = n.event_id),
  every as (
    select response_id, session_id, stitched, place, user_key, at_us, day, event_id, regenerate_of, next_us, next_event,
      next_event as following_event, case when next_event is not null then next_us end as following_us, prompt_chars,
      told_by
    from placed
    union all
    select response_id, session_id, stitched, null, user_key, at_us, day, null, null, null, null, null, null, null,
      told_by
    from stitched where event_id is null)
  select every.* exclude (told_by), if(every.event_id is null, null, e.response_chars) as response_chars,
    if(every.event_id is null, null, e.response_words) as response_words, {context}
  from every join events e on e.event_id = told_by;
"""

SIGNALS = """
create table signals as
  with copied as (
    select a.response_id, list_sort(list(a.event_id)) as event_ids, max(a.at_us) as at_us, min(a.user_key) as user_key,
      max(coalesce(least(a.chars / coalesce(nullif(a.total, 0), nullif(t.response_chars, 0)), 1), 1)) as share
    from acts a left join turns t using (response_id) where event_type = 'signal.copied' group by 1),
  once as (
    select case when event_type in ('signal.regenerated', 'generation.completed') then 'regenerate'
                when event_type = 'signal.stopped' then 'stop' when event_type = 'signal.shared' then 'share'
                else 'escalate' end as name,
      response_id, list_sort(list(event_id)) as event_ids, max(at_us) as at_us, min(user_key) as user_key,
      max(chars_shown) as shown
    from acts where event_type in ('signal.regenerated', 'generation.completed', 'signal.stopped', 'signal.shared',
                                   'signal.escalated')
    group by 1, 2),
  usual as (
    select coalesce(surface, '') as place, quantile_cont(response_chars, 0.5) as usual
    from turns anti join (select response_id from once where name = 'stop') using (response_id) group by 1),
  lasts as (
    select * from acts where event_type in ('signal.accepted', 'signal.rejected')
    qualify row_number() over (partition by response_id order by at_us desc, event_id desc) = 1),
  votes as (
    select * from acts where event_type = 'feedback.thumbs'
    qualify row_number() over (partition by response_id, user_key order by at_us desc, event_id desc) = 1),
  found as (
    select 'copy@2' as detector, response_id, event_ids, at_us, user_key, 1.0 as polarity,
      case when share >= 0.8 then 0.5 when share >= 0.1 then 0.25 else 0.1 end as weight, null as reason from copied
    union all
    select name || if(name in ('stop', 'regenerate'), '@3', '@2'), o.response_id, event_ids, o.at_us, o.user_key,
      if(name = 'share', 1.0, -1.0),
      case name when 'regenerate' then 0.3 when 'share' then 0.4 when 'escalate' then 0.6
        else if(coalesce(coalesce(shown, t.response_chars) >= 0.8 * usual, false), 0.0, 0.2) end,
      if(name = 'stop' and coalesce(coalesce(shown, t.response_chars) >= 0.8 * usual, false),
         'stopped after 80% of the usual length', null)
    from once o left join turns t using (response_id) left join usual u on coalesce(t.surface, '') = u.place
    union all
    select 'accept@2', response_id, [event_id], at_us, user_key, if(event_type = 'signal.rejected', -1.0, 1.0),
      case when event_type = 'signal.rejected' then 0.3 when time_to_accept_ms < 300 then 0.0 else 0.5 end,
      if(event_type <> 'signal.rejected' and time_to_accept_ms < 300, 'accepted within 300 ms', null)
    from lasts
    union all
    select 'thumbs@2', response_id, [event_id], at_us, user_key, value, 1.0, null from votes)
  select f.detector, f.response_id, t.session_id, coalesce(f.user_key, t.user_key) as user_key, f.event_ids,
    f.polarity::double as polarity, f.weight::double as weight, f.at_us, t.day, f.reason,
    's-' || sha256(f.detector || '|' || f.response_id || '|' || array_to_string(f.event_ids, ','))[:32] as signal_id
  from found f join turns t using (response_id);
create view capture as
  with heard as (
    select response_id, max(if(detector <> 'thumbs@2' and weight > 0 and polarity <> 0, 1, 0)) as usable
    from signals group by 1),
  sessions as (
    select day, session_id, max(coalesce(usable, 0)) as hit, min(coalesce(user_key, session_id)) as unit
    from turns left join heard using (response_id) where event_id is not null group by 1, 2),
  units as (select day, unit, count(*) as n, sum(hit) as hits from sessions group by 1, 2)
  select day, count(*) as units, sum(n)::bigint as rows, sum(hits)::bigint as hits, sum(n * n)::bigint as rows_squared,
    sum(n * hits)::bigint as rows_hits, sum(hits * hits)::bigint as hits_squared
  from units group by 1;
"""

PAIRS = """
create view pairs as
  with told as (
    select response_id as chosen, regenerate_of as rejected, 0 as rank from turns
    where regenerate_of is not null and event_id is not null
    union all
    select response_id, coalesce(regenerate_of, response_id), 1 from events where event_type = 'signal.regenerated'),
  links as (
    select chosen, rejected from told qualify row_number() over (partition by chosen order by rank, rejected) = 1),
  linked as (select * from links where chosen <> rejected),
  nets as (
    select t.response_id, coalesce(net, 0) as net, coalesce(against, 0) as against, coalesce(spoken, 0) as spoken,
      following_event is not null as goes_on
    from turns t left join (
      select response_id, sum(round(polarity * weight * 1000000)::bigint) as net,
        count(*) filter (polarity < 0) as against, count(*) filter (detector = 'thumbs@2' and polarity <> 0) as spoken
      from signals where weight > 0 group by 1) using (response_id))
  select chosen, rejected, n.spoken > 0 as voted
  from linked anti join (select rejected as chosen from linked) again using (chosen)
  join nets n on chosen = n.response_id join nets o on rejected = o.response_id
  where (n.net > 0 or (n.against = 0 and n.goes_on)) and o.net < greatest(n.net, 0);
"""
COLUMNS = {"turns": TURN, "signals": SIGNAL, "capture": ("*",), "pairs": ("*",)}


def by_hand(files: list[str], out: Path, memory: str) -> None:
    """Writes the tables by the SQL above."""
    out.mkdir(parents=True, exist_ok=True)
    bounds = {"memory_limit": memory} if memory else {}
    with duckdb.connect(out / "scratch.duckdb", config={
            "threads": 2, "preserve_insertion_order": False, "temp_directory": str(out / "scratch"), **bounds}) as con:
        con.execute(EVENTS.replace("{files}", repr(files)))
        for part in (TURNS.replace("{context}", ", ".join(CONTEXT)), SIGNALS, PAIRS):
            con.execute(part)
        for name, columns in COLUMNS.items():
            (out / name).mkdir()
            con.execute(f"copy (select {', '.join(columns)} from {name}) to '{out / name}/part-0.parquet' "
                        "(format parquet, compression zstd)")
    (out / "scratch.duckdb").unlink()


def main() -> int:
    """Takes turns, compares, prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", default="")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="evalloop-hand-sql-"))
    try:
        files = synthetic_lake.make(folder / "lake", given.events)
        times = [_round(files, folder, given.memory) for _ in range(given.rounds)]
        found = differing(folder / "hand", folder / "product")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    ours, hand = (statistics.median(each) for each in zip(*times, strict=True))
    ratio = statistics.median(one / other for one, other in times)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{given.events:,} events: expressions {ours:.1f} s, by hand {hand:.1f} s, ratio {ratio:.2f}, "
          f"peak of both {peak:.1f} GB")
    for name, (rows, apart) in found.items():
        print(f"  {name:10} {rows:12,} rows, {apart:,} differ")
    return int(any(apart for _, apart in found.values()))


def _round(files: list[str], folder: Path, memory: str) -> tuple[float, float]:
    times = []
    for name, way in (("product", product), ("hand", by_hand)):
        shutil.rmtree(folder / name, ignore_errors=True)
        before = time.monotonic()
        way(files, folder / name, memory)
        times.append(time.monotonic() - before)
    return times[0], times[1]


if __name__ == "__main__":
    sys.exit(main())
