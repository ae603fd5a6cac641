"""``evalloop keys``: who may send events to a collector."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from evalloop import loop
from evalloop.cli.printing import say
from evalloop.printable import one_line
from evalloop.records.times import now_text

if TYPE_CHECKING:
    from evalloop.records.key import Key

EPILOG = """\b
Examples:
  evalloop keys create pk --origin https://app.example --label web
  evalloop keys create sk --scope write --scope read --label backend
  evalloop keys rotate sk_1a2b3c4d5e6f --hours 24
  evalloop keys revoke pk_1a2b3c4d5e6f
"""


@click.group("keys", epilog=EPILOG)
def command() -> None:
    """Create, list, revoke and rotate the keys of a collector.

    A publishable key (pk) may lie open in a page: it can only add feedback and signals, from the pages that it names.
    A secret key (sk) belongs to a server. Secrets are shown once and kept as hashes.
    """


@command.command("create")
@click.argument("kind", type=click.Choice(["pk", "sk"]))
@click.option("--label", default="", help="what the key is for")
@click.option("--origin", "origins", multiple=True, metavar="URL", help="pk: pages that may use it, as "
              "https://app.example or https://*.app.example ('*': any page, and apps that are no pages)")
@click.option("--scope", "scopes", multiple=True, help="sk: write (default), read, metrics, webhook, erase")
@click.option("--rate", type=click.FloatRange(0), help="events a second at most (default: pk 100, sk no limit)")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="days until it expires")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def create(kind: str, label: str, origins: tuple[str, ...], scopes: tuple[str, ...], rate: float | None,
           days: float | None, as_json: bool) -> None:
    """Make a key and show its secret, once."""
    key, secret = loop.create_key(loop.open_project(), kind, label, scopes=scopes, origins=origins, rate=rate,
                                  days=days)
    _show(key, secret, as_json=as_json)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def list_(as_json: bool) -> None:
    """List all keys, also those that are revoked."""
    keys = loop.list_keys(loop.open_project())
    if as_json:
        click.echo(json.dumps([key.to_dict() for key in keys], indent=1))
        return
    for key in keys:
        say(_line(key))
    if not keys:
        click.echo("no keys yet: evalloop keys create")


@command.command("revoke")
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """End a key at once: running collectors refuse it within seconds."""
    say(_line(loop.revoke_key(loop.open_project(), key_id)))


@command.command("rotate")
@click.argument("key_id")
@click.option("--hours", default=24.0, show_default=True, type=click.FloatRange(0), help="hours the old one works")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def rotate(key_id: str, hours: float, as_json: bool) -> None:
    """Make a key like the named one, which stops to work some hours later."""
    key, secret = loop.rotate_key(loop.open_project(), key_id, hours=hours)
    _show(key, secret, as_json=as_json)


def _show(key: Key, secret: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({**key.to_dict(), "secret": secret}, indent=1))
        return
    click.echo(secret)
    click.echo(f"shown only now; {_line(key)}", err=True)


def _line(key: Key) -> str:
    now = now_text()
    state = "revoked" if key.revoked_at else "expired" if not key.active(now) else "active"
    until = f" until {key.expires_at[:16]}Z" if key.expires_at and state == "active" else ""
    may = f"from {', '.join(key.origins)}" if key.kind == "pk" else f"scopes {', '.join(key.scopes)}"
    rate = f", {key.rate:g} events/s" if key.rate else ""
    label = f" ({one_line(key.label, limit=60)})" if key.label else ""
    return f"{key.key_id}{label}: {state}{until}, {one_line(may, limit=200)}{rate}, made {key.created_at[:10]}"
