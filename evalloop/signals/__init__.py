"""Stage signals: events become turns, and turns evidence - each piece with its detector, polarity and weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalloop.hookspecs import hookimpl

if TYPE_CHECKING:
    from evalloop.contracts import Detector


@hookimpl
def evalloop_detectors() -> list[Detector]:
    """The detectors that come with evalloop."""
    from evalloop.signals.attention import Abandon, Dwell
    from evalloop.signals.edits import Edit
    from evalloop.signals.explicit import Comment, Correction, Rating, Thumbs
    from evalloop.signals.implicit import ACTS, Accept, Copy, Regenerate, Stop
    from evalloop.signals.messages import Rephrase, Reply
    from evalloop.signals.outcomes import Outcome

    return [Thumbs(), Rating(), Comment(), Correction(), Copy(), Regenerate(), Rephrase(), Reply(), Edit(), Accept(),
            Stop(), Dwell(), Abandon(), *ACTS, Outcome()]
