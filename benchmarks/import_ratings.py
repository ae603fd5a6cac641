"""How long ratings of a PostgreSQL table take to become events, and what an import adds to reading the same rows.

    python benchmarks/import_ratings.py [ROWS]        # default 400,000; needs PostgreSQL's programs

The bare reading is the same query through the same driver, every row fetched and dropped.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import create_engine, text

sys.path.insert(0, str(Path(__file__).parent.parent))
from evalloop import config, loop
from evalloop.store.sqlrows import Query
from tests.capture.test_tables import MAPPING, ROWS
from tests.conftest import start_postgres

FILL = """INSERT INTO ratings SELECT n, 'r-' || n, n % 50000, n % 5 + 1, 'eu',
timestamp '2026-01-01' + n * interval '1 second'
FROM generate_series(1, :rows) AS n"""


def fill(address: str, rows: int) -> None:
    """A table of that many ratings of 50,000 users."""
    with create_engine(address.replace("postgresql://", "postgresql+psycopg://")).begin() as connection:
        connection.execute(text("CREATE TABLE ratings (id BIGINT PRIMARY KEY, answer TEXT, user_id INTEGER, "
                                "stars SMALLINT, region TEXT, at TIMESTAMP)"))
        connection.execute(text(FILL), {"rows": rows})


def main() -> None:
    """Prints rows, seconds and rows per second of both."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 400_000
    with tempfile.TemporaryDirectory(prefix="evalloop-pg-") as name, tempfile.TemporaryDirectory() as work:
        server = start_postgres(Path(name))
        try:
            address = server.database("shop")
            fill(address, rows)
            started = time.perf_counter()
            read = sum(1 for _ in Query(address, ROWS, "id").rows())
            bare = time.perf_counter() - started
            folder = Path(work)
            (folder / "evalloop.toml").write_text("")
            (folder / "ratings.yaml").write_text(MAPPING)
            project = loop.Project(config.load(folder, {}))
            started, cpu = time.perf_counter(), time.process_time()
            result = loop.capture(project, address, loop.Reading(folder / "ratings.yaml", query=ROWS, cursor="id"))
            took, used = time.perf_counter() - started, time.process_time() - cpu
            assert result.stored == rows == read, result
        finally:
            server.control("-m", "immediate", "stop")
    print(f"bare reading {bare:8.1f} s {rows / bare:10,.0f} rows/s")
    print(f"import       {took:8.1f} s {rows / took:10,.0f} rows/s  ({used:.1f} s CPU)  ratio {took / bare:.1f}")


if __name__ == "__main__":
    main()
