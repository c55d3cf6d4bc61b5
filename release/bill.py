"""Write what the image is made of, as CycloneDX: every package of Debian and of Python, with its version.

Both are read from the archive itself: where Debian's tell of themselves in images without dpkg, and where
those of Python do.
"""

import tarfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from hashlib import sha256
from pathlib import Path

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from release.archive import files_of


def write(archive: Path, out: Path, *, name: str, version: str, made_at: int) -> None:
    """Write the bill of an image's archive."""
    bom = Bom(components=list(components(archive)))
    bom.metadata.component = Component(name=name, version=version, type=ComponentType.CONTAINER, bom_ref=name)
    bom.metadata.timestamp = datetime.fromtimestamp(made_at, UTC)
    bom.serial_number = uuid.UUID(bytes=sha256(archive.read_bytes()).digest()[:16], version=4)
    bom.register_dependency(bom.metadata.component, bom.components)
    out.write_text(JsonV1Dot6(bom).output_as_string(indent=1) + "\n")


def components(archive: Path) -> Iterator[Component]:
    """The packages of an image, in no order."""
    for path, content in files_of(archive, _tells_of_a_package):
        about = message_from_bytes(content)
        if "dpkg" in path:
            more = {"arch": about["Architecture"]}
            yield _component("deb", "debian", about["Package"], about["Version"], more)
        else:
            yield _component("pypi", None, about["Name"].lower().replace("_", "-"), about["Version"], {})


def _tells_of_a_package(entry: tarfile.TarInfo) -> bool:
    path = Path(entry.name)
    return entry.isfile() and (
        path.parent.name == "status.d" or (path.name == "METADATA" and path.parent.suffix == ".dist-info")
    )


def _component(kind: str, owner: str | None, name: str, version: str, more: dict[str, str]) -> Component:
    url = PackageURL(kind, owner, name, version, more)
    return Component(
        name=name, version=version, type=ComponentType.LIBRARY, purl=url, bom_ref=url.to_string()
    )
