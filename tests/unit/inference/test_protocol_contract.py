"""The protocol's contract: compiled as it is written, and the same as everybody else's."""

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from tritonclient.grpc import model_config_pb2, service_pb2

from inference.protocol.compile import COMPILED, compiled
from inference.protocol.messages import SERVICE, message, methods

MESSAGES = [one for file in FileDescriptorSet.FromString(COMPILED.read_bytes()).file for one in file.message_type]


def test_the_compiled_contract_is_that_of_the_source() -> None:
    stored = FileDescriptorSet.FromString(COMPILED.read_bytes())
    assert stored == FileDescriptorSet.FromString(compiled()), "run `python -m inference.protocol.compile`"


def fields(descriptor: object) -> dict[str, tuple[int, int, bool]]:
    return {one.name: (one.number, one.type, one.is_repeated) for one in descriptor.fields}  # type: ignore[attr-defined]


def test_every_field_has_the_number_and_the_type_that_tritonclient_knows() -> None:
    for proto in MESSAGES:
        ours = message(proto.name).DESCRIPTOR
        file = service_pb2 if proto.name in service_pb2.DESCRIPTOR.message_types_by_name else model_config_pb2
        theirs = file.DESCRIPTOR.message_types_by_name[proto.name]
        pairs = [(ours, theirs), *((nested, theirs.nested_types_by_name[nested.name]) for nested in ours.nested_types)]
        for our_part, their_part in pairs:
            expected = fields(their_part)
            for name, found in fields(our_part).items():
                assert found == expected[name], f"{our_part.full_name}.{name}"


def test_every_method_takes_and_gives_what_tritonclient_knows() -> None:
    theirs = service_pb2.DESCRIPTOR.services_by_name[SERVICE.rpartition(".")[2]].methods_by_name
    for name, (request, response, is_stream) in methods().items():
        assert request.DESCRIPTOR.full_name == theirs[name].input_type.full_name
        assert response.DESCRIPTOR.full_name == theirs[name].output_type.full_name
        assert is_stream == theirs[name].client_streaming == theirs[name].server_streaming
