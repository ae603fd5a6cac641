"""evalloop beside other harnesses: the same suite, the same server, whole processes in turns, ratios pair by pair.

    python benchmarks/harness install             # each peer into an environment of its own (network, about 2 GB)
    python benchmarks/harness                     # everything below, in this order
    python benchmarks/harness peers [--cases 1000,5000] [--latency 0,0.05] [--in-flight 50,200] [--rounds 3]
    python benchmarks/harness litellm             # evalloop's litellm target against litellm alone
    python benchmarks/harness graders             # 500 cases, 2 deterministic graders, no model
    python benchmarks/harness scale               # 1,000 to 50,000 cases: time and memory of evalloop

The suite: one prompt, a substring and a regular expression, all caches off. The server answers from a table and says
afterwards how many calls it saw; a harness that made fewer than the suite has fails the benchmark. pydantic-evals and
DeepEval leave the call to the user: they get aiohttp, the fastest client. ``--json FILE`` keeps all figures.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from measure import Cost, environment, process, workplace  # noqa: E402
from peers import PEERS, QUIET  # noqa: E402
from run_cases import make_project  # noqa: E402

Jobs = dict[str, Callable[[], Cost]]
Costs = dict[str, list[Cost]]
EVALLOOP = "evalloop"


@contextmanager
def server(latency: float) -> Iterator[str]:
    """The base URL of the fast server."""
    command = [sys.executable, str(HERE / "server.py"), str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            yield f"http://127.0.0.1:{child.stdout.readline().strip()}/v1"
        finally:
            child.kill()


def answered(base_url: str) -> int:
    """How many calls the server has answered so far."""
    with urllib.request.urlopen(base_url.removesuffix("/v1") + "/stats") as reply:
        return int(json.load(reply)["answered"])


class Bench:
    """Where everything lies, and how processes are started."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder, self.home = folder, home
        self.env = {**environment(folder), **QUIET, "PROMPTFOO_CONFIG_DIR": str(folder / "promptfoo"),
                    "INSPECT_LOG_DIR": str(folder / "inspect"), "PATH": os.environ["PATH"]}
        self.peer_env = {name: value for name, value in self.env.items() if name != "PYTHONPATH"}
        self.numbers = itertools.count()

    def evalloop(self, base_url: str, cases: int, in_flight: int, target: str = "openai") -> Callable[[], Cost]:
        """A run of evalloop in a project of its own."""
        project = self.folder / f"project-{next(self.numbers)}"
        project.mkdir()
        make_project(project, cases, base_url)
        variant = project / "variants/base.yaml"
        variant.write_text(variant.read_text().replace("target: openai", f"target: {target}"))
        command = [sys.executable, "-m", "evalloop", "run", "sums", "--variant", "base", "-j", str(in_flight),
                   "--no-cache", "--name"]

        def run() -> Cost:
            cost = process([*command, f"r{next(self.numbers)}"], self.env, project)
            for log in (project / ".evalloop/runs").glob("*.jsonl"):
                log.unlink()
            return cost

        return run

    def script(self, name: str, *arguments: object) -> Callable[[], Cost]:
        """A script in this environment."""
        command = [sys.executable, str(HERE / name), *map(str, arguments)]
        return lambda: process(command, self.env, self.folder)

    def peer(self, command: list[str]) -> Callable[[], Cost]:
        """A peer's own command."""
        return lambda: process(command, self.peer_env, self.folder)


def counted(job: Callable[[], Cost], base_url: str, cases: int) -> Callable[[], Cost]:
    """The same job, but it fails when it did not make all calls."""
    def run() -> Cost:
        before = answered(base_url)
        cost = job()
        made = answered(base_url) - before
        if made != cases:
            raise RuntimeError(f"{made} calls were made, the suite has {cases}")
        return cost

    return run


def measured(jobs: Jobs, rounds: int, warm: bool = True) -> Costs:
    """All costs, the jobs taking turns; with ``warm`` after one round that does not count."""
    costs: Costs = {name: [] for name in jobs}
    for number in range(rounds + warm):
        for name, job in jobs.items():
            cost = job()
            if number >= warm:
                costs[name].append(cost)
    return costs


def middle(costs: list[Cost]) -> Cost:
    """The medians."""
    columns = zip(*((each.wall, each.cpu, each.peak_mb) for each in costs), strict=True)
    return Cost(*map(statistics.median, columns))


def show(title: str, costs: Costs, cases: int, pivot: str, ideal: float = 0.0) -> None:
    """A table; the ratios are medians of the ratios of each round to ``pivot``, so that noise strikes both sides."""
    print(f"\n{title}", f"(ideal wall {ideal:.2f} s)" if ideal else "")
    print(f"{'':28}{'wall s':>9}{'CPU s':>8}{'CPU ms/case':>13}{'peak MB':>9}   x {pivot}: wall, CPU, peak"
          + ("   wall / ideal" if ideal else ""))
    for name, all_of_it in costs.items():
        cost = middle(all_of_it)
        pairs = list(zip(all_of_it, costs[pivot], strict=True))
        wall, cpu, peak = (statistics.median(getattr(own, key) / getattr(base, key) for own, base in pairs)
                           for key in ("wall", "cpu", "peak_mb"))
        print(f"{name:28}{cost.wall:9.2f}{cost.cpu:8.2f}{1000 * cost.cpu / cases:13.3f}{cost.peak_mb:9.0f}"
              f"{wall:16.2f}{cpu:7.2f}{peak:7.2f}" + (f"{cost.wall / ideal:15.2f}" if ideal else ""), flush=True)


def peers(bench: Bench, given: argparse.Namespace) -> Iterator[tuple[str, Costs]]:
    """All settings of the suite under every harness that is installed."""
    there = [peer for peer in PEERS if peer.installed(bench.home) and (not given.only or peer.name in given.only)]
    for latency, cases, in_flight in itertools.product(given.latency, given.cases, given.in_flight):
        with server(latency) as url:
            jobs = {EVALLOOP: bench.evalloop(url, cases, in_flight),
                    "bare aiohttp client": bench.script("../bare_client.py", url, cases, in_flight),
                    **{peer.version: bench.peer(peer.command(bench.home, url, cases, in_flight)) for peer in there}}
            costs = measured({name: counted(job, url, cases) for name, job in jobs.items()}, given.rounds, given.warm)
        title = f"{cases:,} cases, {latency * 1000:g} ms, {in_flight} in flight, {given.rounds} rounds"
        show(title, costs, cases, EVALLOOP, cases * latency / in_flight)
        yield title, costs


def with_litellm(bench: Bench, given: argparse.Namespace) -> Iterator[tuple[str, Costs]]:
    """evalloop's litellm target against litellm alone."""
    for latency in given.latency:
        with server(latency) as url:
            jobs = {"litellm alone": bench.script("suites/litellm_client.py", url, 1000, 50),
                    EVALLOOP: bench.evalloop(url, 1000, 50, target="litellm")}
            costs = measured({name: counted(job, url, 1000) for name, job in jobs.items()}, given.rounds)
        title = f"litellm target: 1,000 cases, {latency * 1000:g} ms, 50 in flight, {given.rounds} rounds"
        show(title, costs, 1000, "litellm alone")
        yield title, costs


def without_model(bench: Bench, given: argparse.Namespace) -> Iterator[tuple[str, Costs]]:
    """500 cases, two graders, an answer that is at hand."""
    project = bench.folder / "no-model"
    project.mkdir()
    make_project(project, 500, "http://127.0.0.1:1")
    (project / "evalloop.toml").write_text('allow_python = ["app.py:answer"]\n')
    (project / "app.py").write_text("def answer(text):\n    return 'Answer 42 to: ' + text\n")
    (project / "variants/base.yaml").write_text(
        'target: python\nprompt: "Sum up: {{ question }}"\noptions: {callable: "app.py:answer"}\n')
    run = [sys.executable, "-m", "evalloop", "run", "sums", "--variant", "base", "--no-cache", "--name"]
    jobs: Jobs = {EVALLOOP: lambda: process([*run, f"r{next(bench.numbers)}"], bench.env, project)}
    peer = PEERS[0]
    if peer.installed(bench.home):
        jobs[peer.version] = bench.peer(peer.command(bench.home, "-", 500, 50))
    title = f"500 cases, 2 deterministic graders, no model, {2 * given.rounds + 1} rounds"
    costs = measured(jobs, 2 * given.rounds + 1)
    show(title, costs, 500, list(costs)[-1])
    yield title, costs


def scale(bench: Bench, given: argparse.Namespace) -> Iterator[tuple[str, Costs]]:
    """evalloop alone, from a thousand to fifty thousand cases: cost for each case, and memory."""
    sizes = (1000, 5000, 10_000, 20_000, 50_000)
    with server(0.0) as url:
        jobs = {cases: counted(bench.evalloop(url, cases, 200), url, cases) for cases in sizes}
        costs = {f"{cases:,} cases": measured({"run": job}, 1, cases == sizes[0])["run"] for cases, job in jobs.items()}
    small, large = (middle(costs[f"{cases:,} cases"]) for cases in (1000, 50_000))
    print("\n0 ms, 200 in flight: cost of each size")
    for (name, (cost,)), cases in zip(costs.items(), sizes, strict=True):
        print(f"{name:16} wall {cost.wall:7.2f} s  CPU {cost.cpu:7.2f} s  {1000 * cost.cpu / cases:6.3f} ms a case  "
              f"peak {cost.peak_mb:5.0f} MB")
    print(f"each further case: {1000 * (large.cpu - small.cpu) / 49_000:.3f} ms of CPU, "
          f"{1024 * (large.peak_mb - small.peak_mb) / 49_000:.2f} kB of memory", flush=True)
    yield "scale", costs


PARTS = {"peers": peers, "litellm": with_litellm, "graders": without_model, "scale": scale}


def main() -> None:
    """Reads the command line, measures, prints."""
    given = arguments()
    if given.part == "install":
        for peer in PEERS:
            print(f"{peer.version} into {given.peers / peer.name}", flush=True)
            if not peer.installed(given.peers):
                peer.install(given.peers)
        return
    for peer in PEERS:
        if not peer.installed(given.peers):
            print(f"{peer.version} is not installed: python benchmarks/harness install --peers {given.peers}")
    kept = []
    with workplace() as folder:
        bench = Bench(folder, given.peers)
        for part in [given.part] if given.part else list(PARTS):
            for title, costs in PARTS[part](bench, given):
                kept.append({"title": title, "costs": {name: [vars(c) for c in each] for name, each in costs.items()}})
                if given.json:
                    given.json.write_text(json.dumps(kept, indent=1))


def arguments() -> argparse.Namespace:
    """The command line."""
    def numbers(kind: type) -> Callable[[str], list[float]]:
        return lambda text: [kind(part) for part in text.split(",")]

    parser = argparse.ArgumentParser(prog="python benchmarks/harness", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=["install", *PARTS])
    parser.add_argument("--peers", type=Path, default=Path.home() / ".cache/evalloop-benchmarks",
                        help="folder of the peers' environments")
    parser.add_argument("--only", type=lambda text: text.split(","), help="these peers alone")
    parser.add_argument("--cases", type=numbers(int), default=[1000, 5000])
    parser.add_argument("--latency", type=numbers(float), default=[0.0, 0.05], help="seconds")
    parser.add_argument("--in-flight", type=numbers(int), default=[50, 200])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-warm", dest="warm", action="store_false", help="count the first round too")
    parser.add_argument("--json", type=Path, help="file for all figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
