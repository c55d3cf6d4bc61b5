"""DNSEndpoint, the custom resource of external-dns that asks for records by themselves."""

from collections.abc import Mapping
from typing import ClassVar

from msgspec import field

from addons.runtime.objects import KubeObject, Part, Resource

DNS_ENDPOINTS = Resource("externaldns.k8s.io", "v1alpha1", "dnsendpoints", "DNSEndpoint")


class Property(Part, frozen=True):
    """A setting for the records of Route 53: `aws/weight`, `aws/region`, `alias` and so on."""

    name: str = ""
    value: str = ""


class WantedEndpoint(Part, frozen=True):
    """One record set that is asked for; the TTL is 0 for the default one."""

    dns_name: str = field(default="", name="dnsName")
    record_type: str = ""
    targets: tuple[str, ...] = ()
    ttl: int = field(default=0, name="recordTTL")
    set_identifier: str = ""
    provider_specific: tuple[Property, ...] = ()

    @property
    def properties(self) -> Mapping[str, str]:
        """The properties by name; of one that is named twice, the last."""
        return {item.name: item.value for item in self.provider_specific}


class DnsEndpointSpec(Part, frozen=True):
    """All record sets that are asked for."""

    endpoints: tuple[WantedEndpoint, ...] = ()


class DnsEndpointStatus(Part, frozen=True):
    """The generation that was looked at last."""

    observed_generation: int = 0


class DnsEndpoint(KubeObject, frozen=True):
    """Record sets that an admin, or another controller, asks for."""

    resource: ClassVar[Resource] = DNS_ENDPOINTS
    spec: DnsEndpointSpec = DnsEndpointSpec()
    status: DnsEndpointStatus = DnsEndpointStatus()
