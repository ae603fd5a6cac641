"""Review of candidates: accept, edit, reject for ever, undo; every decision is a change of the text files in git."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evalloop.cases import opinions, suite, write
from evalloop.cases.graders import Forms
from evalloop.cases.grow import prompt_of
from evalloop.contracts import Grader
from evalloop.errors import EmptyError, RecordError, RecordErrors, UsageError
from evalloop.records.case import Case, Evalset
from evalloop.records.opinion import Opinion
from evalloop.store import files, schema, yaml

REJECTIONS = "rejections.jsonl"
EDITED = "the edited case"
_NOT = {"candidate": "a candidate", "accepted": "accepted", "retired": "retired"}


def rejections(folder: Path) -> list[Mapping[str, Any]]:
    """What was rejected in all evalsets under a folder, one row for each case; RecordErrors names a
    wrong line, since with it a rejected case would come back."""
    return [row for path in sorted(folder.rglob(REJECTIONS)) for row in schema.rows("rejection", path)]


@dataclass
class Review:
    """One sitting of a reviewer over the candidates of an evalset.

    ``at`` is the time written beside each decision (RFC 3339). Texts as they were are kept for ``undo``.
    """

    path: Path
    graders: Mapping[str, Grader]
    reviewer: str
    at: str
    evalset: Evalset = field(init=False)
    _before: list[tuple[str, dict[Path, str | None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reload()

    def candidates(self) -> list[Case]:
        """The cases that wait for a decision: those of the themes with the largest share first."""
        waiting = [case for case in self.evalset.cases if case.status == "candidate"]
        return sorted(waiting, key=lambda case: -_share(case))

    def case(self, case_id: str, status: str = "candidate") -> Case:
        """One candidate (or case of another status); raises UsageError with the reason when there is none of that
        id."""
        found = next((case for case in self.evalset.cases if case.id == case_id), None)
        if found is None:
            fix = schema.suggest(case_id, [case.id for case in self.candidates()][:20])
            raise UsageError(f"no case {case_id!r} in {self.path}", fix=fix)
        if found.status != status:
            raise UsageError(f"case {case_id!r} is {found.status}, not {_NOT[status]}",
                             fix=f"change its status in {found.file}:{found.line}")
        return found

    def written(self, case: Case) -> Mapping[str, Any]:
        """The case as its file holds it."""
        return write.find(Path(str(case.file)), case.id)

    def as_text(self, case: Case) -> str:
        """The case as YAML, for an editor."""
        return yaml.dump(dict(self.written(case)))

    def accept(self, case_id: str) -> Case:
        """Makes a candidate a case of the evalset, with the reviewer's name."""
        case = self.case(case_id)
        data = dict(self.written(case))
        data["status"] = "accepted"
        data["provenance"] = {**data.get("provenance", {}), "reviewed_by": self.reviewer, "reviewed_at": self.at}
        self._change(case, data, self._note(case_id, "accept"))
        return case

    def reject(self, case_id: str, reason: str = "") -> Case:
        """Takes a candidate out for ever: ``grow`` never proposes it, or one like it, again."""
        case = self.case(case_id)
        row = {"id": case.id, "text": prompt_of(case), "theme": case.provenance.get("theme", case.cluster),
               "reason": reason, "by": self.reviewer, "at": self.at}
        written = {"cluster": case.cluster, "graders": [], **self.written(case)}
        self._change(case, None, {self._folder / REJECTIONS: files.dump_line(row),
                                  **self._note(case_id, "reject", reason, case=written)})
        return case

    def retire(self, case_id: str, reason: str) -> Case:
        """Takes an accepted case out of runs; it stays in its file, so that nothing like it is grown again."""
        case = self.case(case_id, "accepted")
        self._change(case, {**self.written(case), "status": "retired"}, self._note(case_id, "retire", reason))
        return case

    def reopen(self, case_id: str, reason: str) -> Case:
        """Makes a retired case a candidate again: a reviewer decides about it anew."""
        case = self.case(case_id, "retired")
        self._change(case, {**self.written(case), "status": "candidate"}, self._note(case_id, "reopen", reason))
        return case

    def opine(self, case_id: str, verdict: str, reason: str = "") -> None:
        """Keeps a second opinion ("accept" or "reject") on a case that somebody else decided; no case changes."""
        place = self._folder / opinions.REVIEWS
        before = _text(place)
        files.write_text(place, (before or "") + self._note(case_id, verdict, reason, second=True)[place])
        self._before.append((case_id, {place: before}))

    def decided(self, case_id: str) -> Case:
        """A case that was decided, as it stands or as it stood when it was rejected; UsageError when it is gone."""
        found = next((case for case in self.evalset.cases if case.id == case_id), None)
        kept = [each.case for each in self.opinions() if each.case_id == case_id and each.case]
        if found is None and not kept:
            raise UsageError(f"case {case_id!r} is not kept any more", fix="it was taken out by hand, or erased")
        return found or self._of_entry(dict(kept[-1] or {}))

    def opinions(self) -> list[Opinion]:
        """What was said of the cases of this evalset so far, oldest first."""
        return opinions.read(self._folder)

    def edit(self, case_id: str, text: str) -> Case:
        """Puts an edited text (YAML of one case) in the place of a candidate; raises RecordErrors when it is wrong."""
        case = self.case(case_id)
        document = yaml.load(text, file=EDITED)
        problems = list(schema.validate("case", document.data)) or self._wrong(case, document.data)
        if problems:
            raise RecordErrors(RecordError(each.message, file=EDITED, line=document.line(each.path), field=each.field,
                                           fix=each.fix) for each in problems)
        self._change(case, document.data)
        return next(each for each in self.evalset.cases if each.id == case_id)

    def undo(self) -> str | None:
        """Takes the last decision of this sitting back; the case's id, or None when there was none."""
        if not self._before:
            return None
        case_id, texts = self._before.pop()
        for path, text in texts.items():
            _restore(path, text)
        self._reload()
        return case_id

    @property
    def _folder(self) -> Path:
        path = Path(self.evalset.path)
        return path if path.is_dir() else path.parent

    def _of_entry(self, data: Mapping[str, Any]) -> Case:
        specs = [Forms(self.graders).read(raw, ("graders", index))[0] for index, raw in enumerate(data["graders"])]
        more = {key: data[key] for key in ("expected", "split", "provenance", "context") if key in data}
        return Case(data["id"], data["cluster"], data["input"], tuple(filter(None, specs)), status="rejected", **more)

    def _wrong(self, case: Case, data: Mapping[str, Any]) -> list[schema.Problem]:
        """What an edit may not do, beyond the schema."""
        if data["id"] != case.id:
            return [schema.Problem(("id",), f"the id must stay {case.id!r}", "put it back")]
        read = [Forms(self.graders).read(raw, (key, index))
                for key in ("graders", "assert") for index, raw in enumerate(data.get(key) or ())]
        if not read and not self.evalset.graders:
            return [schema.Problem((), "the case has no graders, so it could never fail", "add graders: [...]")]
        return [problem for _, problems in read for problem in problems]

    def _note(self, case_id: str, verdict: str, reason: str = "", *, second: bool = False,
              case: Mapping[str, Any] | None = None) -> dict[Path, str]:
        """The line that remembers a decision of this reviewer, by the file that it is appended to."""
        opinion = Opinion(case_id, verdict, self.reviewer, self.at, reason, second, case)
        return {self._folder / opinions.REVIEWS: opinions.line(opinion)}

    def _change(self, case: Case, data: Mapping[str, Any] | None, appended: Mapping[Path, str] | None = None) -> None:
        """Writes one decision, and lines at the end of other files; if the evalset cannot be read afterwards,
        everything is put back."""
        place, appended = Path(str(case.file)), appended or {}
        before = {path: _text(path) for path in (place, *appended)}
        try:
            write.replace(place, case.id, data)
            for path, text in appended.items():
                files.write_text(path, (before[path] or "") + text)
            self._reload()
        except BaseException:
            for path, kept in before.items():
                _restore(path, kept)
            raise
        self._before.append((case.id, before))

    def _reload(self) -> None:
        """Reads the evalset again; it may be empty after its last candidate went."""
        try:
            self.evalset = suite.load(self.path, self.graders)
        except EmptyError:
            self._emptied()
        except RecordErrors as error:
            if any(each.message not in (suite.EMPTY, suite.EMPTY_FILE) for each in error.errors):
                raise
            self._emptied()

    def _emptied(self) -> None:
        if not hasattr(self, "evalset"):
            raise EmptyError(f"no cases in {self.path}", fix="evalloop grow makes candidates")
        self.evalset = replace(self.evalset, cases=())


def _share(case: Case) -> float:
    share = case.provenance.get("share")
    return float(share) if isinstance(share, int | float) else 0.0


def _text(path: Path) -> str | None:
    return files.read_text(path)[0] if path.exists() else None


def _restore(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink(missing_ok=True)
    else:
        files.write_text(path, text)
