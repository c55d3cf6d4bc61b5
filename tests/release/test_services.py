"""Of AWS the image knows the services that are called, as well as the packages from which it is made do."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session

from addons.albingress.aws import calls as albingress
from addons.autoscaler.aws import calls as autoscaler
from addons.autoscaler.aws import stack_calls as matrix
from addons.cni.aws import calls as cni
from tests.support.oci_image import Tree

pytestmark = pytest.mark.timeout(600)  # whoever comes first builds the image, where `make` has not

ROOT = Path(__file__).parents[2]
OF_BOTOCORE = {"signin", "sso", "sso-oidc"}
REGIONS = ("eu-central-1", "cn-north-1", "us-gov-west-1")
KNOWN = set(Session().get_available_services())


def kept() -> set[str]:
    lines = (ROOT / "release" / "services").read_text().splitlines()
    return {line for line in lines if not line.startswith("#")}


def called() -> Iterator[str]:
    """The services that stand in calls anywhere in the code of the daemons, and those they declare."""
    for module in (albingress, autoscaler, cni, matrix):
        yield from module.OPERATIONS
    for path in (ROOT / "addons").rglob("*.py"):
        if not {"sim", "demo"} & set(path.parts):
            yield from (each for each in _first_arguments(ast.parse(path.read_text())) if each in KNOWN)


def _first_arguments(tree: ast.AST) -> Iterator[Any]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="call" | "pages"), args=[ast.Constant(value=first), *_]):
                yield first


def test_the_services_that_are_called_are_kept_and_those_of_botocore_s_credentials() -> None:
    assert kept() == set(called()) | OF_BOTOCORE


@pytest.mark.parametrize("region", REGIONS)
def test_a_client_of_each_speaks_to_the_address_that_the_whole_package_says(tree: Tree, region: str) -> None:
    code = (
        "import json, sys; from botocore.session import Session; session = Session(); "
        "clients = {name: session.create_client(name, region_name=sys.argv[1]) for name in sys.argv[2:]}; "
        "print(json.dumps({name: client.meta.endpoint_url for name, client in clients.items()}))"
    )
    services = sorted(kept() - ({"signin"} if region == "cn-north-1" else set()))
    found = json.loads(tree.run("python", "-c", code, region, *services))
    session = Session()
    assert found == {
        name: session.create_client(name, region_name=region).meta.endpoint_url for name in services
    }


def test_a_daemon_s_clients_are_made_from_what_it_declares(tree: Tree) -> None:
    """All four at once, with the operations that each names; a listing's pages among them."""
    code = (
        "from botocore.session import Session; from addons.runtime.aws_models import use_lean_models\n"
        "from addons.albingress.aws import calls as one; from addons.autoscaler.aws import calls as two\n"
        "from addons.autoscaler.aws import stack_calls as three; from addons.cni.aws import calls as four\n"
        "for operations in (module.OPERATIONS for module in (one, two, three, four)):\n"
        "    session = Session(); use_lean_models(session, operations)\n"
        "    for name in operations:\n"
        "        client = session.create_client(name, region_name='eu-central-1')\n"
        "        assert set(client.meta.method_to_api_mapping.values()) == set(operations[name]), name\n"
        "        session.get_paginator_model(name)"
    )
    tree.run("python", "-c", code)
