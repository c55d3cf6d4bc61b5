"""The TXT registry: who owns a record, written beside it as external-dns writes it, byte for byte.

A data record `www.example.com A` of owner `prod` is accompanied by
`a-www.example.com TXT "heritage=external-dns,external-dns/owner=prod,external-dns/resource=service/web/www"`.
Three formats are read: this one, the format without the type in its name (before external-dns 0.12), and
`cname-` for alias A records. Only the first is written. The text of any may be encrypted.
"""

from collections.abc import Iterator, Mapping
from hashlib import sha1
from typing import Final, NamedTuple

from msgspec import Struct

from addons.dns import names
from addons.dns.config import Config, managed_types
from addons.dns.model.actions import ChangeGroup
from addons.dns.model.hostnames import fits_below
from addons.dns.model.records import MANAGED_TYPES, RecordSet, ZoneRecords
from addons.dns.model.txt_encryption import Cipher, parse_key

TXT_TTL: Final = 300
_HERITAGE: Final = "external-dns"
TYPE_TOKENS: Final = ("a", "aaaa", "cname", "ns", "mx", "ptr", "srv", "naptr", "txt", "dname", "tlsa")
"""The types of records as the names of their texts have them."""

_STRING: Final = 255
_TEMPLATE: Final = "%{record_type}"


class Ownership(NamedTuple):
    """What an ownership text says."""

    owner: str
    resource: str


def encode(ownership: Ownership) -> str:
    """The value of the TXT record, quoted, labels in alphabetical order."""
    return _quoted(_write(ownership))


def _write(ownership: Ownership) -> str:
    owner, resource = f"external-dns/owner={ownership.owner}", f"external-dns/resource={ownership.resource}"
    return f"heritage={_HERITAGE},{owner},{resource}"


def decode(value: str) -> Ownership | None:
    """What a TXT value says about ownership; None when it says nothing, or has another heritage."""
    return _read(_unquoted(value))


def _unquoted(value: str) -> str:
    """The text of a TXT value, whose strings of at most 255 characters belong together."""
    return value.strip('"').replace('" "', "")


def _quoted(text: str) -> str:
    """The text as a TXT value: as many strings as it needs, of at most 255 characters."""
    return " ".join(f'"{text[start : start + _STRING]}"' for start in range(0, len(text), _STRING))


def _read(text: str) -> Ownership | None:
    labels: dict[str, str] = {}
    heritage = ""
    for token in text.split(","):
        key, equals, said = token.partition("=")
        if not equals:
            continue
        if key == "heritage":
            if said != _HERITAGE:
                return None
            heritage = said
        elif key.startswith("external-dns/"):
            labels[key.removeprefix("external-dns/")] = said
    if not heritage:
        return None
    return Ownership(labels.get("owner", ""), labels.get("resource", ""))


def owner_of(record: RecordSet) -> Ownership | None:
    """The ownership that a TXT record set carries.

    Every one of its values must be an ownership text: what shares a record set with somebody's SPF entry
    cannot be changed without touching that entry, so it proves nothing to us.
    """
    found = [decode(value) for value in record.values]
    return found[0] if found and all(found) else None


class Registry(Struct, frozen=True):
    """Where ownership texts are kept, and of what: the settings `--registry`, `--txt-*` and record types.

    With `enabled` False (registry noop) nothing is written beside the records and every record of a wanted
    name counts as ours, which is why deletes are then out of the question.
    """

    owner: str
    prefix: str = ""
    suffix: str = ""
    wildcard_replacement: str = ""
    enabled: bool = True
    types: tuple[str, ...] = MANAGED_TYPES
    cipher: Cipher | None = None
    former_owner: str = ""
    adopts_unowned: bool = False

    def accepts(self, owner: str) -> bool:
        """True for ourselves, and for the former owner whose records we take over where we want the name."""
        return owner == self.owner or bool(owner and owner == self.former_owner)

    def owner_of(self, record: RecordSet) -> Ownership | None:
        """The ownership that a TXT record set carries; see `owner_of`. Plain text is always read."""
        if said := owner_of(record):
            return said
        if self.cipher is None or len(record.values) != 1:
            return None
        text = self.cipher.decrypt(_unquoted(record.values[0]))
        return _read(text) if text else None

    def is_text(self, record: RecordSet) -> bool:
        """True for an ownership text of any owner; False for data, TXT included."""
        return record.type == "TXT" and self.owner_of(record) is not None

    def is_ours(self, text: RecordSet) -> bool:
        """True when a TXT record set says that its record belongs to us."""
        said = self.owner_of(text)
        return said is not None and said.owner == self.owner

    def is_data(self, record: RecordSet) -> bool:
        """True for records that may be ours: of a managed type, and no ownership text themselves."""
        return record.type in self.types and not self.is_text(record)

    def texts_of(
        self,
        record: RecordSet,
        zone_name: str,
        observed: ZoneRecords,
        made: Mapping[tuple[str, str, str], RecordSet] = {},
    ) -> list[tuple[RecordSet, Ownership]]:
        """The ownership texts of one record with what they say, newest format first.

        Those in `made`, by key, are about to be made and count before those in the zone.
        """
        names = (self.txt_name(record.name, record.type, zone_name), *self.legacy_txt_names(record))
        keys = [(name, "TXT", record.set_identifier) for name in names]
        found = (made.get(key) or observed.find(*key) for key in keys)
        return [(text, said) for text in found if text and (said := self.owner_of(text))]

    def vouches(self, group: ChangeGroup, zone_name: str, observed: ZoneRecords) -> bool:
        """True when an ownership text of ours, present or in the same group, stands behind every data record.

        The text of the former owner does as well, save for giving a name up. The planner sees to that
        already; this is the same question asked once more, before anything is sent.
        """
        if not self.enabled:
            return True
        owners = {self.owner} if group.verb == "delete" else {self.owner, self.former_owner or self.owner}
        made = {change.record.key: change.record for change in group.changes if change.record.type == "TXT"}
        data = (change.record for change in group.changes if not self.is_text(change.record))
        return all(
            any(said.owner in owners for _, said in self.texts_of(record, zone_name, observed, made))
            for record in data
        )

    def text(self, resource: str) -> str:
        """The value that says: ours, because of `resource` (kind/namespace/name)."""
        ownership = Ownership(self.owner, resource)
        return _quoted(self.cipher.encrypt(_write(ownership))) if self.cipher else encode(ownership)

    def txt_name(self, name: str, record_type: str, zone_name: str) -> str:
        """The name of the TXT beside a record; the fallback where the zone cannot have the usual one."""
        usual = self._affixed(name, record_type.lower())
        if fits_below(usual, zone_name):
            return usual
        digest = sha1(name.encode(), usedforsecurity=False).hexdigest()[:12]
        return f"{names.FALLBACK_OWNER_LABEL}-{record_type.lower()}-{digest}.{zone_name}"

    def subjects(self, txt_name: str) -> Iterator[str]:
        """The names that a text of this name may be about, in any format but the fallback."""
        for token in (*TYPE_TOKENS, ""):
            prefix, suffix = (affix.replace(_TEMPLATE, token).lower() for affix in (self.prefix, self.suffix))
            start = prefix if self._has_template or not token else f"{prefix}{token}-"
            if not txt_name.startswith(start):
                continue
            first, _, domain = txt_name.removeprefix(start).partition(f"{suffix}.")
            is_wildcard = first == self.wildcard_replacement.lower() != ""
            for name in (f"{first}.{domain}", *((f"*.{domain}",) if is_wildcard else ())):
                if self._affixed(name, token) == txt_name:
                    yield name

    def legacy_txt_names(self, record: RecordSet) -> list[str]:
        """Names at which older versions of external-dns left the ownership text of `record`."""
        found = []
        if record.alias and record.type == "A":
            found.append(self._affixed(record.name, "cname"))
        if record.type != "AAAA":
            untyped = self._affixed(record.name, "")
            if not self._is_typed(untyped):
                found.append(untyped)
        return found

    def txt_record(self, record: RecordSet, resource: str, zone_name: str) -> RecordSet:
        """The TXT that belongs beside `record`: it shares its set identifier, routing and health check."""
        return RecordSet(
            name=self.txt_name(record.name, record.type, zone_name),
            type="TXT",
            ttl=TXT_TTL,
            values=(self.text(resource),),
            set_identifier=record.set_identifier,
            routing=record.routing,
            health_check_id=record.health_check_id,
        )

    def _affixed(self, name: str, token: str) -> str:
        """`prefix + type- + first label + suffix`, or the type where a `%{record_type}` asks for it."""
        first, dot, rest = name.partition(".")
        if first == "*" and self.wildcard_replacement:
            first = self.wildcard_replacement
        if self._has_template:
            prefix, suffix = (affix.replace(_TEMPLATE, token) for affix in (self.prefix, self.suffix))
            return f"{prefix}{first}{suffix}{dot}{rest}".lower()
        typed = f"{token}-{first}" if token else first
        return f"{self.prefix}{typed}{self.suffix}{dot}{rest}".lower()

    @property
    def _has_template(self) -> bool:
        return _TEMPLATE in self.prefix or _TEMPLATE in self.suffix

    def _is_typed(self, txt_name: str) -> bool:
        """True when the name has a type in it: TXT `a-www` is about `www`, never about a host `a-www`."""
        if self._has_template:
            return False
        label = txt_name.removeprefix(self.prefix.lower()).partition(".")[0]
        token, dash, rest = label.partition("-")
        return bool(dash and rest) and token in TYPE_TOKENS


def registry_of(config: Config) -> Registry:
    """The registry that the settings describe."""
    is_kept = config.registry == "txt"
    return Registry(
        owner=config.txt_owner_id if is_kept else "",
        prefix=config.txt_prefix,
        suffix=config.txt_suffix,
        wildcard_replacement=config.txt_wildcard_replacement,
        enabled=is_kept,
        types=managed_types(config),
        cipher=Cipher(parse_key(config.txt_encrypt_aes_key)) if config.txt_encrypt_enabled else None,
        former_owner=config.migrate_from_txt_owner,
        adopts_unowned=config.adopt_unowned,
    )
