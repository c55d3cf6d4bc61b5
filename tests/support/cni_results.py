"""Results of CNI plugins in the versions of the specification, from one to another as libcni has it."""

from typing import Any

Object = dict[str, Any]

VERSIONS = ("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
"""Those that are told apart here, oldest first."""
_OLD = VERSIONS[:3]


def at_least(version: str, other: str) -> bool:
    """Whether a version is that or a later one."""
    return tuple(map(int, version.split("."))) >= tuple(map(int, other.split(".")))


def converted(result: Object, version: str) -> Object:
    """A result in another version; raises ValueError for one that is not known, as libcni 1.3 does."""
    own = result.get("cniVersion", "")
    if own not in VERSIONS or version not in VERSIONS:
        raise ValueError(f'unsupported CNI result version "{own if own not in VERSIONS else version}"')
    made = {**result, "cniVersion": version}
    if "ips" in made:
        made["ips"] = [_address(each, is_old=version in _OLD) for each in made["ips"]]
    if not at_least(version, "1.1.0"):
        made["interfaces"] = [
            _without(each, "mtu", "socketPath", "pciID") for each in made.get("interfaces", ())
        ]
        made["routes"] = [
            _without(each, "mtu", "advmss", "priority", "table", "scope") for each in made.get("routes", ())
        ]
    return {key: value for key, value in made.items() if value != []}


def _address(address: Object, *, is_old: bool) -> Object:
    if not is_old:
        return _without(address, "version")
    return {"version": "6" if ":" in address["address"] else "4", **address}


def _without(value: Object, *keys: str) -> Object:
    return {key: each for key, each in value.items() if key not in keys}
