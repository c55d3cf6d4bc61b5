"""The README says what is true: its examples mean what it says they do."""

import re
from pathlib import Path

import msgspec
import yaml

from addons.dns.desired.settings import SourceSettings
from addons.dns.desired.source_ingress import ingress_endpoints
from addons.dns.desired.source_service import service_endpoints
from addons.dns.model.objects import EndpointSlice, Ingress, Service, SliceEndpoint

README = (Path(__file__).parents[3] / "addons" / "dns" / "README.md").read_text()
EXAMPLES = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)]
WEB, DB, SHOP, SHARED = EXAMPLES
WAY_IN = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}


def test_the_service_has_two_names_and_a_short_ttl() -> None:
    found = service_endpoints(msgspec.convert(WEB | WAY_IN, Service), [], [], SourceSettings())
    assert [(endpoint.name, endpoint.ttl) for endpoint in found.endpoints] == [
        ("example.com", 60),
        ("www.example.com", 60),
    ]


def test_the_database_has_a_name_for_each_pod() -> None:
    pods = EndpointSlice(
        address_type="IPv4", endpoints=(SliceEndpoint(addresses=("10.0.0.1",), hostname="db-0"),)
    )
    found = service_endpoints(msgspec.convert(DB, Service), [pods], [], SourceSettings())
    assert [endpoint.name for endpoint in found.endpoints] == ["db-0.db.example.com", "db.example.com"]


def test_the_ingress_points_elsewhere() -> None:
    found = ingress_endpoints(msgspec.convert(SHOP | WAY_IN, Ingress), SourceSettings())
    assert [(endpoint.name, endpoint.targets) for endpoint in found.endpoints] == [
        ("shop.example.com", ("shop.cdn.example.net",))
    ]


def test_the_shared_name_has_a_weight_and_the_set_identifier_of_the_cluster() -> None:
    found = service_endpoints(
        msgspec.convert(SHARED | WAY_IN, Service), [], [], SourceSettings(owner_id="one")
    )
    assert [(endpoint.name, endpoint.set_identifier, endpoint.routing) for endpoint in found.endpoints] == [
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
