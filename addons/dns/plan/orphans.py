"""Ownership texts without the record that they were made with: somebody else has deleted that. Pure.

Such a text would make the next record of its name ours, whoever makes it. It is therefore removed, unless the
record is about to be made anew, and proves nothing meanwhile (see `Rules.void_texts`).
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from msgspec import Struct

from addons.dns import names as reasons
from addons.dns.model.endpoint import Endpoint
from addons.dns.model.records import RecordKey, RecordSet, Zone, ZoneRecords
from addons.dns.model.registry import TYPE_TOKENS, Registry

_WORD = re.compile(r"[a-z0-9]+")


class OrphanedTexts(Struct, frozen=True, dict=True):
    """The orphaned texts of ours in a zone; those in `void` are orphans whatever stands beside them now."""

    zone: Zone
    desired: Mapping[str, Sequence[Endpoint]]
    observed: ZoneRecords
    registry: Registry
    void: Container[RecordKey] = ()

    def at(self, name: str) -> list[RecordSet]:
        """The orphaned texts of this name."""
        if not self.registry.enabled:
            return []
        return [text for text in self.observed.at(name) if text.type == "TXT" and self._is_orphan(text)]

    def is_awaited(self, text: RecordSet) -> bool:
        """True when the record of an orphaned text is asked for: it is made anew, now or later."""
        return any(
            self._belongs(text, endpoint.record())
            or (endpoint.type == "" and endpoint.set_identifier == text.set_identifier)
            for name in self._subjects(text)
            for endpoint in self.desired.get(name, ())
        )

    def may_be_misread(self, text: RecordSet) -> bool:
        """True when a record that has no text could be the one of `text`, under another prefix or suffix.

        With a wrong `--txt-prefix` all texts look orphaned, and all records unowned.
        """
        labels = text.name.split(".")
        for end in range(1, len(labels)):
            if firsts := self._unowned.get(".".join(labels[end:])):
                for rest, first in _divisions(".".join(labels[:end])):
                    if any(_carries(word, token) for token in firsts.get(first, ()) for word in rest):
                        return True
        return False

    def _is_orphan(self, text: RecordSet) -> bool:
        if not self.registry.is_ours(text):
            return False
        return text.key in self.void or not any(
            self._belongs(text, record) for name in self._subjects(text) for record in self.observed.at(name)
        )

    def _belongs(self, text: RecordSet, record: RecordSet) -> bool:
        if record.set_identifier != text.set_identifier or self.registry.is_text(record):
            return False
        usual = self._text_name(record.name, record.type)
        return text.name == usual or text.name in self.registry.legacy_txt_names(record)

    def _subjects(self, text: RecordSet) -> Iterable[str]:
        """The names that a text may be about."""
        if text.name.startswith(reasons.FALLBACK_OWNER_LABEL):
            return self._by_fallback.get(text.name, ())
        return self.registry.subjects(text.name)

    def _text_name(self, name: str, record_type: str) -> str:
        return self.registry.txt_name(name, record_type, self.zone.name)

    @cached_property
    def _by_fallback(self) -> dict[str, list[str]]:
        """The names whose ownership text has a name that nothing can be read from, by that."""
        found: dict[str, list[str]] = {}
        for name in {*self.observed.names(), *self.desired}:
            if self._text_name(name, "A").startswith(reasons.FALLBACK_OWNER_LABEL):
                for kind in self.registry.types:
                    found.setdefault(self._text_name(name, kind), []).append(name)
        return found

    @cached_property
    def _unowned(self) -> dict[str, dict[str, set[str]]]:
        """The records without a text: the domain, the first label before it, the types as texts call them."""
        found: dict[str, dict[str, set[str]]] = {}
        for record in self.observed:
            if self.registry.is_data(record) and not self.registry.texts_of(
                record, self.zone.name, self.observed
            ):
                first, _, domain = record.name.partition(".")
                tokens = found.setdefault(domain, {}).setdefault(first, set())
                tokens.update((record.type.lower(), *(("cname",) if record.alias else ())))
        return found


def _divisions(head: str) -> Iterator[tuple[list[str], str]]:
    """Every piece of the text that begins where a word does, after the words around it."""
    for start in range(len(head)):
        if start == 0 or not head[start - 1].isalnum():
            for end in range(start + 1, len(head) + 1):
                yield _WORD.findall(f"{head[:start]} {head[end:]}"), head[start:end]


def _carries(word: str, token: str) -> bool:
    """True when the word is the token, or a prefix or suffix without a dash that is written against it."""
    return word == token or (word not in TYPE_TOKENS and (word.startswith(token) or word.endswith(token)))
