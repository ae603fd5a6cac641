"""Engines that run Ibis expressions: DuckDB in this process, or Apache Spark (local, a cluster, Spark Connect).

An expression is written once and says the same on both. What the engines differ in lives here: how Parquet is read,
how an intermediate table is kept, how rows come in and go out as Arrow batches, and how a Python function is applied to
batches (on Spark by ``mapInArrow``, where the data is).
"""

from __future__ import annotations

import tempfile
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from evalloop.engine.addresses import hadoop_address, hadoop_unglobbed, quoted, unglobbed
from evalloop.engine.compiled import Compiler, named, numbers, query_of, schema_of, size_of
from evalloop.errors import ConfigError, EvalloopError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

Table = Any
"""An Ibis table expression."""
Function = Callable[["pa.RecordBatch"], "pa.RecordBatch"]
BATCH, ROWS = 50_000, 1_000
SCRATCH = ("set checkpoint_threshold = '1TB'", "pragma disable_checkpoint_on_shutdown",
           "set parquet_metadata_cache = true")
"""The database of kept tables need not survive its process: it is never brought to order on the disk. Every kept table
reads the same files of the lake, whose footers are read once."""
MEASURED = {"spark.sql.autoBroadcastJoinThreshold": "-1", "spark.sql.adaptive.autoBroadcastJoinThreshold": "10MB"}
"""Spark sends a table whole to every worker once its size was measured, not by a guess from compressed files: of twenty
million events it took two columns for 10 MB, and they were gigabytes."""
SPARK = ("spark://", "sc://", "local", "yarn", "k8s://")


class Engine(ABC):
    """What an engine can do; tables are Ibis expressions and nothing runs before it must.

    Tables are bound to no connection and are numbered as they are made: the same work on another engine of the same
    kind gives the same expressions, which are compiled once in a process.
    """

    name = ""
    backend: Any

    def __init__(self, mark: str = "") -> None:
        self._numbers, self._mark = count(), mark

    def _name(self, what: str) -> str:
        return f"{what}{self._mark}_{next(self._numbers)}"

    def query(self, table: Table) -> str:
        """The SQL of an expression."""
        return query_of(self.name, table.op(), Compiler(self.backend))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    @abstractmethod
    def parquet(self, addresses: Sequence[str], schema: pa.Schema) -> Table:
        """The rows of Parquet files of one schema; no file gives a table without rows."""

    @abstractmethod
    def rows(self, tables: Iterable[pa.Table], schema: pa.Schema) -> Table:
        """Rows that Python has, read at once."""

    @abstractmethod
    def view(self, table: Table) -> Table:
        """The same table under a name of its own: what is built on it is compiled faster, nothing is computed."""

    @abstractmethod
    def keep(self, table: Table) -> Table:
        """The table computed once and held outside of memory until the engine is closed."""

    @abstractmethod
    def batches(self, table: Table) -> Iterator[pa.RecordBatch]:
        """The rows as Arrow batches of at most ``BATCH`` rows."""

    @abstractmethod
    def apply(self, table: Table, function: Function, schema: pa.Schema) -> Table:
        """The rows that ``function`` makes of each batch, kept; the function must be one that pickles."""

    @abstractmethod
    def write(self, table: Table, folder: Path) -> None:
        """Writes the rows as Parquet files into a folder."""

    @abstractmethod
    def close(self) -> None:
        """Gives back files and connections."""

    def count(self, table: Table) -> int:
        """The number of rows."""
        return int(self.first(size_of(table))["n"])

    def first(self, table: Table) -> dict[str, Any]:
        """The first row; for tables of one row."""
        return next(self.records(table))

    def records(self, table: Table) -> Iterator[dict[str, Any]]:
        """The rows as dicts, streamed."""
        for batch in self.batches(table):
            yield from (row for start in range(0, batch.num_rows, ROWS) for row in batch.slice(start, ROWS).to_pylist())

    def arrow(self, table: Table) -> pa.Table:
        """All rows in memory."""
        import pyarrow as pa

        found = list(self.batches(table))
        return pa.Table.from_batches(found) if found else pa.Table.from_pylist([], schema=table.schema().to_pyarrow())


class DuckDB(Engine):
    """DuckDB; ``memory`` (``4GB``) and ``threads`` bound what it takes.

    Tables that are kept lie in a database in the folder ``scratch``, without one in memory.
    """

    name = "duckdb"

    def __init__(self, *, memory: str = "", threads: int = 0, scratch: Path | None = None) -> None:
        import duckdb
        import ibis

        super().__init__()
        self._schema = ""
        if scratch:
            scratch.mkdir(parents=True, exist_ok=True)
        self._folder = tempfile.TemporaryDirectory(prefix="evalloop-engine-", dir=scratch, ignore_cleanup_errors=True)
        bounds: dict[str, Any] = {**({"memory_limit": memory} if memory else {}),
                                  **({"threads": threads} if threads else {})}
        place = f"{self._folder.name}/scratch.duckdb" if scratch else ":memory:"
        try:
            self.backend = ibis.duckdb.connect(
                place, temp_directory=f"{self._folder.name}/spill", preserve_insertion_order=False,
                autoinstall_known_extensions=False, autoload_known_extensions=False, **bounds)
        except duckdb.ParserException as error:
            raise ConfigError(f"{memory!r} is no size of memory: {error}", key="engine_memory",
                              fix="write a number and its unit, as 4GB") from None
        for setting in SCRATCH:
            self.backend.raw_sql(setting)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        import duckdb

        super().__exit__(kind, error, trace)
        while error is not None and not isinstance(error, duckdb.OutOfMemoryException):
            error = error.__cause__  # a detector that broke tells of the engine's error
        if error is not None:
            raise ConfigError(f"the engine has not enough memory: {str(error).splitlines()[0]}", key="engine_memory",
                              fix="allow it more, as 4GB, or leave the setting out") from None

    def branch(self) -> DuckDB:
        """An engine with tables of its own in the same database, which is made at once; closed with this one."""
        import ibis

        made = DuckDB.__new__(DuckDB)
        Engine.__init__(made)
        made._folder, made._schema = self._folder, self._name("branch")
        self.backend.raw_sql(f'create schema "{made._schema}"')
        made.backend = ibis.duckdb.from_connection(self.backend.con.cursor())
        made.backend.raw_sql(f'use "{made._schema}"')
        return made

    def parquet(self, addresses: Sequence[str], schema: pa.Schema) -> Table:
        name = self._name("parquet")
        if not addresses:
            return self.rows([], schema)
        self._objects(addresses[0])
        paths = ", ".join(quoted(unglobbed(each)) for each in addresses)
        self.backend.raw_sql(f'create view "{name}" as select * from '  # noqa: S608 - quoted
                             f"read_parquet([{paths}], hive_partitioning = false, union_by_name = false)")
        return named(name, schema_of(schema))

    def _objects(self, address: str) -> None:
        """Lets DuckDB read an address that is no path through fsspec."""
        if "://" in address:
            import fsspec

            self.backend.con.register_filesystem(fsspec.filesystem(address.partition("://")[0]))

    def rows(self, tables: Iterable[pa.Table], schema: pa.Schema) -> Table:
        import pyarrow as pa

        name, failed = self._name("rows"), list[EvalloopError]()
        reader = pa.RecordBatchReader.from_batches(schema, _record_batches(tables, failed))
        self.backend.con.register(f"{name}_in", reader)
        try:
            self.backend.raw_sql(f'create table "{name}" as select * from "{name}_in"')  # noqa: S608 - our own name
        except Exception:
            if failed:
                raise failed[0] from None
            raise
        finally:
            self.backend.con.unregister(f"{name}_in")
        return named(name, schema_of(schema))

    def view(self, table: Table) -> Table:
        name = self._name("view")
        self.backend.raw_sql(f'create view "{name}" as {self._typed(table)}')
        return named(name, table.schema())

    def keep(self, table: Table) -> Table:
        name = self._name("kept")
        self.backend.raw_sql(f'create table "{name}" as {self._typed(table)}')
        return named(name, table.schema())

    def _typed(self, table: Table) -> str:
        """The query of a table in the types of its schema: DuckDB makes a plain 0.5 a decimal, a sum a huge integer."""
        casts = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in numbers(table).items())
        if not casts:
            return self.query(table)
        return f"select * replace ({casts}) from ({self.query(table)})"  # noqa: S608 - names of our own tables

    def batches(self, table: Table) -> Iterator[pa.RecordBatch]:
        cursor = self.backend.con.cursor()
        if self._schema:
            cursor.execute(f'use "{self._schema}"')
        reader = cursor.sql(self.query(table)).to_arrow_reader(BATCH)
        schema = table.schema().to_pyarrow()
        return (batch.cast(schema) for batch in reader)

    def first(self, table: Table) -> dict[str, Any]:
        found = self.backend.con.sql(self.query(table)).to_arrow_table()
        row: dict[str, Any] = found.cast(table.schema().to_pyarrow()).slice(0, 1).to_pylist()[0]
        return row

    def apply(self, table: Table, function: Function, schema: pa.Schema) -> Table:
        import pyarrow as pa

        with tempfile.TemporaryDirectory(dir=self._folder.name) as folder:
            self.write(table, Path(folder))
            batches = _file_batches(sorted(Path(folder).glob("*.parquet")))
            return self.rows((pa.Table.from_batches([function(each)], schema=schema) for each in batches), schema)

    def write(self, table: Table, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        query = self._typed(table)
        place = quoted(str(folder / "part-0.parquet"))
        self.backend.raw_sql(f"copy ({query}) to {place} (format parquet, compression zstd)")

    def close(self) -> None:
        self.backend.disconnect()
        if not self._schema:
            self._folder.cleanup()


def _record_batches(tables: Iterable[pa.Table], failed: list[EvalloopError]) -> Iterator[pa.RecordBatch]:
    """The batches of the tables; notes an error of our own, which would come back as one of DuckDB's."""
    try:
        for table in tables:
            yield from table.to_batches()
    except EvalloopError as error:
        failed.append(error)
        raise


def _file_batches(files: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq

    for file in files:
        yield from pq.ParquetFile(file).iter_batches(BATCH)


class Spark(Engine):
    """Apache Spark: ``local[*]``, ``spark://host:port`` (a standalone cluster), ``sc://host:port`` (Spark Connect).

    ``options`` are Spark settings. Executors must see the lake, and have evalloop installed where Python functions
    are applied.
    """

    name = "spark"

    def __init__(self, address: str, **options: str) -> None:
        import ibis
        from pyspark.sql import SparkSession

        super().__init__("_" + uuid.uuid4().hex[:8])  # engines of one process share a session and its names
        builder = SparkSession.builder
        builder = builder.remote(address) if address.startswith("sc://") else builder.master(address)
        settings = {"spark.sql.session.timeZone": "UTC", "spark.sql.ansi.enabled": "false",
                    "spark.sql.execution.arrow.maxRecordsPerBatch": str(BATCH),
                    "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false",
                    "spark.sql.shuffle.partitions": "16", **MEASURED, **options}
        for key, value in settings.items():
            if not (address.startswith("sc://") and key.startswith("spark.ui.")):
                builder = builder.config(key, value)
        self.session = builder.appName("evalloop").getOrCreate()
        self.backend = ibis.pyspark.connect(self.session)

    def _table(self, frame: Any, schema: Any) -> Table:
        name = self._name("table")
        frame.createOrReplaceTempView(name)
        return named(name, schema)

    def parquet(self, addresses: Sequence[str], schema: pa.Schema) -> Table:
        if not addresses:
            return self.rows([], schema)
        paths = [each if "://" in each else hadoop_unglobbed(hadoop_address(Path(each))) for each in addresses]
        return self._table(self.session.read.parquet(*paths), schema_of(schema))

    def rows(self, tables: Iterable[pa.Table], schema: pa.Schema) -> Table:
        import pyarrow as pa

        found = list(tables)
        return self._table(self.session.createDataFrame(
            pa.concat_tables(found) if found else schema.empty_table(), schema=_spark_schema(schema)),
            schema_of(schema))

    def _frame(self, table: Table) -> Any:
        frame = self.session.sql(self.query(table))
        casts = {name: frame[name].cast(kind) for name, kind in numbers(table).items()}
        return frame.withColumns(casts) if casts else frame

    def view(self, table: Table) -> Table:
        return self._table(self._frame(table), table.schema())

    def keep(self, table: Table) -> Table:
        return self._table(self._computed(self._frame(table)), table.schema())

    def _computed(self, frame: Any) -> Any:
        """The frame computed and cut off from how it was made: plans that grow with every table stop the planner.

        Its columns are named anew, or they would count as those that they were made from, and Spark, without adaptive
        execution, loses a column where the two meet in a join.
        """
        from pyspark import StorageLevel

        kept = frame.localCheckpoint(eager=True, storageLevel=StorageLevel.DISK_ONLY)
        return kept.toDF(*kept.columns)

    def batches(self, table: Table) -> Iterator[pa.RecordBatch]:
        found = self._frame(table).toArrow().cast(table.schema().to_pyarrow())
        return iter(found.to_batches(max_chunksize=BATCH))

    def apply(self, table: Table, function: Function, schema: pa.Schema) -> Table:
        def over(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                yield function(batch)

        frame = self._frame(table).mapInArrow(over, _spark_schema(schema))
        return self._table(self._computed(frame), schema_of(schema))

    def write(self, table: Table, folder: Path) -> None:
        self._frame(table).write.mode("overwrite").option("compression", "zstd").parquet(hadoop_address(folder))

    def close(self) -> None:
        self.session.stop()


def open_engine(address: str = "duckdb", *, memory: str = "", threads: int = 0, scratch: Path | None = None,
                options: Mapping[str, str] | None = None) -> DuckDB | Spark:
    """The engine at an address; ConfigError when it is unknown or not installed."""
    if address == "duckdb":
        return DuckDB(memory=memory, threads=threads, scratch=scratch)
    if not address.startswith(SPARK):
        raise ConfigError(f"no engine called {address!r}", key="engine",
                          fix="use duckdb, local[*], spark://host:port or sc://host:port")
    try:
        return Spark(address, **(options or {}))
    except ImportError as error:
        raise ConfigError(f"Spark is not installed: {error}", key="engine",
                          fix="python -m pip install 'evalloop-harness[spark]', and Java 17") from None
    except Exception as error:
        if type(error).__module__.startswith(("pyspark", "py4j", "grpc")):
            raise UsageError(f"Spark at {address} cannot be reached: {str(error).splitlines()[0]}",
                             fix="check the address, and that Java 17 is installed") from None
        raise


def _spark_schema(schema: pa.Schema) -> Any:
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema)
