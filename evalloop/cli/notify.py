"""``evalloop notify``: tell users that what they complained of got better."""

from __future__ import annotations

import click

from evalloop import loop
from evalloop.cli.printing import say
from evalloop.printable import many, one_line

EPILOG = """\b
Examples:
  evalloop notify 2026-12 --dry-run
  evalloop notify 2026-12 --to notices.jsonl
  evalloop notify 2026-12 --to https://product.example/hooks/notices     (signed with EVALLOOP_NOTIFY_SECRET)
  evalloop notify 2026-12 --to smtp://localhost:25 --addresses users.csv --sender product@example.com
"""


@click.command("notify", epilog=EPILOG)
@click.argument("name")
@click.option("--to", "place", help="a .jsonl file, an http(s) address, or smtp://host:port; or one of a plugin")
@click.option("--every", "every_days", type=click.IntRange(0), default=30, show_default=True,
              help="days in which a user hears at most once, of whatever release")
@click.option("--addresses", type=click.Path(exists=True, dir_okay=False), help="mail: CSV with user_key and email")
@click.option("--sender", help="mail: the address it comes from")
@click.option("--dry-run", is_flag=True, help="show who would hear what, send nothing")
def command(name: str, place: str | None, every_days: int, addresses: str | None, sender: str | None, *,
            dry_run: bool) -> None:
    """Tell each user who complained of a theme that the release NAME made it better. Once, and only if they agreed.

    Only themes that production confirmed (evalloop verify) are told, only to users whose every event behind the
    complaint allows the purpose `notify`, in their own masked words. A notice that went out is kept as an event: after
    an error the command goes on where it stopped.
    """
    project = loop.open_project()
    planned = loop.plan_notices(project, name, every_days=every_days)
    if dry_run or not place:
        for notice in planned.notices[:10]:
            say(f"to {notice.user_key[:12]}: {one_line(notice.text, limit=400)}")
        if len(planned.notices) > 10:
            click.echo(f"(+{len(planned.notices) - 10} more)")
    else:
        given = {"addresses": addresses or "", "sender": sender or ""}
        say(f"sent {loop.send_notices(project, planned, place, given):,}")
    if not place:
        say(f"{many(len(planned.notices), 'user')} would hear; --to PLACE sends")
    for reason, count in planned.left_out.items():
        click.echo(f"  complaints left out, {reason}: {count:,}")
