"""Events that lie in a warehouse already, read where they are through Ibis; nothing is copied into the inbox."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from evalloop.errors import ConfigError, UsageError

BATCH = 20_000
NAMES = {"postgresql": "postgres", "postgres": "postgres"}


def read_warehouse(address: str) -> Iterator[tuple[str, str | None]]:
    """(event as JSON, received_at) of each row of a table or view; ``address`` is ``BACKEND://...#TABLE``.

    The table has a column ``body`` (JSON or text; rows without one are passed over), and may have ``received_at``
    (ISO 8601 text or a timestamp). ConfigError for an address without a table, or a backend that is not installed;
    UsageError when the warehouse cannot be read.
    """
    place, _, name = address.partition("#")
    backend, _, rest = place.partition("://")
    if not name or not rest:
        raise ConfigError("the address of a warehouse names no table", key="warehouse",
                          fix="write postgresql://user@host/database#schema.table")
    import ibis

    backend = NAMES.get(backend, backend)
    try:
        table = _table(ibis.connect(f"{backend}://{rest}"), name)
        if "body" not in table.columns:
            raise UsageError(f"{name} has no column body", fix="make a view that builds each event as JSON there")
        found = table.filter(table.body.notnull()).select(
            body=table.body.cast("string"), received_at=_received(ibis, table))
        for batch in found.to_pyarrow_batches(chunk_size=BATCH):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
    except UsageError:
        raise
    except ImportError as error:
        raise ConfigError(f"the driver of {backend} is not installed: {error}", key="warehouse",
                          fix=f"python -m pip install 'ibis-framework[{backend}]'") from None
    except Exception as error:  # each backend has errors of its own
        text = re.sub(r"//[^@/]*@", "//", f"{type(error).__name__}: {error}".splitlines()[0])
        raise UsageError(f"the warehouse {backend} cannot be read: {text}",
                         fix="check the address, the rights, and the table") from None


def _table(connection: Any, name: str) -> Any:
    schema, _, table = name.rpartition(".")
    return connection.table(table, database=schema) if schema else connection.table(table)


def _received(ibis: Any, table: Any) -> Any:
    if "received_at" not in table.columns:
        return ibis.null("string")
    column = table.received_at
    return column.strftime("%Y-%m-%dT%H:%M:%SZ") if column.type().is_timestamp() else column.cast("string")
