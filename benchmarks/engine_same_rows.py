"""The same analyses on DuckDB and on Spark: do they give the same rows, and how long do they take?

    python benchmarks/engine_same_rows.py [--events 50000] [--engine cluster|local[2]|spark://...] [--threads 2]
    python benchmarks/engine_same_rows.py --events 20000000 --only duckdb --memory 4GB
    python benchmarks/engine_same_rows.py --events 98000000 --memory 3GB --folder /tmp/engines

``cluster`` starts an Apache Spark standalone cluster on this machine: a master and two worker processes of one core
each (Java 17 and pip's pyspark). Both engines read the same Parquet files (``synthetic_lake.py`` and, so that
every rule has something to do, ``odd_events.py``) and run the product's own expressions: sessions and turns, all
detectors, the fused score, capture rate by day, surface and plan, the cells that weights are fitted to, the weights,
weekly theme shares, preference pairs, and the labels and features that a score is fitted on. Every result is written as
Parquet by the engine that made it, and compared row by row, as multisets; exit 1 when a single row differs. With
``--folder``
the lake and each engine's rows stay there: called again, what is complete is taken from there.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import odd_events
import pyarrow as pa
import synthetic_lake

from evalloop import engine as door
from evalloop.preferences.select import regenerated
from evalloop.signals import evalloop_detectors, scored
from evalloop.signals.abuse import suspicious, votes_of
from evalloop.signals.capturing import keyed_turns, sums_by_unit
from evalloop.signals.derive import derive, together
from evalloop.signals.evidence import gather
from evalloop.signals.labels import labelled_turns, said_of
from evalloop.signals.noticed import noticed, weighted
from evalloop.store.columns import schema

Table = Any
TENTHS = 10_000
"""Weights are whole ten-thousandths in theme shares, so that their sums are the same in every order."""


# ---- the analyses ----------------------------------------------------------------------------------------------------


def analyses(engine: Any, files: list[str]) -> Iterator[tuple[str, Table]]:
    """The name and the rows of each analysis, one after the other."""
    ibis = door.ibis
    evidence = gather(engine, engine.parquet(files, schema()))
    turns = evidence.turns
    yield "turns", turns.drop("segment")
    signals = derive(evidence, evalloop_detectors())
    every = engine.view(together(signals))
    yield "signals", every
    accounts = suspicious(votes_of(evidence, every))
    judged = engine.view(scored.judged_apart(engine, every, accounts))
    scores = engine.keep(scored.scores(evidence, judged))
    yield "scores", scores.drop("segment")
    acts = engine.keep(keyed_turns(evidence, every))
    answered = acts.filter(acts.answered)
    for by, key in (("day", answered.day.cast("string")), ("surface", answered.surface),
                    ("plan", answered.segment["plan"])):
        rows = answered.mutate(value=key).group_by("value", "session_id").aggregate(
            hit=answered.usable.max(), unit=answered.unit.min())
        yield f"capture rate by {by}", sums_by_unit(rows, "value")
    yield "cells", scored.cells(scores)
    failed = engine.keep(scored.failing(scores, judged, 0.5))
    found = noticed(evidence, failed, judged, 0.5)
    yield "failures", found.drop("segment")
    weights = engine.keep(tenths(engine, weighted(engine, found, scores, accounts)[0]))
    yield "weights", weights
    themes = turns.select("response_id", "user_key", theme="prompt_name", week=((turns.day + 3) // 7).cast("int64"))
    yield "theme shares", theme_shares(weights.inner_join(themes, "response_id"))
    yield "pairs", regenerated(evidence, every)
    labels = engine.keep(labelled_turns(evidence, judged))
    yield "labels", labels.left_join(said_of(labels, judged), "row").drop("row_right")
    yield "counts", engine.rows([pa.table({"name": list(evidence.counts), "n": list(evidence.counts.values())})],
                                pa.schema([("name", pa.string()), ("n", pa.int64())])).select(
                                    "name", n=ibis._.n)


def tenths(engine: Any, weighted: pa.Table) -> Table:
    """(response_id, weight): the weights as whole ten-thousandths."""
    made = pa.table({"response_id": weighted.column("response_id"),
                     "weight": np.round(weighted.column("weight").to_numpy() * TENTHS).astype(np.int64)})
    return engine.rows([made], made.schema)


def theme_shares(failures: Table) -> Table:
    """By week and theme the sums that a weighted share and its interval by user are made of."""
    units = failures.group_by("week", "theme", "user_key").aggregate(n=failures.count(),
                                                                     weight=failures.weight.sum().cast("int64"))
    return units.group_by("week", "theme").aggregate(
        users=units.count(), failures=units.n.sum().cast("int64"), weight=units.weight.sum().cast("int64"),
        squares=(units.weight * units.weight).sum().cast("int64"))


# ---- engines ---------------------------------------------------------------------------------------------------------


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])


@contextmanager
def cluster(folder: Path, java: str = "") -> Iterator[str]:
    """A standalone cluster: its address; ended with the block. ``java`` are options of all its processes."""
    import pyspark

    home = Path(pyspark.__file__).parent
    os.environ["JAVA_TOOL_OPTIONS"] = f"{os.environ.get('JAVA_TOOL_OPTIONS', '')} {java}".strip()
    env = {**os.environ, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable,
           "SPARK_WORKER_DIR": str(folder / "work"), "SPARK_LOCAL_DIRS": str(folder / "local"),
           "SPARK_DAEMON_MEMORY": "256m"}
    os.environ.update({name: env[name] for name in ("SPARK_LOCAL_IP", "PYSPARK_PYTHON", "SPARK_LOCAL_DIRS")})
    address = f"spark://127.0.0.1:{free_port()}"
    host = ["--host", "127.0.0.1"]
    commands = [["org.apache.spark.deploy.master.Master", *host, "--port", address.rpartition(":")[2],
                 "--webui-port", str(free_port())]]
    commands += [["org.apache.spark.deploy.worker.Worker", *host, "--webui-port", str(free_port()), "--cores", "1",
                  "--memory", "5g", address] for _ in range(2)]
    with (folder / "cluster.log").open("w") as log:
        started = [subprocess.Popen([str(home / "bin" / "spark-class"), *command], env=env, stdout=log, stderr=log)
                   for command in commands]
        try:
            yield address
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(timeout=30)


OPTIONS = {"spark.executor.memory": "2g", "spark.driver.memory": "2g", "spark.executor.cores": "1",
           "spark.sql.shuffle.partitions": "2", "spark.cores.max": "2"}
SMALL: Mapping[str, str] = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN",
                            "spark.sql.adaptive.enabled": "false"}
"""To compile each query takes longer than to run it on few rows."""
FEW = 200_000
LARGE: Mapping[str, str] = {"spark.executor.memory": "4g", "spark.driver.memory": "4g",
                            "spark.driver.maxResultSize": "2g"}
PARTITION = 600_000
"""Events of a partition that a core sorts in memory."""
QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Six Java processes that live for minutes lose more by thorough compiling than they win."""
SOME = 1_000_000


def sized(events: int) -> Mapping[str, str]:
    """What Spark is set to for so many events."""
    if events <= FEW:
        return SMALL
    return {**LARGE, "spark.sql.shuffle.partitions": str(events // PARTITION)} if events > SOME else {}


def run(address: str, files: list[str], out: Path, *, memory: str = "", threads: int = 0,
        events: int = 0) -> dict[str, float]:
    """Runs every analysis on an engine and writes its rows below ``out``; seconds by analysis."""
    times: dict[str, float] = {}
    before = time.monotonic()
    options: dict[str, Any] = {"memory": memory, "threads": threads, "scratch": out / "scratch"}
    if address != "duckdb":
        options = {"options": {**OPTIONS, **sized(events)}}
    with door.open_engine(address, **options) as engine:
        for name, table in analyses(engine, files):
            engine.write(table, out / name)
            times[name] = time.monotonic() - before
            print(f"  {address.partition(':')[0]:8} {name:24} {times[name]:8.1f} s", file=sys.stderr, flush=True)
            before = time.monotonic()
    (out / "seconds.json").write_text(json.dumps(times))
    return times


def differing(one: Path, other: Path) -> dict[str, tuple[int, int]]:
    """(rows, rows that one side has and the other has not) of each analysis."""
    found = {}
    with duckdb.connect(config={"memory_limit": "8GB", "temp_directory": str(one / "scratch")}) as con:
        for folder in sorted(each for each in one.iterdir() if each.is_dir() and each.name != "scratch"):
            here, there = f"'{folder}/*.parquet'", f"'{other / folder.name}/*.parquet'"
            rows = con.execute(f"select count(*) from {here}").fetchone()
            apart = con.execute(
                f"select (select count(*) from (select * from {here} except all select * from {there})) + "
                f"(select count(*) from (select * from {there} except all select * from {here}))").fetchone()
            assert rows is not None
            assert apart is not None
            found[folder.name] = (rows[0], apart[0])
    return found


def main() -> int:
    """Compares, prints rows and seconds."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--engine", default="cluster")
    parser.add_argument("--only", choices=["duckdb"], help="run DuckDB alone, for its time and memory")
    parser.add_argument("--memory", default="", help="bound of DuckDB's memory, as 4GB")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where files go and stay (default: a temporary folder, removed)")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="evalloop-same-rows-"))
    try:
        return compare(given, folder, lake(folder / f"lake-{given.events}", given.events))
    finally:
        if given.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


def lake(folder: Path, events: int) -> list[str]:
    """The files of a lake, written by a process of its own, so that its memory is not the analyses'."""
    done = folder / "complete"
    if not done.exists():
        subprocess.run([sys.executable, synthetic_lake.__file__, "--events", str(events), "--out", str(folder)],
                       check=True, stdout=sys.stderr)
        odd_events.make(folder, min(events // 100, odd_events.MOST))
        done.touch()
    return synthetic_lake.files(folder)


def earlier(out: Path) -> dict[str, float] | None:
    """The seconds by analysis of a run whose rows are complete below ``out``."""
    times = out / "seconds.json"
    return dict(json.loads(times.read_text())) if times.exists() else None


def compare(given: argparse.Namespace, folder: Path, files: list[str]) -> int:
    """Runs one engine or both on the files."""
    here = folder / f"duckdb-{given.events}"
    first = earlier(here) or run("duckdb", files, here, memory=given.memory, threads=given.threads)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"duckdb: {given.events:,} events in {sum(first.values()):.1f} s, peak {peak:.1f} GB", flush=True)
    if given.only:
        print(json.dumps({name: round(each, 1) for name, each in first.items()}))
        return 0
    there = folder / f"spark-{given.events}"
    second = earlier(there)
    if second is None and given.engine == "cluster":
        with cluster(folder, QUICK if given.events <= SOME else "") as address:
            second = run(address, files, there, events=given.events)
    elif second is None:
        second = run(given.engine, files, there, events=given.events)
    found = differing(here, there)
    print(f"{'analysis':26} {'rows':>12} {'differ':>8} {'duckdb s':>9} {'spark s':>9}")
    for name, (rows, apart) in found.items():
        print(f"{name:26} {rows:12,} {apart:8,} {first[name]:9.1f} {second[name]:9.1f}")
    return int(any(apart for _, apart in found.values()))


if __name__ == "__main__":
    sys.exit(main())
