"""``evalloop config``: every setting, its value and where it came from."""

from __future__ import annotations

import json
import re
from typing import Any

import click

from evalloop.cli.printing import say
from evalloop.config import BY_NAME
from evalloop.loop import open_project


@click.command("config", epilog="Example: EVALLOOP_CONCURRENCY=8 evalloop config")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def command(as_json: bool) -> None:
    """List settings, their values, and where those came from."""
    config = open_project().config
    rows = {name: {"value": _shown(name, each.value), "source": each.source, "help": BY_NAME[name].help}
            for name, each in config.values.items() if name in BY_NAME}
    if as_json:
        click.echo(json.dumps({"root": str(config.root), "settings": rows}, indent=1))
        return
    click.echo(f"project: {config.root}")
    for name, row in rows.items():
        say(f"{name} = {row['value']!r}  [{row['source']}]\n    {row['help']}")


def _shown(name: str, value: Any) -> Any:
    """A value without its secret: the salt, and the password of an address."""
    if name == "salt" and value:
        return "(set)"
    return re.sub(r"(://[^/@\s:]*):[^/\s]*@", r"\1:(set)@", value) if isinstance(value, str) else value
