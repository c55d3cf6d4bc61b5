"""Encrypted ownership: what external-dns wrote is read, what is written never changes without need."""

import sys
from base64 import b64encode

import pytest

from addons.dns.config import Config
from addons.dns.model.records import RecordSet
from addons.dns.model.registry import Ownership, Registry, registry_of
from addons.dns.model.txt_encryption import Cipher, parse_key
from addons.runtime.settings import SettingError
from tests.support.dns import ZONE, World, endpoint, owned, record

KEY = "s%zF`.*'5`9.AhI2!B,.~hmbs^.*TL?;"
OTHER_KEY = "s'J!jD`].LC?g&Oa11AgTub,j48ts/96"
ORIGINAL = (
    "0Mfzf6wsN8llrfX0ucDZ6nlc2+QiQfKKedjPPLu5atb2I35L9nUZeJcCnuLVW7CVW3K0h94vSuBLdXnMrj8Vcm0M09shxaoF48IcCpD0"
    "3XtQbKXqk2hPbsW6+JybvplHIQGr16/PcjUSObGmR9yjf38+qEltApkKvrPjsyw43BX4eE10rL0Bln33UJD7/w+zazRDPFlAcbGtkt0E"
    "TKHnvyB3/aCddLipvrhjCXj2ZY/ktRF6h716kJRgXU10dCIQHFYU45MIdxI+k10HK3yZqhI2V0Gp2xjrFV/LRQ7/OS9SFee4asPWUYxb"
    "CEsnOzp8qc0dCPFSo1dtADzWnUZnsAcbnjtudT4milfLJc5CxDk1v3ykqQ/ajejwHjWQ7b8U6AsTErbezfdcqrb5IzkLgHb5TosnfrdD"
    "mNc9GcKfpsrCHbVY8KgNwMVdtwavLv7d9WM6sooUlZ3t0sABGkzagXQmPRvwLnkSOlie5XrnzWo8/8/4UByLga29CaXO"
)
"""A text that the original's own tests hold against its key."""

CIPHER = Cipher(parse_key(KEY))
SECRET = Registry("me", cipher=CIPHER)


def secret(name: str, *values: str, owner: str = "me") -> list[RecordSet]:
    """A record with its encrypted ownership text."""
    data = record(name, *values)
    registry = Registry(owner, cipher=CIPHER)
    return [data, registry.txt_record(data, "service/web/www", ZONE.name)]


class TestCipher:
    """AES-256-GCM over gzip, base64 around nonce and ciphertext."""

    def test_reads_what_the_original_wrote(self) -> None:
        text = CIPHER.decrypt(ORIGINAL)
        assert text is not None
        assert text.startswith("Lorem Ipsum is simply dummy text")
        assert text.endswith("including versions of Lorem Ipsum.")

    def test_reads_nothing_with_another_key(self) -> None:
        assert Cipher(parse_key(OTHER_KEY)).decrypt(ORIGINAL) is None

    @pytest.mark.parametrize("text", ["", "v=spf1 -all", "AAAA", "heritage=external-dns", "ä"])
    def test_reads_nothing_in_plain_text(self, text: str) -> None:
        assert CIPHER.decrypt(text) is None

    def test_writes_the_same_for_the_same_text_and_key_only(self) -> None:
        assert CIPHER.encrypt("a") == Cipher(parse_key(KEY)).encrypt("a")
        assert len({CIPHER.encrypt("a"), CIPHER.encrypt("b"), Cipher(parse_key(OTHER_KEY)).encrypt("a")}) == 3
        assert CIPHER.decrypt(CIPHER.encrypt("a")) == "a"


class TestKey:
    """32 bytes, as they are or in base64."""

    def test_is_taken_as_it_is(self) -> None:
        assert parse_key(KEY) == KEY.encode()

    def test_or_in_base64(self) -> None:
        assert parse_key(b64encode(bytes(range(32))).decode()) == bytes(range(32))

    @pytest.mark.parametrize("text", ["", "short", "ü" * 20, b64encode(b"short").decode()])
    def test_of_another_length_is_refused_and_not_shown(self, text: str) -> None:
        with pytest.raises(SettingError) as refused:
            parse_key(text)
        assert str(refused.value) == "--txt-encrypt-aes-key: 32 bytes are needed, as they are or in base64"

    def test_without_the_package_the_message_names_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
        config = Config(txt_owner_id="me", txt_encrypt_enabled=True, txt_encrypt_aes_key=KEY)
        with pytest.raises(SettingError, match=r"install aws-cluster-addons\[encryption\]"):
            registry_of(config)


class TestPlan:
    """An encrypted text proves as much as a plain one, to whom has the key."""

    def test_a_settled_zone_has_nothing_to_do(self) -> None:
        world = World(secret("www", "10.0.0.1"))
        assert world.plan(endpoint("www", "10.0.0.1"), registry=SECRET).changes == []

    def test_the_text_is_written_and_hides_the_owner(self) -> None:
        world = World()
        world.apply(world.plan(endpoint("www", "10.0.0.1"), registry=SECRET).groups)
        text = world.records.find("a-www.example.com", "TXT")
        assert text is not None
        assert "owner" not in text.values[0]
        assert SECRET.owner_of(text) == Ownership("me", "service/web/www")
        assert world.plan(endpoint("www", "10.0.0.1"), registry=SECRET).changes == []

    def test_a_text_with_other_bytes_for_the_same_words_stays(self) -> None:
        """Other programs pack a text to other bytes; a delete must name exactly what is there."""
        world = World(secret("www", "10.0.0.1"))
        (text,) = world.records.at("a-www.example.com")
        words = Cipher(parse_key(KEY)).decrypt(text.values[0].strip('"'))
        assert words is not None
        theirs = _packed_otherwise(words)
        assert theirs != text.values[0]
        world = World(record("www", "10.0.0.1"), RecordSet(text.name, "TXT", 300, (theirs,)))
        assert world.plan(endpoint("www", "10.0.0.1"), registry=SECRET).changes == []
        assert world.plan(registry=SECRET).changes == ["DELETE A www", "DELETE TXT a-www"]
        world.apply(world.plan(registry=SECRET).groups)
        assert world.contents() == frozenset()

    def test_plain_text_is_read_and_kept_until_it_changes(self) -> None:
        world = World(owned("www", "10.0.0.1"))
        assert world.plan(endpoint("www", "10.0.0.1"), registry=SECRET).changes == []
        world.apply(world.plan(endpoint("www", "10.0.0.1", by="other"), registry=SECRET).groups)
        (text,) = world.records.at("a-www.example.com")
        assert "heritage" not in text.values[0]

    def test_without_the_key_it_is_somebody_elses(self) -> None:
        world = World(secret("www", "10.0.0.1"))
        assert world.plan(endpoint("www", "10.0.0.2")).skips == [("OwnerConflict", "service/web/www")]
        assert world.plan().changes == []

    def test_the_text_of_another_owner_is_respected(self) -> None:
        world = World(secret("www", "10.0.0.1", owner="you"))
        assert world.plan(endpoint("www", "10.0.0.2"), registry=SECRET).skips == [
            ("OwnerConflict", "service/web/www")
        ]


def test_a_text_of_more_than_255_characters_is_several_strings() -> None:
    resource = "ingress/" + "n" * 63 + "/" + "i" * 253
    for registry in (Registry("me"), SECRET):
        value = registry.text(resource)
        assert all(len(part) <= 255 for part in value.strip('"').split('" "'))
        assert registry.owner_of(RecordSet("a-x.example.com", "TXT", 300, (value,))) == Ownership(
            "me", resource
        )


def _packed_otherwise(words: str) -> str:
    """The words as another implementation of gzip and another nonce would have them."""
    import gzip

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = bytes(12)
    packed = gzip.compress(words.encode(), compresslevel=1, mtime=0)
    return f'"{b64encode(nonce + AESGCM(KEY.encode()).encrypt(nonce, packed, None)).decode()}"'
