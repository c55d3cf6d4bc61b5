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

_SECONDS = re.compile(r"\d+")
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_LONGEST_TTL = 2**31 - 1


class Annotations(Struct, frozen=True):
    """The annotations of one object, read. What could not be read is in `problems` and missing elsewhere."""

    ttl: int
    hostnames: tuple[str, ...] = ()
    internal_hostnames: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    access: str = ""
    endpoints_type: str = ""
    provider_specific: ProviderSpecific = ProviderSpecific()
    problems: tuple[Problem, ...] = ()


def read_annotations(
    obj: KubeObject, settings: SourceSettings, *, default_ttl: int = 0
) -> Annotations | None:
    """Read every annotation of ours; a name or TTL that makes no sense costs itself only.

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
    return Annotations(
        ttl=_ttl(which, said.get(names.TTL), default_ttl or settings.default_ttl, problems),
        hostnames=tuple(_hostnames(which, names.HOSTNAME, said, problems)),
        internal_hostnames=tuple(_hostnames(which, names.INTERNAL_HOSTNAME, said, problems)),
        targets=tuple(_targets(which, said, problems)),
        access=said.get(names.ACCESS, "").strip(),
        endpoints_type=said.get(names.ENDPOINTS_TYPE, "").strip(),
        provider_specific=read_provider_specific(said, settings),
        problems=tuple(problems),
    )


def read_targets(obj: KubeObject, settings: SourceSettings, problems: list[Problem]) -> tuple[str, ...]:
    """The target annotation alone: of a pod behind a Service, or of a Gateway."""
    return tuple(_targets(ref(obj), said_by(obj, settings), problems))


def read_hostname_source(obj: KubeObject, key: str, settings: SourceSettings, problems: list[Problem]) -> str:
    """Which names of an object count, by the annotation called `key`; the empty text for all of them."""
    text = said_by(obj, settings).get(key, "").strip()
    allowed = (names.ANNOTATION_ONLY, names.DEFINED_HOSTS_ONLY)
    if text and text not in allowed:
        message = f"annotation {key}: {text!r} is not {' or '.join(allowed)}; all names are used"
        problems.append(Problem(ref(obj), names.INVALID_ANNOTATION, message))
    return text if text in allowed else ""


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


def _targets(which: ObjectRef, said: Mapping[str, str], problems: list[Problem]) -> Iterator[str]:
    for item in _items(said.get(names.TARGET, "")):
        if type_of_target(item) != "CNAME":
            yield item
        elif (name := checked_hostname(which, f"annotation {names.TARGET}", item, problems)) is not None:
            yield name


def _ttl(which: ObjectRef, text: str | None, default: int, problems: list[Problem]) -> int:
    """The TTL in seconds; the default when there is none or it makes no sense, which is a problem."""
    if text is None:
        return default
    seconds = _parse_ttl(text.strip())
    if 1 <= seconds <= _LONGEST_TTL:
        return seconds
    fault = f"{text!r} is not seconds or a duration like 10m; {default} is used"
    problems.append(invalid(which, names.TTL, fault))
    return default


def _parse_ttl(text: str) -> int:
    """Seconds of "600" or "1h30m"; 0 when it is neither."""
    if _SECONDS.fullmatch(text):
        return int(text)
    if match := _DURATION.fullmatch(text):
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return hours * 3600 + minutes * 60 + seconds
    return 0
