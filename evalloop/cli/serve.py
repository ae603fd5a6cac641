"""``evalloop serve``: the collector."""

from __future__ import annotations

import click

from evalloop import loop, web

EPILOG = """\b
Examples:
  evalloop keys create pk --origin https://app.example
  evalloop serve
  evalloop serve --host 0.0.0.0 --port 8000 --store postgresql://evalloop@db/evalloop
  EVALLOOP_MASKER=presidio evalloop serve --workers 4
  EVALLOOP_WEBHOOK_ZENDESK_SECRET=... evalloop serve --webhook zendesk
"""


@click.command("serve", epilog=EPILOG)
@click.option("--host", default="127.0.0.1", show_default=True, help="address to listen on")
@click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535), help="port (0: any free one)")
@click.option("--store", help="database of the event store (postgresql://...; default: the setting store)")
@click.option("--webhook", "webhooks", multiple=True, metavar="NAME[=FILE]", help="take signed webhooks at "
              "/v1/webhooks/NAME, by a mapping file or a built-in one (generic, hubspot, zendesk); the secret is in "
              "EVALLOOP_WEBHOOK_NAME_SECRET")
@click.option("--address-rate", default=0.0, show_default=True, type=click.FloatRange(0),
              help="events a second of one network address at most (0: no limit)")
@click.option("--max-body", default=8.0, show_default=True, type=click.FloatRange(min=0, min_open=True),
              help="megabytes of a request at most")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64),
              help="processes that check and store events")
def command(host: str, port: int, store: str | None, webhooks: tuple[str, ...], address_rate: float,
            max_body: float, workers: int) -> None:
    """Take events over HTTP until Ctrl-C or SIGTERM: POST /v1/events.

    An event is answered when it is on the disk. docs/collector.md describes the protocol, GET /openapi.json too.
    Requests need a key: evalloop keys create. Personal data is masked first: by forms, or with EVALLOOP_MASKER=presidio
    (setting masker; needs the extra presidio) also names, places and account numbers, see docs/capture.md.
    """
    project = loop.open_project(store=store)
    hooks = loop.open_webhooks(project, webhooks)

    def ready(address: str) -> None:
        click.echo(f"collecting events at {address}/v1/events", err=True)

    events = loop.open_events(project)
    if not events.keys.all():
        click.echo("no key yet, so every request is refused: evalloop keys create", err=True)
    web.serve(events, loop.salt_of(project), host=host, port=port, ready=ready, body=int(max_body * 1_048_576),
              address_rate=address_rate, webhooks=hooks, workers=workers, masking=project.masking)
