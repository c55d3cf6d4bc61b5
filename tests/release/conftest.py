"""What is handed out, as it is made for a release."""

from pathlib import Path

import pytest

from tests.support import oci_image
from tests.support.oci_image import Tree, leave_out_without


@pytest.fixture(scope="session")
def archive() -> Path:
    """The archive of the image; where it cannot be built: skip, or fail where CI=true."""
    leave_out_without(oci_image.missing())
    return oci_image.archive()


@pytest.fixture(scope="session")
def tree(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """The root file system of the image."""
    return oci_image.unpack(archive, tmp_path_factory.mktemp("image"))
