"""One worker of the pool as its client sees it: what is under way there, and whether it answers."""

import asyncio
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import msgspec

from inference.protocol.calls import InferAnswer, InferCall
from inference.protocol.refusals import Reason, Refused
from inference.protocol.rest import HEADER_LENGTH, read_answer, write_call, write_json_call
from inference.repository import ModelName

PROBE_S: Final = 2.0
LOAD_S: Final = 300.0
_REASONS: Final = {int(reason.http): reason for reason in Reason}


class WorkerLink:
    """Requests to one worker, over HTTP with binary tensor data.

    Args:
        url: `http://host:port`.
        session: shared by all links of a pool.
    """

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url.rstrip("/")
        self._session = session
        self._binary: bool | None = None
        """Whether it takes tensors as binary data; None before it was asked."""
        self.outstanding = 0
        """Requests that are under way there."""
        self.models: set[ModelName] = set()
        """Those that were seen to be ready there; empty while it does not answer."""

    async def infer(self, call: InferCall, timeout_s: float) -> InferAnswer:
        """Ask for inference.

        Raises:
            Refused: the worker says no.
            OSError, TimeoutError, aiohttp.ClientError: it does not answer.
        """
        url = f"{self.url}/v2/models/{call.model}/versions/{call.version}/infer"
        self.outstanding += 1
        try:
            async with asyncio.timeout(timeout_s):
                body, headers = await self._written(call)
                async with self._session.post(url, data=body, headers=headers) as got:
                    answered = await got.read()
                    if got.status != HTTPStatus.OK:
                        raise _refused(got.status, answered, self.url)
                    return read_answer(answered, got.headers.get(HEADER_LENGTH))
        finally:
            self.outstanding -= 1

    async def is_ready(self) -> bool:
        """Whether the worker is ready for requests; False where it does not answer."""
        return await self._answers("/v2/health/ready")

    async def serves(self, model: ModelName) -> bool:
        """Whether the worker serves a model; False where it does not answer."""
        return await self.is_ready() and await self._answers(_path(model) + "/ready")

    async def load(self, model: ModelName) -> None:
        """Let the worker load a model beside what it serves.

        Raises:
            Refused: it cannot.
            OSError, TimeoutError, aiohttp.ClientError: it does not answer.
        """
        body = msgspec.json.encode({"parameters": {"version": model.version}})
        path = f"/v2/repository/models/{model.name}/load"
        async with asyncio.timeout(LOAD_S), self._session.post(self.url + path, data=body) as got:
            answered = await got.read()
            if got.status != HTTPStatus.OK:
                raise _refused(got.status, answered, self.url)

    async def describe(self, model: ModelName) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Give a model's metadata and configuration; None where the worker does not serve it.

        Raises:
            OSError, TimeoutError, aiohttp.ClientError: the worker does not answer.
        """
        found = []
        for path in (_path(model), _path(model) + "/config"):
            async with asyncio.timeout(PROBE_S), self._session.get(self.url + path) as got:
                answered = await got.read()
                if got.status == HTTPStatus.OK:
                    found.append(msgspec.json.decode(answered, type=dict[str, Any]))
                elif not found:
                    return None
                else:
                    found.append({})  # configuration is an extension that not every server has
        return found[0], found[1]

    async def _written(self, call: InferCall) -> tuple[bytes, dict[str, str]]:
        """Write a call with binary data, or, for a server that has no word for them, as JSON."""
        if self._binary is None:
            async with self._session.get(self.url + "/v2") as got:
                told = await got.read()
                if got.status != HTTPStatus.OK:
                    raise _refused(got.status, told, self.url)
                self._binary = b'"binary_tensor_data"' in told
        if not self._binary:
            return write_json_call(call), {"Content-Type": "application/json"}
        body, json_length = write_call(call)
        return body, {HEADER_LENGTH: str(json_length), "Content-Type": "application/octet-stream"}

    async def _answers(self, path: str) -> bool:
        try:
            async with asyncio.timeout(PROBE_S), self._session.get(self.url + path) as got:
                await got.read()
                return got.status == HTTPStatus.OK
        except (OSError, TimeoutError, aiohttp.ClientError):
            return False


def _path(model: ModelName) -> str:
    return f"/v2/models/{model.name}/versions/{model.version}"


def _refused(status: int, body: bytes, url: str) -> Refused:
    try:
        told = str(msgspec.json.decode(body)["error"])
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
        told = f"status {status}"
    return Refused(_REASONS.get(status, Reason.FAILED), f"{url}: {told}")
