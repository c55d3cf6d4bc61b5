"""What annotations say about ports: which, for which networks, with which clients. Pure."""

from ipaddress import ip_network
from itertools import pairwise
from typing import Literal, cast

from msgspec import Struct

from addons.albingress.desired.annotation_values import Unreadable, json_of
from addons.albingress.model.stack import Pairs

Protocol = Literal["HTTP", "HTTPS"]

_LAST_PORT = 65535
_MOST_PORTS = 100
"""Twice as many as AWS takes on a load balancer."""


class ListenPort(Struct, frozen=True, order=True):
    """A port with what is spoken there."""

    port: int
    protocol: Protocol


class ClientVerification(Struct, frozen=True, kw_only=True):
    """Whether clients of a port show a certificate; `settings` as AWS calls them, none where they do not."""

    port: int
    settings: Pairs


class _Verification(Struct, kw_only=True, rename="camel"):
    port: int
    mode: str
    trust_store: str = ""
    ignore_client_certificate_expiry: bool = False
    advertise_trust_store_ca_names: str = ""


_entries = json_of(tuple[dict[str, int], ...])
_verifications = json_of(tuple[_Verification, ...])


def listen_ports(value: str) -> tuple[ListenPort, ...]:
    """The ports of `[{"HTTP": 80}, {"HTTPS": 443}]`, sorted; raises Unreadable."""
    try:
        entries = _entries(value)
    except Unreadable as fault:
        raise Unreadable(f'{fault}; it is a list such as [{{"HTTP": 80}}, {{"HTTPS": 443}}]') from None
    found = {ListenPort(_port(port), _protocol(name)) for entry in entries for name, port in entry.items()}
    if not found:
        raise Unreadable("names no port")
    if len(found) > _MOST_PORTS:
        raise Unreadable(f"names {len(found)} ports, more than {_MOST_PORTS}; give the Ingress fewer")
    ports = sorted(found)
    for one, other in pairwise(ports):
        if one.port == other.port:
            raise Unreadable(f"port {one.port} is both HTTP and HTTPS")
    return tuple(ports)


def network(value: str) -> str:
    """A network such as 10.0.0.0/8, in the form in which AWS keeps it; raises Unreadable."""
    try:
        if "/" not in value:
            raise ValueError
        return str(ip_network(value, strict=False))
    except ValueError:
        raise Unreadable(f"{value!r} is not a network such as 10.0.0.0/8") from None


def client_verifications(value: str) -> tuple[ClientVerification, ...]:
    """How clients are verified on each port, sorted by port; raises Unreadable."""
    found = {
        entry.port: ClientVerification(port=_port(entry.port), settings=_settings(entry))
        for entry in _verifications(value)
    }
    if not found:
        raise Unreadable("names no port")
    return tuple(found[port] for port in sorted(found))


def _port(port: int) -> int:
    if not 1 <= port <= _LAST_PORT:
        raise Unreadable(f"{port} is not a port from 1 to {_LAST_PORT}")
    return port


def _protocol(name: str) -> Protocol:
    if name not in ("HTTP", "HTTPS"):
        raise Unreadable(f"{name!r} is not HTTP or HTTPS")
    return cast(Protocol, name)


def _settings(entry: _Verification) -> Pairs:
    if entry.mode not in ("off", "passthrough", "verify"):
        raise Unreadable(f"mode {entry.mode!r} of port {entry.port} is not off, passthrough or verify")
    if entry.mode != "verify":
        if entry.trust_store:
            raise Unreadable(f"mode {entry.mode} of port {entry.port} takes no trustStore")
        return () if entry.mode == "off" else (("Mode", entry.mode),)
    if not entry.trust_store.startswith("arn:"):
        raise Unreadable(f"trustStore of port {entry.port} is not the ARN of a trust store")
    expiry = "true" if entry.ignore_client_certificate_expiry else "false"
    names = (("AdvertiseTrustStoreCaNames", entry.advertise_trust_store_ca_names),)
    return (
        *(names if entry.advertise_trust_store_ca_names else ()),
        ("IgnoreClientCertificateExpiry", expiry),
        ("Mode", "verify"),
        ("TrustStoreArn", entry.trust_store),
    )
