"""Sessions: by the id that the product gives, else by user and idle gap; and what follows what in them."""

from __future__ import annotations

from typing import Any

from evalloop import engine as door

Table = Any
SECOND = 1_000_000


@door.built_once
def stitched(responses: Table, idle_s: float, *, some: bool = True) -> Table:
    """``responses`` with a ``session_id`` for each, and in ``stitched`` how it was found.

    given: the product said it. idle: responses of one user, none more than ``idle_s`` seconds after the one before, are
    a session named by its user and its first moment. single: neither is known, and the response is alone. ``some`` is
    False when every response is known to have its session.
    """
    ibis = door.ibis
    given = responses.filter(responses.session_id.notnull()).mutate(stitched=ibis.literal("given"))
    if not some:
        return given
    rest = responses.filter(responses.session_id.isnull())
    alone = rest.filter(rest.user_key.isnull())
    alone = alone.mutate(session_id="response " + alone.response_id, stitched=ibis.literal("single"))
    idle = _by_idle_gap(rest.filter(rest.user_key.notnull()), idle_s)
    return given.union(alone.select(*given.columns), idle.select(*given.columns))


def _by_idle_gap(responses: Table, idle_s: float) -> Table:
    ibis = door.ibis
    by_time = ibis.window(group_by=responses.user_key, order_by=[responses.at_us, responses.response_id])
    gap = responses.mutate(since=responses.at_us - responses.at_us.lag().over(by_time))
    opens = gap.mutate(opens=ibis.ifelse(gap.since.isnull() | (gap.since > int(idle_s * SECOND)), 1, 0))
    up_to_here = ibis.window(group_by=opens.user_key, order_by=[opens.at_us, opens.response_id],
                             preceding=None, following=0)
    numbered = opens.mutate(number=opens.opens.sum().over(up_to_here).cast("int64"))
    start = numbered.at_us.min().over(ibis.window(group_by=[numbered.user_key, numbered.number]))
    named = numbered.mutate(start_us=start)
    return named.mutate(session_id="user " + named.user_key + " " + named.start_us.cast("string"),
                        stitched=ibis.literal("idle")).drop("since", "opens", "number", "start_us")


@door.built_once
def placed(responses: Table) -> Table:
    """Responses with their ``place`` in the session (0 first) and the next answer that is not a new try of the same.

    ``next_us`` is when that answer came; ``next_event`` its event id, null where its prompt is not kept or one of the
    two is no ``talk``.
    """
    ibis = door.ibis
    table = responses.mutate(ordinal=ibis.coalesce(responses.turn_index, ibis.literal(-1, "int64")))
    window = ibis.window(group_by=table.session_id, order_by=[table.at_us, table.ordinal, table.response_id])
    table = table.mutate(
        place=ibis.row_number().over(window),
        **{f"{name}_{back}": table[column].lag(back).over(window)
           for name, column in (("was", "response_id"), ("of", "regenerate_of")) for back in (1, 2)})
    again = ibis.or_(*((table.regenerate_of == table[name]).fill_null(False)
                       for name in ("was_1", "of_1", "was_2", "of_2")))
    table = table.mutate(fresh=~(again & (table.place > 0))).drop("was_1", "was_2", "of_1", "of_2")
    up_to_here = ibis.window(group_by=table.session_id, order_by=table.place, preceding=None, following=0)
    table = table.mutate(try_of=ibis.ifelse(table.fresh, 1, 0).sum().over(up_to_here).cast("int64"))
    return _with_next(table).drop("ordinal", "try_of", "fresh")


def _with_next(table: Table) -> Table:
    """The next fresh answer: of fresh ones by looking ahead, of new tries that of the answer they replace."""
    ibis = door.ibis
    fresh = table.filter(table.fresh)
    ahead = ibis.window(group_by=fresh.session_id, order_by=fresh.place)
    fresh = fresh.mutate(next_us=fresh.at_us.lead().over(ahead), next_event=fresh.event_id.lead().over(ahead),
                         next_chars=ibis.ifelse(fresh.talk, fresh.prompt_chars, 0).lead().over(ahead))
    leads = fresh.select(of_session="session_id", of_try="try_of", next_us="next_us", next_event="next_event",
                         next_chars="next_chars")
    others = table.filter(~table.fresh)
    others = others.left_join(leads, (others.session_id == leads.of_session) & (others.try_of == leads.of_try))
    every = fresh.union(others.select(*fresh.columns))
    said = every.talk & (every.next_chars.fill_null(0) > 0)
    return every.mutate(next_event=ibis.ifelse(said, every.next_event, ibis.null("string"))).drop("next_chars")
