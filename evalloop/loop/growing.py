"""Growing: themes become candidate cases, in the files of an evalset or on a branch of git."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from evalloop.errors import EmptyError, UsageError
from evalloop.loop.evalsets import choose_variants, near_here
from evalloop.loop.evidence import failures
from evalloop.loop.project import Project
from evalloop.loop.themes import known_clusters
from evalloop.loop.trials import open_engine
from evalloop.printable import many

if TYPE_CHECKING:
    from evalloop.cases.check import Grown
    from evalloop.cases.grow import GrowSettings
    from evalloop.cases.usable import Skipped
    from evalloop.records.case import Case
    from evalloop.records.cluster import Cluster
    from evalloop.records.failure import Failure
    from evalloop.records.variant import Variant
    from evalloop.runs.session import Engine


@dataclass(frozen=True)
class GrowOptions:
    """How candidates are grown.

    ``themes`` limits it to clusters with these ids or names; ``implicit`` uses failures too against which only one sign
    of behaviour speaks. ``fail_first`` is a variant that is called and judged, or "recorded": the recorded answers are
    judged by all graders; without it only graders that ask no judge look at the recorded answers.
    """

    per_cluster: int = 12
    themes: Sequence[str] = ()
    implicit: bool = False
    fail_first: str | None = None
    dry_run: bool = False


def grow_cases(project: Project, name: str, options: GrowOptions | None = None) -> Grown:
    """Turns the clusters of failures into candidate cases in the files of the evalset ``name``.

    What any evalset of the project has, and what a reviewer rejected in any, is not proposed; neither is a case that
    the answer that users complained about passes.
    """
    from evalloop.cases import check, write

    options = options or GrowOptions()
    work = Growing.open(project, name, options)
    cases = work.grow(existing_cases(project))
    changed: list[Path] = []
    if cases and not options.dry_run:
        place = project.config.evalsets_dir / name
        changed = write.add(place, name, cases, schema_path=write.relative(editor_schema(project), place))
    return check.Grown(tuple(cases), tuple(map(near_here, changed)), tuple(work.left_out()))


def editor_schema(project: Project) -> Path:
    """Writes the schema that editors use, and returns its place."""
    from evalloop.cases import write

    place = project.config.state_dir / "schemas" / "evalset.schema.json"
    write.write_editor_schema(place, project.objects("graders"))
    return place


def existing_cases(project: Project, folder: Path | None = None) -> list[Case]:
    """The cases of all evalsets under a folder (default: the project's)."""
    from evalloop.cases import suite

    graders = project.objects("graders")
    return [case for path in suite.find(folder or project.config.evalsets_dir)
            for case in suite.load(path, graders).cases]


@dataclass
class Growing:
    """One growing: what it grows from, and what it found unfit."""

    project: Project
    clusters: list[Cluster]
    failed: list[Failure]
    settings: GrowSettings
    judge: bool
    variant: Variant | None
    unfit: list[tuple[Case, str]] = field(default_factory=list)

    @classmethod
    def open(cls, project: Project, name: str, options: GrowOptions) -> Growing:
        """Reads clusters and failures, and looks the variant up before anything is done."""
        from evalloop.cases.firstly import RECORDED
        from evalloop.cases.grow import GrowSettings
        from evalloop.clusters.redteam import attacks

        settings = GrowSettings(per_cluster=options.per_cluster, min_users=project.config.min_users,
                                implicit=options.implicit, attacks=attacks, mask=project.masker.words)
        wanted = options.fail_first
        variant = _variant(project, name, wanted) if wanted not in (None, RECORDED) else None
        return cls(project, _clusters(project, options.themes), list(failures(project)), settings, wanted is not None,
                   variant)

    def grow(self, existing: Sequence[Case], *folders: Path) -> list[Case]:
        """New candidates that fail first; the place of one that does not goes to the next member.

        What reviewers rejected counts, in the project's evalsets and in those of ``folders``.
        """
        from evalloop.cases import grow, review

        refused = [str(row.get("text", "")) for folder in (self.project.config.evalsets_dir, *folders)
                   for row in review.rejections(folder)]
        cases: list[Case] = []
        while new := grow.grow(self.clusters, self.failed, [*existing, *cases],
                               [*refused, *(grow.prompt_of(case) for case, _ in self.unfit)], self.settings):
            for case, why in asyncio.run(self._tried(new)):
                self.unfit += [(case, why)] * bool(why)
                cases += [case] * (not why)
        return cases

    def left_out(self) -> list[Skipped]:
        """What could not be used, cluster by cluster."""
        from evalloop.cases.usable import Skipped, Usable, skipped

        usable = Usable(self.failed, implicit=self.settings.implicit, attacks=self.settings.attacks)
        found = {each.cluster_id: Counter(each.reasons) for each in skipped(self.clusters, self.failed, usable)}
        for case, why in self.unfit:
            found.setdefault(case.provenance["cluster_id"], Counter())[why] += 1
        return [Skipped(name, dict(reasons)) for name, reasons in found.items()]

    async def _tried(self, cases: Sequence[Case]) -> list[tuple[Case, str]]:
        """Each case with its verdicts, and why it is left out (empty: it is not)."""
        served = self.judge or self.variant is not None
        engine = open_engine(self.project if served else self._uncached())
        try:
            return await asyncio.gather(*(self._try(engine, case) for case in cases))
        finally:
            await engine.close()

    def _uncached(self) -> Project:
        project = Project(self.project.config.replace(cache=False))
        project.__dict__["host"] = self.project.host
        return project

    async def _try(self, engine: Engine, case: Case) -> tuple[Case, str]:
        from evalloop.cases import firstly
        from evalloop.records.call import Reply

        answer = case.provenance.get("response")
        asked = case if self.judge else firstly.without_judge(case, self.project.objects("graders"))
        if answer:
            found = firstly.verdict(case, await engine.grades(asked, Reply(answer)))
            case = firstly.marked(case, firstly.RECORDED, found)
            if found == firstly.PASSED:
                return case, firstly.reason(firstly.RECORDED)
        if self.variant is None:
            return case, ""
        (trial,) = await engine.trials(replace(case, repeats=1), self.variant)
        found = firstly.verdict(case, trial.grades)
        return firstly.marked(case, self.variant.name, found), \
            firstly.reason(self.variant.name) if found == firstly.PASSED else ""


def _variant(project: Project, name: str, wanted: str | None) -> Variant:
    """The variant that users complained about: of the evalset, or of a file of the project."""
    from evalloop.cases import suite
    from evalloop.records.case import Evalset

    place = project.config.evalsets_dir / name
    evalset = suite.load(place, project.objects("graders")) if place.is_dir() else Evalset(name, str(place), ())
    found = choose_variants(project, evalset, [str(wanted)])
    if len(found) != 1:
        raise UsageError(f"{wanted!r} means {len(found)} variants", fix="name one: --fail-first VARIANT")
    return next(iter(found.values()))


def _clusters(project: Project, themes: Sequence[str]) -> list[Cluster]:
    """The clusters as they stand, or those of them that are named; EmptyError where nothing can grow of them."""
    from evalloop.cases.grow import cluster_name

    clusters = known_clusters(project)
    if not clusters:
        raise EmptyError("there are no clusters", fix="evalloop cluster groups failures first")
    if not any(each.named for each in clusters):
        raise EmptyError(f"there is no theme yet: {many(sum(each.size for each in clusters), 'failure')} grouped, and "
                         f"a theme takes {project.config.min_cluster} that are alike (min_cluster)",
                         fix="capture more events, or evalloop cluster --min-cluster N with a smaller N")
    wanted = [each for each in clusters if {each.cluster_id, cluster_name(each), each.label} & set(themes)]
    if themes and not wanted:
        raise EmptyError(f"no cluster named {', '.join(themes)}",
                         fix=f"clusters: {', '.join(map(cluster_name, clusters))}")
    return wanted if themes else list(clusters)
