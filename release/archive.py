"""Read the archive of an image, an OCI layout as one file."""

import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any


def configuration(archive: Path) -> Mapping[str, Any]:
    """What a runtime is told of the image: user, entry point, variables, labels."""
    with tarfile.open(archive) as tar:
        found: Mapping[str, Any] = _json(tar, _manifest(tar)["config"])
    return found


def layers(archive: Path) -> Iterator[tarfile.TarFile]:
    """The layers of the image, the lowest first, each to be read while it is the current one."""
    with tarfile.open(archive) as tar:
        for layer in _manifest(tar)["layers"]:
            with tarfile.open(fileobj=_opened(tar, _path(layer)), mode="r:gz") as files:
                yield files


def files_of(archive: Path, wanted: Callable[[tarfile.TarInfo], bool]) -> Iterator[tuple[str, bytes]]:
    """Path and content of the files that are wanted."""
    for layer in layers(archive):
        for entry in layer:
            if wanted(entry):
                content = layer.extractfile(entry)
                assert content
                yield entry.name, content.read()


def _manifest(tar: tarfile.TarFile) -> Any:
    index = json.load(_opened(tar, "index.json"))
    return _json(tar, index["manifests"][0])


def _json(tar: tarfile.TarFile, descriptor: Mapping[str, str]) -> Any:
    return json.load(_opened(tar, _path(descriptor)))


def _path(descriptor: Mapping[str, str]) -> str:
    return f"blobs/{descriptor['digest'].replace(':', '/')}"


def _opened(tar: tarfile.TarFile, path: str) -> IO[bytes]:
    content = tar.extractfile(path)
    assert content
    return content
