"""The result of an ADD, in the version of its configuration."""

from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Any

import pytest

from addons.cni.model.assignments import Assignment, PodId, SandboxKey
from addons.cni.model.requests import CniError, CniRequest
from addons.cni.server.requests import VERSIONS
from addons.cni.server.results import error_of, result_of, version_of

KEY = SandboxKey("aws-cni", "c1", "eth0")
HELD = Assignment(
    key=KEY,
    pod=PodId("shop", "web", "u"),
    ip=IPv4Address("10.0.0.1"),
    eni_id="eni-1",
    host_if="eni0123456789a",
    netns="/run/netns/c1",
    since=datetime(2026, 1, 2, tzinfo=UTC),
)


def result(version: str = "1.0.0", previous: dict[str, Any] | None = None) -> dict[str, Any]:
    request = CniRequest(
        command="ADD", cni_version=version, key=KEY, netns="/run/netns/c1", previous=previous
    )
    return result_of(request, HELD, host_mac="ce:00:0a:00:00:01", pod_mac="ca:00:0a:00:00:01", mtu=9001)


class TestResult:
    """What the runtime, and the plugins after ours, are told."""

    def test_version_1_0_0(self) -> None:
        assert result() == {
            "cniVersion": "1.0.0",
            "interfaces": [
                {"name": "eni0123456789a", "mac": "ce:00:0a:00:00:01"},
                {"name": "eth0", "mac": "ca:00:0a:00:00:01", "sandbox": "/run/netns/c1"},
            ],
            "ips": [{"address": "10.0.0.1/32", "gateway": "169.254.1.1", "interface": 1}],
            "routes": [{"dst": "0.0.0.0/0", "gw": "169.254.1.1"}],
            "dns": {},
        }

    def test_version_0_4_0_says_the_family(self) -> None:
        assert result("0.4.0")["ips"][0]["version"] == "4"

    def test_version_1_1_0_says_the_mtu(self) -> None:
        assert [each["mtu"] for each in result("1.1.0")["interfaces"]] == [9001, 9001]

    @pytest.mark.parametrize("version", VERSIONS)
    def test_the_version_is_that_of_the_configuration(self, version: str) -> None:
        assert result(version)["cniVersion"] == version

    def test_what_was_there_before_comes_first_unchanged(self) -> None:
        before = {
            "cniVersion": "1.0.0",
            "interfaces": [{"name": "one"}, {"name": "two"}],
            "ips": [{"address": "192.0.2.1/24", "interface": 1}],
            "routes": [{"dst": "192.0.2.0/24"}],
            "dns": {"nameservers": ["192.0.2.53"]},
            "theirs": {"a": 1},
        }
        merged = result(previous=before)
        for name in ("interfaces", "ips", "routes"):
            assert merged[name][: len(before[name])] == before[name]
        assert merged["ips"][-1]["interface"] == 3
        assert (merged["dns"], merged["theirs"]) == (before["dns"], {"a": 1})


class TestOthers:
    """Errors and versions."""

    def test_an_error_without_details_has_none(self) -> None:
        assert error_of(CniError(4, "no"), "1.0.0") == {"cniVersion": "1.0.0", "code": 4, "msg": "no"}

    def test_an_error_with_details(self) -> None:
        assert error_of(CniError(11, "no address", "waited 30 s"), "0.4.0")["details"] == "waited 30 s"

    def test_version_is_answered_in_the_version_of_who_asks(self) -> None:
        assert version_of("0.3.1", VERSIONS) == {"cniVersion": "0.3.1", "supportedVersions": [*VERSIONS]}
