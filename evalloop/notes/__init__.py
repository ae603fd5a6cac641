"""Stage notes: a comparison becomes a release, and users hear what got better, once production has confirmed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalloop.hookspecs import hookimpl

if TYPE_CHECKING:
    from evalloop.contracts import Channel


@hookimpl
def evalloop_channels() -> list[Channel]:
    """The ways of notices that come with evalloop."""
    from evalloop.notes.channels import FileChannel, MailChannel, WebhookChannel

    return [FileChannel(), WebhookChannel(), MailChannel()]
