"""Makes `open_inference.binpb` of `open_inference.proto`: `python -m inference.protocol.compile` (extra `dev`)."""

import tempfile
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
SOURCE: Final = HERE / "open_inference.proto"
COMPILED: Final = HERE / "open_inference.binpb"


def compiled() -> bytes:
    """Give the serialised FileDescriptorSet of the source.

    Raises:
        ValueError: the source is not valid.
    """
    from grpc_tools import protoc  # type: ignore[import-untyped]  # noqa: PLC0415 - of the dev extra

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        if protoc.main(["protoc", f"-I{HERE}", f"--descriptor_set_out={out}", SOURCE.name]):
            raise ValueError(f"{SOURCE}: not valid; protoc says why above")
        return out.read_bytes()


if __name__ == "__main__":
    COMPILED.write_bytes(compiled())
