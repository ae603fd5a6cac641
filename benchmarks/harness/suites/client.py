"""How suites written in Python ask the model: one aiohttp session with kept-alive connections."""

from __future__ import annotations

import json

import aiohttp


class Client:
    """Use it in ``async with``."""

    def __init__(self, base_url: str) -> None:
        self._url = f"{base_url}/chat/completions"

    async def ask(self, question: str) -> str:
        """The answer to a question."""
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": question}]}).encode()
        async with self._session.post(self._url, data=body) as response:
            return json.loads(await response.read())["choices"][0]["message"]["content"]

    async def __aenter__(self) -> Client:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0),
                                              headers={"Content-Type": "application/json"})
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
