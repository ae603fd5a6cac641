"""The Python client of a product: ``from evalloop.capture import Client``. Only the standard library is loaded."""

from evalloop.capture.client.client import Client
from evalloop.capture.client.events import About, event_id
from evalloop.capture.client.sender import Limits

__all__ = ["About", "Client", "Limits", "event_id"]
