"""evalsets become pytest items; a thin adapter over the runs stage.

This module is imported by every pytest session of an environment, so it loads the standard library and pytest only;
the rest is imported when the first evalset is collected.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from evalloop.pytest_plugin.board import Board
    from evalloop.pytest_plugin.outcome import Outcome
    from evalloop.records.call import Reply
    from evalloop.records.case import Case
    from evalloop.records.run import Grade

SUFFIXES = (".evalset.yaml", ".evalset.yml", ".evalset.jsonl", ".evalset.jsonl.gz")
SUITES = ("suite.yaml", "suite.yml")
FAIL_ON = ("auto", "gate", "case", "never")
MARKER = "evalcases(*places, variants=()): run the test once for each case (and variant) of these evalsets"
BOARD: pytest.StashKey[Board] = pytest.StashKey()
CONFTESTS: pytest.StashKey[list[ModuleType]] = pytest.StashKey()
STARTED = "evalloop_started"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, all named ``--evalloop-*``; the first five can also stand in pytest's ini file, with underscores."""
    group = parser.getgroup("evalloop", "evalloop: evalsets as tests")
    group.addoption("--evalloop-variant", action="append", default=[], metavar="NAME[=FILE]",
                    help="run only this variant of the evalset, or one from a file (repeatable)")
    group.addoption("--evalloop-baseline", metavar="VARIANT|RUN",
                    help="compare with this variant of the session, or with this earlier run")
    group.addoption("--evalloop-fail-on", choices=FAIL_ON,
                    help="what fails the session: the release gate, each failing case, or errors only "
                         "(auto, the default: gate when there is a baseline, else case)")
    group.addoption("--evalloop-repeats", type=int, metavar="K", help="times that each case is run")
    group.addoption("--evalloop-budget", type=float, metavar="USD", help="stop new calls after so many US dollars")
    group.addoption("--evalloop-concurrency", type=int, metavar="N", help="calls in flight at once")
    group.addoption("--evalloop-no-cache", action="store_true", help="ask again even where an answer is kept")
    group.addoption("--evalloop-replay", action="append", default=[], metavar="RUN",
                    help="call no variant: grade the outputs of this run again (repeatable)")
    group.addoption("--evalloop-report", metavar="PATH.html", help="write the comparison as a page at the end")
    group.addoption("--evalloop-json", metavar="PATH", help="write runs and comparisons as JSON at the end")
    parser.addini("evalloop_variant", "variants to run (NAME or NAME=FILE)", type="linelist", default=[])
    for name in ("baseline", "fail_on", "repeats", "budget"):
        parser.addini(f"evalloop_{name}", f"default of --evalloop-{name.replace('_', '-')}", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Registers what listens to reports; nothing is printed, opened or imported in a session without evalsets."""
    config.addinivalue_line("markers", MARKER)
    config.pluginmanager.register(Listener(config), "evalloop-listener")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A collector for ``*.evalset.yaml|yml|jsonl`` and for a ``suite.yaml`` that begins an evalset."""
    if not _is_evalset(file_path):
        return None
    from evalloop.pytest_plugin.items import EvalsetFile

    return EvalsetFile.from_parent(parent, path=file_path)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test marked ``evalcases`` runs once for each case, and for each variant when it asks for ``eval_call``."""
    if "evalcase" not in metafunc.fixturenames:
        return
    from evalloop.pytest_plugin.functions import parametrize

    parametrize(metafunc)


def pytest_report_collectionfinish(config: pytest.Config, items: Sequence[pytest.Item]) -> str | None:
    """``evalloop: 12 cases x 2 variants, ...`` below pytest's own count."""
    if not any(hasattr(item, "evalloop_job") for item in items):
        return None
    from evalloop.pytest_plugin.header import header

    return header(config, items)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, Any, Any]:
    """Calls of all selected items run ahead on one loop; the gate is decided when the last item is done."""
    config = session.config
    option = config.option
    quiet = option.collectonly or getattr(option, "setuponly", False) or getattr(option, "setupplan", False)
    if quiet or (session.testsfailed and not option.continue_on_collection_errors):
        return (yield)
    if not any(_asks(item) for item in session.items):
        result = yield
    else:
        from evalloop.pytest_plugin.prefetch import prefetching

        with prefetching(session):
            result = yield
    board = config.stash.get(BOARD, None)
    if board is not None and not hasattr(config, "workerinput"):
        board.decide(session)
    return result


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A session that ended early (Ctrl-C, -x) leaves run logs that say so."""
    board = session.config.stash.get(BOARD, None)
    if board is not None:
        board.close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells a worker when the session began, so that all of them name its runs alike."""
    node.workerinput[STARTED] = _listener(node.config).started


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Under ``--dist load`` all eval items go to one worker: one loop keeps one rate limit and one budget."""
    if config.getoption("dist", "no") != "load":
        return None
    from evalloop.pytest_plugin.xdist import PinScheduling

    return PinScheduling(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: Sequence[str]) -> None:
    """The line that ``pytest_report_collectionfinish`` prints without xdist."""
    listener = _listener(node.config)
    if listener.announced or not any(map(is_eval_id, ids)):
        return
    listener.announced = True
    from evalloop.pytest_plugin.header import header_of_ids

    reporter = node.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(header_of_ids(node.config, ids))


@pytest.fixture
def evalcase(request: pytest.FixtureRequest) -> Case:
    """The case that a test marked ``evalcases`` is run with."""
    case: Case = request.param.case
    return case


@pytest.fixture
def eval_call(request: pytest.FixtureRequest) -> Reply:
    """The reply of a variant to ``evalcase``; the calls of all tests run ahead, like those of evalset items."""
    from evalloop.pytest_plugin.functions import reply

    return reply(request.node)


@pytest.fixture(scope="session")
def grade(pytestconfig: pytest.Config) -> Callable[..., Grade]:
    """``grade(NAME, output, VALUE, **options)``: what a grader says of an output."""
    from evalloop.pytest_plugin.functions import grading

    return grading(pytestconfig)


class Listener:
    """Listens to the reports of the whole session (on the controller under xdist)."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.announced = False
        self.started: float = getattr(config, "workerinput", {}).get(STARTED) or _now()
        self._live: dict[str, Outcome] = {}
        config.stash[CONFTESTS] = []

    def pytest_plugin_registered(self, plugin: object) -> None:
        """A conftest.py may hold ``evalloop_*`` hooks: it becomes one of the project's plugins."""
        if isinstance(plugin, ModuleType) and (plugin.__file__ or "").endswith("conftest.py") and any(
                name.startswith("evalloop_") for name in vars(plugin)):
            self.config.stash[CONFTESTS].append(plugin)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Puts the trials beside the report of the call; on a worker into it, as plain types that cross xdist."""
        report = yield
        outcome: Outcome | None = getattr(item, "evalloop_outcome", None)
        if report.when == "call" and outcome is not None:
            worker = hasattr(self.config, "workerinput")
            more = {"outcome": outcome.to_dict()} if worker else {}
            report.evalloop = {"passed": outcome.passed, **more}  # type: ignore[attr-defined]
            if not worker:
                self._live[report.nodeid] = outcome
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes each trial, and writes it to its run log; attempts that are run again do not count."""
        known = getattr(report, "evalloop", None)
        if known is None or report.when != "call" or hasattr(self.config, "workerinput"):
            return
        outcome = self._live.pop(report.nodeid, None)
        if report.outcome == "rerun":  # type: ignore[comparison-overlap]
            return
        if BOARD not in self.config.stash:
            from evalloop.pytest_plugin.board import open_board

            self.config.stash[BOARD] = open_board(self.config)
        self.config.stash[BOARD].note(report, known.get("outcome") if outcome is None else outcome)

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, Any] | None:
        """A case that failed while only the gate decides is shown in a category of its own."""
        known = getattr(report, "evalloop", None)
        if known is None or report.when != "call" or not report.passed or known["passed"] is not False:
            return None
        return "evalfail", "e", ("EVALFAIL", {"yellow": True})

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The per-cluster table."""
        board = self.config.stash.get(BOARD, None)
        if board is not None:
            board.show(terminalreporter)


def _listener(config: pytest.Config) -> Listener:
    listener: Listener | None = config.pluginmanager.get_plugin("evalloop-listener")
    assert listener is not None
    return listener


def _now() -> float:
    import time

    return time.time()


def _asks(item: pytest.Item) -> bool:
    """True for an item that wants a call: an eval item, or a test that uses ``eval_call``."""
    return hasattr(item, "evalloop_job") or "eval_call" in getattr(getattr(item, "callspec", None), "params", ())


def is_eval_id(nodeid: str) -> bool:
    """True for the node id of an eval item."""
    file, _, rest = nodeid.partition("::")
    return bool(rest) and (file.endswith(SUFFIXES) or file.rpartition("/")[2] in SUITES)


def _is_evalset(path: Path) -> bool:
    if path.name.endswith(SUFFIXES):
        return True
    return begins_evalset(path)


def begins_evalset(path: Path) -> bool:
    """True for a suite.yaml with the top key ``evalset``; others, also those that cannot be read, are not ours."""
    if path.name not in SUITES:
        return False
    try:
        with path.open("rb") as file:
            return any(line.startswith((b"evalset:", b"\xef\xbb\xbfevalset:")) for line in file)
    except OSError:
        return False
