"""Every channel delivers over the real thing: a file, an HTTP server, a mail server."""

from __future__ import annotations

import hashlib
import hmac
import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from evalloop.errors import ConfigError, EvalloopError, UsageError
from evalloop.notes.channels import SECRET, FileChannel, MailChannel, WebhookChannel
from evalloop.testing import ChannelContract, make_notice


class TestFile(ChannelContract):
    """One JSON line for each notice."""

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path):
        self.channel, self.place, self.options = FileChannel(), str(tmp_path / "notices.jsonl"), {}

    def received(self):
        with open(self.place, encoding="utf-8") as file:
            return [json.loads(line)["text"] for line in file]


def test_a_missing_folder_is_named_and_not_made(tmp_path):
    """Notices in a misspelt folder would be read by nobody, and count as sent."""
    place = tmp_path / "produkt" / "notices.jsonl"
    with pytest.raises(UsageError, match="produkt: no such folder"):
        FileChannel().send(make_notice(), str(place), {})
    assert not place.parent.exists()


class Receiver(BaseHTTPRequestHandler):
    """Keeps what is posted; answers with the server's status."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_):
        """Silence."""


@pytest.fixture
def hook():
    """An HTTP server."""
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    server.got, server.status = [], 204
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


class TestWebhook(ChannelContract):
    """One request for each notice."""

    @pytest.fixture(autouse=True)
    def _place(self, hook):
        self.channel, self.options, self.hook = WebhookChannel(), {}, hook
        self.place = f"http://127.0.0.1:{hook.server_port}/notices"

    def received(self):
        return [json.loads(body)["text"] for _, body in self.hook.got]

    def test_signs_what_it_sends(self, monkeypatch):
        """HMAC of the body with the secret of the environment, and an idempotency key."""
        monkeypatch.setenv(SECRET, "s3cret")
        self.channel.send(make_notice(), self.place, {})
        headers, body = self.hook.got[0]
        wanted = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
        assert headers["X-Evalloop-Signature"] == f"sha256={wanted}"
        assert headers["Idempotency-Key"] == "notice-1"

    def test_a_refusal_is_an_error(self):
        """500 means not delivered."""
        self.hook.status = 500
        with pytest.raises(EvalloopError, match="did not take a notice"):
            self.channel.send(make_notice(), self.place, {})


class Mailbox(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as a client needs to hand over a mail."""

    def handle(self):
        self.wfile.write(b"220 test\r\n")
        for line in iter(self.rfile.readline, b""):
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                self.server.got.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                return


class TestMail(ChannelContract):
    """One mail for each notice, to the address that the product's own file names."""

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path):
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailbox)
        server.got = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        addresses = tmp_path / "users.csv"
        addresses.write_text("user_key,email\nuser-1,ann@example.com\n")
        self.channel, self.server = MailChannel(), server
        self.place = f"smtp://127.0.0.1:{server.server_address[1]}"
        self.options = {"addresses": str(addresses), "sender": "product@example.com"}
        yield
        server.shutdown()
        server.server_close()

    def received(self):
        from email import message_from_string, policy

        return [message_from_string(text, policy=policy.default).get_content() for text in self.server.got]

    def test_a_user_without_an_address_is_named(self, tmp_path):
        """Nothing is sent to nobody."""
        empty = tmp_path / "empty.csv"
        empty.write_text("user_key,email\n")
        with pytest.raises(EvalloopError, match="no address of user user-1"):
            self.channel.send(make_notice(), self.place, {**self.options, "addresses": str(empty)})

    def test_mail_needs_a_sender(self):
        """The option is named."""
        with pytest.raises(ConfigError, match="sender"):
            self.channel.send(make_notice(), self.place, {"addresses": self.options["addresses"]})
