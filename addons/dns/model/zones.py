"""Which hosted zones a name belongs to, and which names and zones are ours to look at."""

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

from addons.dns.config import ZONE_ID, Config
from addons.dns.model.hostnames import InvalidHostname, is_within, parse_hostname
from addons.dns.model.records import Zone
from addons.runtime.settings import SettingError

_ZONE_ID = re.compile(ZONE_ID)


class InvalidZoneId(ValueError):
    """The text is no id of a hosted zone."""


def parse_zone_id(text: str) -> str:
    """The id alone, of any form in which Route 53 writes it: `/hostedzone/Z1` and ARNs too.

    Spaces around it and case do not matter: ids have capital letters only. Raises InvalidZoneId.
    """
    if _ZONE_ID.fullmatch(text.strip()):
        return text.strip().rpartition("/")[2].upper()
    raise InvalidZoneId(f"{text!r} is no id of a hosted zone, like Z0123456789ABCDEFGHIJ")


class DomainFilter:
    """The settings `--domain-filter` and `--exclude-domains`; a leading dot means subdomains only.

    With a regular expression, `pattern` or `exclusion`, the lists do not count. Raises InvalidHostname, and
    re.error.
    """

    def __init__(
        self,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        *,
        pattern: str = "",
        exclusion: str = "",
    ) -> None:
        self._include = tuple(map(_parse_domain, include))
        self._exclude = tuple(map(_parse_domain, exclude))
        self._has_patterns = bool(pattern or exclusion)
        self._pattern = re.compile(pattern)
        self._exclusion = re.compile(exclusion) if exclusion else None

    def accepts(self, name: str) -> bool:
        """True when `name` is in an included domain, or none is named, and in no excluded one."""
        if not (self._has_patterns or self._include or self._exclude):
            return True
        if self._has_patterns:
            is_excluded = self._exclusion is not None and self._exclusion.search(name) is not None
            return not is_excluded and self._pattern.search(name) is not None
        if any(_covers(domain, name) for domain in self._exclude):
            return False
        return not self._include or any(_covers(domain, name) for domain in self._include)

    def accepts_parent(self, zone_name: str) -> bool:
        """True when an included domain lies below the zone, as `--aws-zone-match-parent` asks."""
        return any(is_within(domain.removeprefix("."), zone_name) for domain in self._include)


def _parse_domain(text: str) -> str:
    """The canonical form, with its leading dot. Raises InvalidHostname."""
    text = text.strip()
    if text.startswith("."):
        return "." + parse_hostname(text[1:])
    return parse_hostname(text)


def _covers(domain: str, name: str) -> bool:
    return name.endswith(domain) if domain.startswith(".") else is_within(name, domain)


class ZoneFilter:
    """The settings that say which hosted zones are ours to look at."""

    def __init__(
        self,
        *,
        domains: DomainFilter,
        zone_ids: Iterable[str] = (),
        zone_type: str = "",
        match_parent: bool = False,
        tags: Iterable[str] = (),
    ) -> None:
        self._domains = domains
        self._zone_ids = tuple(zone_ids)
        self._zone_type = zone_type
        self._match_parent = match_parent
        self._tags = tuple(tag.partition("=") for tag in tags)

    def refusal(self, zone: Zone) -> str:
        """The setting that leaves the zone out; empty when none does. An id may be given by its end alone.

        `--aws-zone-match-parent` is the one whose absence leaves out the parent of a wanted domain.
        """
        if self._zone_ids and not zone.id.endswith(self._zone_ids):
            return "--zone-id-filter"
        if self._zone_type and (self._zone_type == "private") != zone.private:
            return f"--aws-zone-type={self._zone_type}"
        if self._domains.accepts(zone.name):
            return ""
        if not self._domains.accepts_parent(zone.name):
            return "the domain filter"
        return "" if self._match_parent else "the domain filter, without --aws-zone-match-parent"

    def unmatched(self, zone_ids: Iterable[str]) -> tuple[str, ...]:
        """Those of the wanted ids that are the end of none of `zone_ids`."""
        ids = tuple(zone_ids)
        return tuple(end for end in self._zone_ids if not any(zone_id.endswith(end) for zone_id in ids))

    @property
    def wants_tags(self) -> bool:
        """True when the tags of zones decide too."""
        return bool(self._tags)

    def accepts_tags(self, tags: Mapping[str, str]) -> bool:
        """True when the zone has every tag asked for: by its key alone (`k`), or by its value too (`k=v`)."""
        return all(key in tags and (not equals or tags[key] == value) for key, equals, value in self._tags)


class Roles(Struct, frozen=True):
    """The role by which each zone is reached; an empty one stands for our own credentials.

    `by_zone` has the zones that are not reached by the default role, as another account's are.
    """

    default: str = ""
    external_id: str = ""
    by_zone: dict[str, str] = {}

    def of(self, zone_id: str) -> str:
        """The role that reaches the zone."""
        return self.by_zone.get(zone_id, self.default)

    def all(self) -> tuple[str, ...]:
        """Every role, the default one first."""
        return tuple(dict.fromkeys((self.default, *sorted(self.by_zone.values()))))

    def external_id_of(self, role: str) -> str:
        """The external id to assume a role with; none without a role."""
        return self.external_id if role else ""


class ZoneFinder:
    """Finds the zones of a name: the longest public match and the longest private match.

    Public and private zones of one name are served alike, each with its own records. Where several zones of
    one kind share the longest name (private zones of different networks), all of them are meant.
    """

    def __init__(self, zones: Iterable[Zone]) -> None:
        self._zones: dict[tuple[str, bool], list[str]] = {}
        self._domains: dict[str, str] = {}
        for zone in sorted(zones, key=lambda zone: zone.id):
            self._domains[zone.id] = zone.name
            self._zones.setdefault((zone.name, zone.private), []).append(zone.id)

    def find(self, name: str, pinned: str = "") -> tuple[str, ...]:
        """The ids of all zones that `name` belongs to; empty when there is none.

        With `pinned` only the zone of this id is meant, if the name lies in it.
        """
        if pinned:
            holds = pinned in self._domains and is_within(name, self._domains[pinned])
            return (pinned,) if holds else ()
        return (*self._longest(name, private=False), *self._longest(name, private=True))

    def _longest(self, name: str, *, private: bool) -> list[str]:
        suffix = name
        while suffix:
            if found := self._zones.get((suffix, private)):
                return found
            suffix = suffix.partition(".")[2]
        return []


def domains_of(config: Config) -> DomainFilter:
    """The domain filter that the settings describe; raises SettingError."""
    for flag, texts in (("domain-filter", config.domain_filter), ("exclude-domains", config.exclude_domains)):
        try:
            DomainFilter(texts)
        except InvalidHostname as error:
            raise SettingError(f"--{flag}: {error}") from None
    for flag, text in (
        ("regex-domain-filter", config.regex_domain_filter),
        ("regex-domain-exclusion", config.regex_domain_exclusion),
    ):
        try:
            re.compile(text)
        except re.error as error:
            raise SettingError(f"--{flag} {text!r} is no regular expression: {error}") from None
    return DomainFilter(
        config.domain_filter,
        config.exclude_domains,
        pattern=config.regex_domain_filter,
        exclusion=config.regex_domain_exclusion,
    )


def zone_filter_of(config: Config, domains: DomainFilter) -> ZoneFilter:
    """The zone filter that the settings describe."""
    return ZoneFilter(
        domains=domains,
        zone_ids=map(parse_zone_id, config.zone_id_filter),
        zone_type=config.aws_zone_type,
        match_parent=config.aws_zone_match_parent,
        tags=config.aws_zone_tags,
    )


def roles_of(config: Config) -> Roles:
    """The roles that the settings describe; raises SettingError."""
    return Roles(
        default=config.aws_assume_role,
        external_id=config.aws_assume_role_external_id,
        by_zone={_role_zone(text): role for text, role in config.aws_zone_role.items()},
    )


def _role_zone(text: str) -> str:
    try:
        return parse_zone_id(text)
    except InvalidZoneId as error:
        raise SettingError(f"--aws-zone-role: {error}") from None
