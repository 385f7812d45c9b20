"""A model runs only if its files are the ones that its manifest names."""

import shutil
from pathlib import Path

import msgspec
import pytest

from inference.manifest import Manifest, encode_manifest
from inference.repository import ModelName, ModelRepository, hashes
from inference.two_tower import load_two_tower
from schemas.errors import ModelRefused

SHIPPED = Path(__file__).parents[3] / "models" / "shop-match" / "1"
MODEL = ModelName("shop-match", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "models" / "shop-match" / "1"))


@pytest.fixture
def repository(folder: Path) -> ModelRepository:
    return ModelRepository(folder.parent.parent)


def rewrite(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    path.write_bytes(encode_manifest(msgspec.structs.replace(manifest, **changes)))


def test_a_model_as_trained_is_read_with_the_bytes_that_were_checked(repository: ModelRepository, folder: Path) -> None:
    files = repository.read(MODEL)
    assert files.contents == {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"}
    assert hashes(files.contents) == files.manifest.files


def test_a_single_changed_bit_is_refused_with_path_expected_found_and_cure(
    repository: ModelRepository, folder: Path
) -> None:
    path = folder / "query.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelRefused) as refused:
        repository.read(MODEL)
    message = str(refused.value)
    expected = msgspec.json.decode((folder / "manifest.json").read_bytes())["files"]["query.onnx"]
    assert str(path) in message
    assert expected in message
    assert hashes({"query.onnx": bytes(data)})["query.onnx"] in message
    assert "matchwatch train" in message


@pytest.mark.parametrize("name", ["item.onnx", "tokenizer.json", "manifest.json"])
def test_a_missing_file_is_refused_with_its_path(repository: ModelRepository, folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelRefused, match=f"{name}.*No such file"):
        repository.read(MODEL)


@pytest.mark.parametrize(
    "model",
    [("..", "1"), ("shop-match", "../../etc"), ("shop-match", ""), ("/etc", "1"), ("a/b", "1"), ("a\0", "1")],
)
def test_a_name_that_leads_out_of_the_repository_is_refused(
    repository: ModelRepository, model: tuple[str, str]
) -> None:
    with pytest.raises(ModelRefused, match="plain folder name"):
        repository.read(ModelName(*model))


@pytest.mark.parametrize("name", ["../1/query.onnx", "/etc/passwd", "..", "a/b", "", "a\\b", ".hidden"])
def test_a_manifest_that_names_files_elsewhere_is_refused(repository: ModelRepository, folder: Path, name: str) -> None:
    files = repository.read(MODEL).manifest.files
    rewrite(folder, files={**files, name: "0" * 64})
    with pytest.raises(ModelRefused, match="inside the folder"):
        repository.read(MODEL)


def test_a_link_to_a_file_elsewhere_is_refused(repository: ModelRepository, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.onnx"
    shutil.move(folder / "item.onnx", outside)
    (folder / "item.onnx").symlink_to(outside)
    with pytest.raises(ModelRefused, match="inside the folder"):
        repository.read(MODEL)


def test_a_folder_that_belongs_to_another_version_is_refused(repository: ModelRepository, folder: Path) -> None:
    folder.rename(folder.parent / "2")
    with pytest.raises(ModelRefused, match="expected model shop-match/2, found shop-match/1"):
        repository.read(ModelName("shop-match", "2"))


def test_a_tower_without_a_hash_is_refused(repository: ModelRepository, folder: Path) -> None:
    files = repository.read(MODEL).manifest.files
    rewrite(folder, files={name: digest for name, digest in files.items() if name != "item.onnx"})
    with pytest.raises(ModelRefused, match=r"hash of the item file 'item\.onnx'"):
        repository.read(MODEL)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"name": 1}', b"\xff\xfe", b"[" * 100_000])
def test_a_manifest_that_is_none_is_refused(repository: ModelRepository, folder: Path, data: bytes) -> None:
    (folder / "manifest.json").write_bytes(data)
    with pytest.raises(ModelRefused, match="not a manifest"):
        repository.read(MODEL)


def test_a_manifest_from_a_newer_writer_is_read(repository: ModelRepository, folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_bytes(msgspec.json.encode({**msgspec.json.decode(path.read_bytes()), "licence": "x"}))
    assert repository.read(MODEL).manifest.name == "shop-match"


@pytest.mark.parametrize("name", ["query.onnx", "tokenizer.json"])
def test_a_file_that_is_no_model_is_refused_though_its_hash_agrees(
    repository: ModelRepository, folder: Path, name: str
) -> None:
    (folder / name).write_bytes(b"not a model")
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
    rewrite(folder, files={**manifest.files, **hashes({name: b"not a model"})})
    with pytest.raises(ModelRefused, match="expected a tokenizer and graphs that run"):
        load_two_tower(repository.read(MODEL))


def test_a_width_that_the_graph_does_not_have_is_refused(repository: ModelRepository, folder: Path) -> None:
    rewrite(folder, embedding_dim=7)
    with pytest.raises(ModelRefused, match="expected a tokenizer and graphs that run"):
        load_two_tower(repository.read(MODEL))


def test_models_are_listed_by_name_and_version(repository: ModelRepository, folder: Path) -> None:
    for version in ("10", "9"):
        shutil.copytree(folder, folder.parent / version)
    assert repository.models() == [ModelName("shop-match", version) for version in ("1", "9", "10")]
