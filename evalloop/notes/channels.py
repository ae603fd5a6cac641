"""Where notices go: a file, an address that takes JSON, or a mail server."""

from __future__ import annotations

import csv
import hashlib
import hmac
import json
import os
import smtplib
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import EmailMessage
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from evalloop.errors import ConfigError, EvalloopError, UsageError
from evalloop.records.notice import Notice

SECRET = "EVALLOOP_NOTIFY_SECRET"  # noqa: S105 - the name of a variable
TIMEOUT = 30


class FileChannel:
    """A JSON Lines file that the product reads; one line for each notice, on the disk when this returns."""

    name, version = "file", "1"

    def matches(self, place: str) -> bool:
        """A path that ends in .jsonl."""
        return "://" not in place and place.endswith(".jsonl")

    def send(self, notice: Notice, place: str, options: Mapping[str, str]) -> None:
        """Adds a line. No folder is made: in a misspelt one nobody would read it, and no notice is sent twice."""
        path = Path(place)
        if not path.parent.is_dir():
            raise UsageError(f"{path.parent}: no such folder", fix="make it, or name the file that the product reads")
        handle = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "a", encoding="utf-8") as file:
            file.write(json.dumps(notice.to_dict(), ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())


class WebhookChannel:
    """POST of the notice as JSON. ``Idempotency-Key`` is the notice's id; where the environment holds a secret
    (EVALLOOP_NOTIFY_SECRET), ``X-Evalloop-Signature`` is ``sha256=`` and the HMAC of the body."""

    name, version = "webhook", "1"

    def matches(self, place: str) -> bool:
        """An http or https address."""
        return place.startswith(("http://", "https://"))

    def send(self, notice: Notice, place: str, options: Mapping[str, str]) -> None:
        """Posts; anything but 2xx is an error, and the notice counts as not sent."""
        body = json.dumps(notice.to_dict(), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": notice.notice_id}
        secret = os.environ.get(SECRET)
        if secret:
            headers["X-Evalloop-Signature"] = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        request = urllib.request.Request(place, body, headers, method="POST")  # noqa: S310 - http(s) only, see matches
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT):  # noqa: S310
                pass
        except (urllib.error.URLError, OSError) as error:
            raise EvalloopError(f"{place} did not take a notice: {error}",
                                fix="mend the receiver and run the command again; what was sent is not sent twice"
                                ) from None


class MailChannel:
    """A mail for each notice: ``smtp://host:port`` or ``smtps://...``.

    Options: ``addresses``, a CSV file with the columns user_key and email (the store knows no addresses), and
    ``sender``. A user without an address is an error.
    """

    name, version = "mail", "1"

    def matches(self, place: str) -> bool:
        """An smtp or smtps address."""
        return place.startswith(("smtp://", "smtps://"))

    def send(self, notice: Notice, place: str, options: Mapping[str, str]) -> None:
        """Sends one mail."""
        message = EmailMessage()
        message["From"], message["To"] = _needed(options, "sender"), self._address(notice, options)
        message["Subject"] = "Something you told us about got better"
        message["Message-ID"] = f"<{notice.notice_id}@evalloop>"
        message.set_content(notice.text)
        parts = urlsplit(place)
        kind = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
        try:
            with kind(parts.hostname or "localhost", parts.port or 0, timeout=TIMEOUT) as server:
                server.send_message(message)
        except (smtplib.SMTPException, OSError) as error:
            raise EvalloopError(f"{parts.hostname} did not take a mail: {error}",
                                fix="mend the server and run the command again") from None

    def _address(self, notice: Notice, options: Mapping[str, str]) -> str:
        place = _needed(options, "addresses")
        found = _addresses(place).get(notice.user_key)
        if not found:
            raise EvalloopError(f"{place} has no address of user {notice.user_key[:12]}…",
                                fix="add a row user_key,email; what was sent is not sent twice")
        return found


def _needed(options: Mapping[str, str], name: str) -> str:
    if not options.get(name):
        raise ConfigError(f"mail needs {name}", key=name, fix=f"give --{name}")
    return options[name]


@lru_cache(maxsize=4)
def _addresses(place: str) -> dict[str, str]:
    with Path(place).open(encoding="utf-8", newline="") as file:
        return {row["user_key"]: row["email"] for row in csv.DictReader(file)}
