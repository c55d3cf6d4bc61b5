"""The README says what is true: its examples mean what it says they do."""

import re
from pathlib import Path

import msgspec
import yaml

from addons.dns.desired.ingresses import ingress_claims
from addons.dns.desired.scope import Scope
from addons.dns.desired.services import service_claims
from addons.dns.model.objects import Endpoint, EndpointSlice, Ingress, Service

README = (Path(__file__).parents[3] / "addons" / "dns" / "README.md").read_text()
EXAMPLES = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)]
WEB, DB, SHOP, SHARED = EXAMPLES
WAY_IN = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}


def test_the_service_has_two_names_and_a_short_ttl() -> None:
    found = service_claims(msgspec.convert(WEB | WAY_IN, Service), [], [], Scope())
    assert [(claim.name, claim.ttl) for claim in found.claims] == [
        ("example.com", 60),
        ("www.example.com", 60),
    ]


def test_the_database_has_a_name_for_each_pod() -> None:
    pods = EndpointSlice(address_type="IPv4", endpoints=(Endpoint(addresses=("10.0.0.1",), hostname="db-0"),))
    found = service_claims(msgspec.convert(DB, Service), [pods], [], Scope())
    assert [claim.name for claim in found.claims] == ["db-0.db.example.com", "db.example.com"]


def test_the_ingress_points_elsewhere() -> None:
    found = ingress_claims(msgspec.convert(SHOP | WAY_IN, Ingress), Scope())
    assert [(claim.name, claim.values) for claim in found.claims] == [
        ("shop.example.com", ("shop.cdn.example.net",))
    ]


def test_the_shared_name_has_a_weight_and_the_set_identifier_of_the_cluster() -> None:
    found = service_claims(msgspec.convert(SHARED | WAY_IN, Service), [], [], Scope(owner_id="one"))
    assert [(claim.name, claim.set_identifier, claim.routing) for claim in found.claims] == [
        ("www.example.com", "one", (("Weight", "50"),))
    ]


def test_it_is_a_man_page() -> None:
    assert re.findall(r"^## (.*)$", README, re.MULTILINE) == [
        "Name",
        "Description",
        "Install",
        "Settings",
        "Annotations",
        "AWS permissions",
        "Metrics",
        "Limits",
        "Examples",
        "Bugs",
    ]
