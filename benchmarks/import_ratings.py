"""How long ratings of a PostgreSQL table take to become events, beside the bare reading of the same rows.

    python benchmarks/import_ratings.py [--rows 4000000] [--kill 60]     # needs PostgreSQL's programs

The bare reading is the same query through the same driver, every row fetched and dropped. The import is a process of
``evalloop capture``; with ``--kill`` it is killed with SIGKILL after so many seconds and run again, and what is then in
the store is counted.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import environment
from sqlalchemy import create_engine, text

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from conftest import start_postgres

from evalloop.store.sqlrows import Query

ROWS = "SELECT * FROM ratings"
RATINGS = Path(__file__).parent.parent / "tests" / "data" / "ratings.yaml"
FILL = """INSERT INTO ratings SELECT n, 'r-' || n, n % 50000, n % 5 + 1, 'eu',
timestamp '2026-01-01' + n * interval '1 second'
FROM generate_series(1, :rows) AS n"""


def fill(address: str, rows: int) -> None:
    """A table of that many ratings of 50,000 users."""
    with create_engine(address.replace("postgresql://", "postgresql+psycopg://")).begin() as connection:
        connection.execute(text("CREATE TABLE ratings (id BIGINT PRIMARY KEY, answer TEXT, user_id INTEGER, "
                                "stars SMALLINT, region TEXT, at TIMESTAMP)"))
        connection.execute(text(FILL), {"rows": rows})


def captured(address: str, folder: Path, kill: float = 0.0) -> tuple[float, float, str]:
    """Seconds and CPU seconds of one import, and what it says; it is killed after ``kill`` seconds."""
    command = [sys.executable, "-m", "evalloop", "capture", address, "--query", ROWS, "--cursor", "id", "--mapping",
               "ratings.yaml", "--json"]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=environment(folder), stdout=subprocess.PIPE, text=True)
    try:
        said = process.communicate(timeout=kill or None)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        said = process.communicate()[0]
    took, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, said


def stored(folder: Path) -> tuple[int, int]:
    """Events in the store, and different ids among them."""
    file = next((folder / ".evalloop").glob("*.sqlite"))
    with sqlite3.connect(file) as connection:
        found: tuple[int, int] = connection.execute("SELECT count(*), count(DISTINCT event_id) FROM events").fetchone()
    return found


def main() -> None:
    """Prints rows, seconds and rows per second of both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--kill", type=float, default=0.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="evalloop-pg-") as name, tempfile.TemporaryDirectory() as work:
        server = start_postgres(Path(name))
        try:
            address, folder = server.database("shop"), Path(work)
            fill(address, given.rows)
            (folder / "evalloop.toml").write_text("")
            shutil.copy(RATINGS, folder)
            started = time.perf_counter()
            assert sum(1 for _ in Query(address, ROWS, "id").rows()) == given.rows
            bare = time.perf_counter() - started
            print(f"bare reading {bare:8.1f} s {given.rows / bare:10,.0f} rows/s", flush=True)
            total = cpu = 0.0
            if given.kill:
                total, cpu, said = captured(address, folder, given.kill)
                print(f"killed after {total:8.1f} s; {stored(folder)[0]:,} events are in the store {said}", flush=True)
            took, used, said = captured(address, folder)
            total, cpu = total + took, cpu + used
            told = json.loads(said)
            print(f"last run     {took:8.1f} s: {told['rows']:,} rows, {told['stored']:,} stored, "
                  f"{told['already']:,} were there")
            print(f"import       {total:8.1f} s {given.rows / total:10,.0f} rows/s  ({cpu:.1f} s CPU, "
                  f"{1e6 * cpu / given.rows:.0f} us a row)  ratio {total / bare:.1f}")
            print("events in the store, and different ids:", *stored(folder))
        finally:
            server.control("-m", "immediate", "stop")


if __name__ == "__main__":
    main()
