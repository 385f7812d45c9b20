"""The protocol over gRPC."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc  # type: ignore[import-untyped]  # ships no type information
import msgspec
from google.protobuf.json_format import ParseDict

from inference.protocol.grpc_messages import read_call, read_parameters, write_answer
from inference.protocol.messages import SERVICE, message, methods
from inference.protocol.refusals import Refused
from inference.server.service import SERVER, InferService


def grpc_server(service: InferService, max_message_bytes: int) -> Any:
    """Make a server that has no port yet."""
    options = [
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),  # a port that another process has is an error, not shared
    ]
    server = grpc.aio.server(options=options)
    endpoints = _Endpoints(service)
    handlers = {}
    for name, (request_class, response_class, is_stream) in methods().items():
        make = grpc.stream_stream_rpc_method_handler if is_stream else grpc.unary_unary_rpc_method_handler
        handlers[name] = make(
            getattr(endpoints, name) if is_stream else _refusing(getattr(endpoints, name)),
            request_deserializer=request_class.FromString,
            response_serializer=response_class.SerializeToString,
        )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    return server


def _refusing(answer: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
    async def handler(request: Any, context: Any) -> Any:
        try:
            return await answer(request, context)
        except Refused as refused:
            await context.abort(getattr(grpc.StatusCode, refused.reason.grpc), str(refused))

    return handler


class _Endpoints:
    """One method for each of the service's, under its name."""

    def __init__(self, service: InferService) -> None:
        self._service = service

    async def ServerLive(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002 - the protocol's names
        return message("ServerLiveResponse")(live=True)

    async def ServerReady(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        return message("ServerReadyResponse")(ready=self._service.ready)

    async def ModelReady(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        try:
            self._service.library.find(request.name, request.version)
        except Refused:
            return message("ModelReadyResponse")(ready=False)
        return message("ModelReadyResponse")(ready=self._service.ready)

    async def ServerMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        return message("ServerMetadataResponse")(**SERVER)

    async def ModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        return ParseDict(self._service.metadata(request.name, request.version), message("ModelMetadataResponse")())

    async def ModelConfig(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        response = message("ModelConfigResponse")()
        ParseDict(self._service.config(request.name, request.version), response.config)
        return response

    async def ModelStatistics(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        statistics = self._service.statistics(request.name, request.version)
        return ParseDict({"model_stats": statistics}, message("ModelStatisticsResponse")())

    async def ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: N802
        return write_answer(await self._service.infer(read_call(request), context.time_remaining()))

    async def ModelStreamInfer(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:  # noqa: N802, ARG002
        """Answer a stream's requests one after the other; one that is refused does not end it."""
        response_class = message("ModelStreamInferResponse")
        async for request in requests:
            try:
                answer = write_answer(await self._service.infer(read_call(request)))
            except Refused as refused:
                failed = response_class(error_message=str(refused))
                failed.infer_response.id = request.id
                yield failed
            else:
                yield response_class(infer_response=answer)

    async def RepositoryIndex(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        response = message("RepositoryIndexResponse")()
        for entry in self._service.library.index():
            if entry.state == "READY" or not request.ready:
                response.models.add(**msgspec.to_builtins(entry))
        return response

    async def RepositoryModelLoad(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        await self._service.load(request.model_name, read_parameters(request.parameters))
        return message("RepositoryModelLoadResponse")()

    async def RepositoryModelUnload(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        await self._service.unload(request.model_name, read_parameters(request.parameters))
        return message("RepositoryModelUnloadResponse")()
