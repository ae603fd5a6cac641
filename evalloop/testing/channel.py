"""The contract of channels for notices."""

from __future__ import annotations

from evalloop.contracts import Channel
from evalloop.records.notice import Notice
from evalloop.testing.contracts import check_names
from evalloop.testing.samples import PAYLOAD


def make_notice(text: str = "Thank you.") -> Notice:
    """A notice to one user."""
    return Notice("notice-1", "2026-12", "c-1", "broken citations", "user-1", text, "the links are dead", "r-1",
                  "2026-11-01T00:00:00Z")


class ChannelContract:
    """A channel takes places of its own kind only, and delivers what it is given; ``place`` is one that works,
    ``received`` gives the texts that arrived there, ``options`` are what it needs."""

    channel: Channel
    place: str
    options: dict[str, str]

    def received(self) -> list[str]:
        """The texts that arrived."""
        raise NotImplementedError

    def test_has_the_members_of_a_channel(self) -> None:
        """The object has every member."""
        check_names(self.channel, Channel)

    def test_takes_its_own_places_only(self) -> None:
        """It knows its place, and leaves others alone."""
        assert self.channel.matches(self.place)
        assert not self.channel.matches("gopher://nowhere")

    def test_delivers_what_it_is_given(self) -> None:
        """One notice, one arrival, whatever it holds."""
        for text in ("Thank you.", PAYLOAD):
            self.channel.send(make_notice(text), self.place, self.options)
        assert len(self.received()) == 2
        assert "Thank you." in self.received()[0]
