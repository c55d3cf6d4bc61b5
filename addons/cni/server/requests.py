"""From the environment and the configuration of a call to a request, or to the specification's error."""

import re
from collections.abc import Mapping
from typing import Any, get_args

import msgspec

from addons.cni.model.assignments import PodId, SandboxKey
from addons.cni.model.requests import (
    INCOMPATIBLE_VERSION,
    INVALID_CONFIG,
    INVALID_ENVIRONMENT,
    UNDECODABLE,
    CniError,
    CniRequest,
    Command,
)

VERSIONS = ("0.4.0", "1.0.0", "1.1.0")
"""Versions of the specification in which configurations may be, and in which results are."""

_OF_CONTAINER = ("ADD", "DEL", "CHECK")
_SINCE_1_1 = ("GC", "STATUS")
_VALID = ("cni.dev/valid-attachments", "cni.dev/attachments")
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.\-]*")
_IF_NAME = re.compile(r"[^/:\s\x00-\x1f]{1,15}")


def read_request(environment: Mapping[str, str], body: bytes) -> CniRequest:
    """Read a call: `environment` are the variables without `CNI_`, such as COMMAND; `body` is its stdin.

    Raises CniError with the code of the specification. Keys and variables that we do not know are let be.
    """
    _check_text(environment)
    command = _command(environment)
    config = _config(body)
    version = _version(config, command)
    network = config.get("name")
    if command != "VERSION" and not (isinstance(network, str) and _NAME.fullmatch(network)):
        raise CniError(INVALID_CONFIG, f"name {network!r} is no name of a network")
    key = _key(environment, str(network)) if command in _OF_CONTAINER else None
    netns = environment.get("NETNS", "")
    if command in ("ADD", "CHECK") and not netns:
        raise CniError(INVALID_ENVIRONMENT, f"CNI_NETNS is empty, which {command} needs")
    return CniRequest(
        command=command,
        cni_version=version,
        key=key,
        pod=_pod(environment.get("ARGS", "")),
        netns=netns,
        previous=_previous(config, command),
        valid=_valid(config, str(network)) if command == "GC" else (),
        config=config,
    )


def _check_text(environment: Mapping[str, str]) -> None:
    """Refuse what cannot be written down: in the journal it would fail what is written with it."""
    for name, value in environment.items():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise CniError(INVALID_ENVIRONMENT, f"CNI_{name} {value!a} is not UTF-8") from None


def _command(environment: Mapping[str, str]) -> Command:
    command = environment.get("COMMAND", "")
    for known in get_args(Command):
        if command == known:
            return known  # type: ignore[no-any-return]
    raise CniError(INVALID_ENVIRONMENT, f"CNI_COMMAND {command!r}: one of {', '.join(get_args(Command))}")


def _config(body: bytes) -> dict[str, Any]:
    try:
        config = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CniError(UNDECODABLE, f"the network configuration is no JSON: {error}") from error
    if not isinstance(config, dict):
        raise CniError(UNDECODABLE, "the network configuration is no JSON object")
    return config


def _version(config: Mapping[str, Any], command: str) -> str:
    version = config.get("cniVersion", "0.1.0")
    if command == "VERSION":
        return str(version)
    if version not in VERSIONS:
        known = ", ".join(VERSIONS)
        raise CniError(INCOMPATIBLE_VERSION, f"cniVersion {version!r} is not supported; these are: {known}")
    if command in _SINCE_1_1 and version != "1.1.0":
        raise CniError(INCOMPATIBLE_VERSION, f"cniVersion {version!r} has no {command}; 1.1.0 has")
    return str(version)


def _key(environment: Mapping[str, str], network: str) -> SandboxKey:
    container_id, if_name = environment.get("CONTAINERID", ""), environment.get("IFNAME", "")
    if not _NAME.fullmatch(container_id):
        raise CniError(INVALID_ENVIRONMENT, f"CNI_CONTAINERID {container_id!r} is no id of a container")
    if if_name in (".", "..") or not _IF_NAME.fullmatch(if_name):
        raise CniError(INVALID_ENVIRONMENT, f"CNI_IFNAME {if_name!r} is no name of an interface")
    return SandboxKey(network, container_id, if_name)


def _pod(text: str) -> PodId:
    """Read CNI_ARGS, whose parts come in any order; without a pod's name for runtimes that know no pods."""
    arguments: dict[str, str] = {}
    for part in filter(None, text.split(";")):
        name, equals, value = part.partition("=")
        if not equals:
            raise CniError(INVALID_ENVIRONMENT, f"CNI_ARGS: {part!r} is not NAME=VALUE")
        arguments[name] = value
    return PodId(*(arguments.get(f"K8S_POD_{name}", "") for name in ("NAMESPACE", "NAME", "UID")))


def _previous(config: Mapping[str, Any], command: str) -> dict[str, Any] | None:
    previous = config.get("prevResult")
    if previous is None:
        if command == "CHECK":
            raise CniError(INVALID_CONFIG, "prevResult is missing, which CHECK needs")
        return None
    if command == "DEL":
        return previous if isinstance(previous, dict) else None
    if not isinstance(previous, dict):
        raise CniError(INVALID_CONFIG, "prevResult is no JSON object")
    for name in ("interfaces", "ips", "routes"):
        value = previous.get(name)
        if value is not None and not (isinstance(value, list) and all(isinstance(e, dict) for e in value)):
            raise CniError(INVALID_CONFIG, f"prevResult.{name} is no list of objects")
    return previous


def _valid(config: Mapping[str, Any], network: str) -> tuple[SandboxKey, ...]:
    """Read what GC is to keep; without a list nothing is certain, so that all would be lost by a mistake."""
    listed = next((config[name] for name in _VALID if name in config), None)
    if not isinstance(listed, list):
        raise CniError(INVALID_CONFIG, f"{_VALID[0]} is no list, which GC needs")
    return tuple(_attachment(each, network) for each in listed)


def _attachment(listed: object, network: str) -> SandboxKey:
    if isinstance(listed, dict):
        container_id, if_name = listed.get("containerID"), listed.get("ifname")
        if isinstance(container_id, str) and isinstance(if_name, str):
            return SandboxKey(network, container_id, if_name)
    raise CniError(INVALID_CONFIG, f"{_VALID[0]}: {listed!r} has no containerID and ifname")
