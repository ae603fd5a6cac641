"""What the scripts that kill processes share: their options, and a folder with a store for one run."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))


@contextmanager
def postgres() -> Iterator[str]:
    """The address of a database on a server that ends with this."""
    from conftest import start_postgres

    with tempfile.TemporaryDirectory(prefix="evalloop-pg-") as name:
        server = start_postgres(Path(name))
        try:
            yield server.database("kills")
        finally:
            server.control("-m", "immediate", "stop")


def run(description: str | None, options: Mapping[str, int], soak: Callable[..., dict[str, Any]],
        wrong: tuple[str, ...]) -> int:
    """Calls ``soak(folder, **options)`` in a new project and prints what it saw as JSON; 1 when a figure that is named
    in ``wrong`` is not 0. ``options`` are numbers with their defaults; ``--store`` says where the store is."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", default="")
    for name, default in options.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    given = vars(parser.parse_args())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evalloop-kill-")))
        store = given.pop("store")
        store = store if store != "postgresql" else stack.enter_context(postgres())
        (folder / "evalloop.toml").write_text(f"store = {json.dumps(store)}\n")
        seen = soak(folder, **given)
    print(json.dumps(seen))
    return int(any(seen[name] for name in wrong))
