"""aiohttp's way to one address: where a proxy stands between, or the answer is streamed."""

from __future__ import annotations

from collections.abc import Mapping

from evalloop.targets import sse
from evalloop.targets.connections import Answer


class Session:
    """One session with kept-alive connections; raises OSError for whatever goes wrong."""

    def __init__(self, url: str, headers: Mapping[str, str], *, proxies: bool) -> None:
        import aiohttp

        self._url = url
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30), headers=headers,
            timeout=aiohttp.ClientTimeout(total=None), trust_env=proxies)

    async def post(self, body: bytes) -> Answer:
        """The answer to one POST."""
        answer = await self._post(body, streamed=False)
        assert isinstance(answer, Answer)
        return answer

    async def stream(self, body: bytes) -> Answer | sse.Gathered:
        """The stream put together again, or the answer of a server that does not stream."""
        return await self._post(body, streamed=True)

    async def _post(self, body: bytes, *, streamed: bool) -> Answer | sse.Gathered:
        import aiohttp

        try:
            async with self._session.post(self._url, data=body, allow_redirects=False) as response:
                if streamed and response.status == 200 and response.content_type == sse.CONTENT_TYPE:
                    return await sse.gather(response.content.iter_any())
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, headers, await response.read())
        except aiohttp.ClientError as error:
            raise ConnectionError(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Closes the connections."""
        await self._session.close()
