"""How eval items are dealt to xdist workers."""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadScheduling

from evalloop.pytest_plugin import is_eval_id


class PinScheduling(LoadScheduling):  # type: ignore[misc]
    """Load scheduling that gives every eval item to the first worker.

    Calls wait for the network, not for a core, so more processes gain nothing, while one loop keeps one rate limit.
    Should that worker die, its items go to the others, which then call on demand.
    """

    def schedule(self) -> None:
        """Deals eval items first, then the other tests as usual."""
        if self.collection is not None or not self.nodes:
            super().schedule()
            return
        collections = list(self.node2collection.values())
        evals = [index for index, nodeid in enumerate(collections[0]) if is_eval_id(nodeid)]
        if not evals or any(each != collections[0] for each in collections[1:]):
            super().schedule()
            return
        self._pin(collections[0], evals)

    def _pin(self, collection: list[str], evals: list[int]) -> None:
        self.collection = collection
        pinned = set(evals)
        self.pending[:] = [index for index in range(len(collection)) if index not in pinned]
        self.maxschedchunk = self.config.getoption("maxschedchunk") or len(collection)
        first: Any = next((node for node in self.nodes if node.gateway.id == "gw0"), self.nodes[0])
        self.node2pending[first].extend(evals)
        first.send_runtest_some(evals)
        for node in [node for node in self.nodes if node is not first] or [first]:
            self.check_schedule(node)
        if not self.pending:
            for node in self.nodes:
                node.shutdown()
