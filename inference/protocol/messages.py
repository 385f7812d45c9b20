"""The gRPC messages of the protocol, made from the compiled contract as the module is loaded.

In a descriptor pool of their own: the default one, which generated stubs fill, holds a message name once a process, so
that whoever uses `tritonclient` beside us would find `inference.ModelInferRequest` taken. No generated code either: it
runs only with the versions of protobuf that its compiler knew.
"""

from typing import Any, Final

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from inference.protocol.compile import COMPILED

SERVICE: Final = "inference.GRPCInferenceService"


def _load() -> DescriptorPool:
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(COMPILED.read_bytes()).file:
        pool.Add(file)
    return pool


_POOL: Final = _load()


def message(name: str) -> Any:
    """Give the class of a message by its name within the package."""
    return GetMessageClass(_POOL.FindMessageTypeByName(f"inference.{name}"))


def methods() -> dict[str, tuple[Any, Any, bool]]:
    """Give each method's request class, response class, and whether both are streams."""
    service = _POOL.FindServiceByName(SERVICE)
    return {
        method.name: (GetMessageClass(method.input_type), GetMessageClass(method.output_type), method.client_streaming)
        for method in service.methods
    }


ModelInferRequest: Final = message("ModelInferRequest")
ModelInferResponse: Final = message("ModelInferResponse")
