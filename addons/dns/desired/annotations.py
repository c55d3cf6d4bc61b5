"""What the annotations of an object say, and the faults in how they say it. Pure."""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from addons.dns import names
from addons.dns.desired.provider_specific import ProviderSpecific, read_provider_specific
from addons.dns.desired.settings import SourceSettings
from addons.dns.model.hostnames import InvalidHostname, parse_hostname
from addons.dns.model.records import type_of_target
from addons.runtime.objects import KubeObject, ref
from addons.runtime.outcomes import ObjectRef, Problem

_NUMBER = r"\d{1,100}"
"""More digits than a TTL can have: of thousands of them Python makes no number."""

_SECONDS = re.compile(_NUMBER)
_DURATION = re.compile(rf"(?:({_NUMBER})h)?(?:({_NUMBER})m)?(?:({_NUMBER})s)?")
_LONGEST_TTL = 2**31 - 1


class Annotations(Struct, frozen=True):
    """The annotations of one object, read. What could not be read is in `problems` and missing elsewhere.

    `targets` are empty where the object says nothing about them, and None where what it says cannot be used:
    its own addresses are not meant then. With `keeps_ttl` the TTL cannot be read.
    """

    ttl: int
    keeps_ttl: bool = False
    hostnames: tuple[str, ...] = ()
    internal_hostnames: tuple[str, ...] = ()
    targets: tuple[str, ...] | None = ()
    access: str = ""
    endpoints_type: str = ""
    provider_specific: ProviderSpecific = ProviderSpecific()
    problems: tuple[Problem, ...] = ()


def read_annotations(
    obj: KubeObject, settings: SourceSettings, *, default_ttl: int = 0
) -> Annotations | None:
    """Read every annotation of ours; one that makes no sense costs nothing but what it is about.

    None for an object that is not ours to serve: the label and annotation filters leave it out, or its
    controller annotation names somebody else. Names of pods have a `default_ttl` of their own; 0 means that
    of the settings.
    """
    said = said_by(obj, settings)
    controller = said.get(names.CONTROLLER, names.CONTROLLER_VALUE)
    if controller != names.CONTROLLER_VALUE or not settings.covers(obj):
        return None
    which = ref(obj)
    problems: list[Problem] = []
    if settings.ignore_hostname_annotation:
        said.pop(names.HOSTNAME, None)
        said.pop(names.INTERNAL_HOSTNAME, None)
    default = default_ttl or settings.default_ttl
    ttl = _ttl(which, said.get(names.TTL), default, problems)
    return Annotations(
        ttl=ttl or default,
        keeps_ttl=not ttl,
        hostnames=tuple(_hostnames(which, names.HOSTNAME, said, problems)),
        internal_hostnames=tuple(_hostnames(which, names.INTERNAL_HOSTNAME, said, problems)),
        targets=_targets(which, said, problems),
        access=said.get(names.ACCESS, "").strip(),
        endpoints_type=said.get(names.ENDPOINTS_TYPE, "").strip(),
        provider_specific=read_provider_specific(said, settings),
        problems=tuple(problems),
    )


def read_targets(
    obj: KubeObject, settings: SourceSettings, problems: list[Problem]
) -> tuple[str, ...] | None:
    """The target annotation alone, of a pod behind a Service, or of a Gateway; see `Annotations.targets`."""
    return _targets(ref(obj), said_by(obj, settings), problems)


def read_hostname_source(
    obj: KubeObject, key: str, settings: SourceSettings, problems: list[Problem]
) -> str | None:
    """Which names of an object count, by the annotation called `key`; the empty text for all of them.

    None where that cannot be read: which of the names are meant is not known.
    """
    text = said_by(obj, settings).get(key, "").strip()
    allowed = (names.ANNOTATION_ONLY, names.DEFINED_HOSTS_ONLY)
    if text in ("", *allowed):
        return text
    problems.append(invalid(ref(obj), key, f"{text!r} is not {' or '.join(allowed)}"))
    return None


def read_flag(text: str) -> bool | None:
    """True or False as written; None when it is neither."""
    return {"true": True, "false": False}.get(text.strip().lower())


def checked_hostname(which: ObjectRef, where: str, text: str, problems: list[Problem]) -> str | None:
    """The canonical name, or None and one more problem that says where it stands."""
    try:
        return parse_hostname(text)
    except InvalidHostname as error:
        problems.append(Problem(which, names.INVALID_HOSTNAME, f"{where}: {error}"))
        return None


def invalid(which: ObjectRef, key: str, fault: str) -> Problem:
    """The problem of an annotation that makes no sense."""
    return Problem(which, names.INVALID_ANNOTATION, f"annotation {key}: {fault}")


def said_by(obj: KubeObject, settings: SourceSettings) -> dict[str, str]:
    """The annotations with one of the prefixes, without it; the first prefix wins."""
    return {
        key.removeprefix(prefix): value
        for prefix in reversed(settings.prefixes)
        for key, value in obj.metadata.annotations.items()
        if key.startswith(prefix)
    }


def _items(text: str) -> list[str]:
    return [item for item in text.replace(" ", "").split(",") if item]


def _hostnames(which: ObjectRef, key: str, said: Mapping[str, str], problems: list[Problem]) -> Iterator[str]:
    for item in _items(said.get(key, "")):
        if (name := checked_hostname(which, f"annotation {key}", item, problems)) is not None:
            yield name


def _targets(which: ObjectRef, said: Mapping[str, str], problems: list[Problem]) -> tuple[str, ...] | None:
    """All of the targets, or None when one of them is neither an address nor a host name."""
    found = [
        item
        if type_of_target(item) != "CNAME"
        else checked_hostname(which, f"annotation {names.TARGET}", item, problems)
        for item in _items(said.get(names.TARGET, ""))
    ]
    targets = tuple(target for target in found if target is not None)
    return targets if len(targets) == len(found) else None


def _ttl(which: ObjectRef, text: str | None, default: int, problems: list[Problem]) -> int:
    """The TTL in seconds, the default when there is none; 0 when it makes no sense, which is a problem."""
    if text is None:
        return default
    seconds = _parse_ttl(text.strip())
    if 1 <= seconds <= _LONGEST_TTL:
        return seconds
    fault = (
        f"{text!r} is not seconds or a duration like 10m; a record keeps the TTL it has, or gets {default}"
    )
    problems.append(invalid(which, names.TTL, fault))
    return 0


def _parse_ttl(text: str) -> int:
    """Seconds of "600" or "1h30m"; 0 when it is neither."""
    if _SECONDS.fullmatch(text):
        return int(text)
    if match := _DURATION.fullmatch(text):
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return hours * 3600 + minutes * 60 + seconds
    return 0
