"""The TXT registry is external-dns's own, byte for byte."""

import pytest

from addons.dns.model.records import Alias, RecordSet
from addons.dns.model.registry import Ownership, Registry, decode, encode, owner_of

TEXT = '"heritage=external-dns,external-dns/owner=prod,external-dns/resource=service/web/www"'


def txt(*values: str) -> RecordSet:
    return RecordSet("a-www.example.com", "TXT", 300, values)


class TestText:
    """Labels in alphabetical order, the whole in double quotes."""

    def test_is_written_as_the_original_writes_it(self) -> None:
        assert encode(Ownership("prod", "service/web/www")) == TEXT

    def test_is_read_back(self) -> None:
        assert decode(TEXT) == Ownership("prod", "service/web/www")

    @pytest.mark.parametrize(
        ("value", "said"),
        [
            ("heritage=external-dns,external-dns/owner=prod", Ownership("prod", "")),
            ('"heritage=external-dns,external-dns/owner=a=b,stray"', Ownership("a=b", "")),
            ('"external-dns/owner=prod,heritage=external-dns"', Ownership("prod", "")),
            ('"heritage=external-dns,external-dns/owner=x,external-dns/ownedRecord=y"', Ownership("x", "")),
        ],
    )
    def test_is_read_leniently(self, value: str, said: Ownership) -> None:
        assert decode(value) == said

    @pytest.mark.parametrize(
        "value",
        ['"v=spf1 -all"', '""', '"heritage=mate,external-dns/owner=prod"', f'{TEXT[:-1]},heritage=mate"'],
    )
    def test_of_somebody_else_says_nothing(self, value: str) -> None:
        assert decode(value) is None

    def test_beside_a_foreign_value_proves_nothing(self) -> None:
        assert owner_of(txt(TEXT)) == Ownership("prod", "service/web/www")
        assert owner_of(txt(TEXT, '"v=spf1 -all"')) is None


class TestNames:
    """The TXT stands at the record's name, with the record's type before the first label."""

    @pytest.mark.parametrize(
        ("registry", "name", "kind", "expected"),
        [
            (Registry("o"), "www.example.com", "A", "a-www.example.com"),
            (Registry("o"), "www.example.com", "AAAA", "aaaa-www.example.com"),
            (Registry("o"), "www.example.com", "CNAME", "cname-www.example.com"),
            (Registry("o"), "*.example.com", "A", "a-*.example.com"),
            (Registry("o", wildcard_replacement="any"), "*.example.com", "A", "a-any.example.com"),
            (Registry("o", prefix="txt-"), "www.example.com", "A", "txt-a-www.example.com"),
            (Registry("o", prefix="TXT."), "www.example.com", "A", "txt.a-www.example.com"),
            (Registry("o", suffix="-txt"), "www.example.com", "CNAME", "cname-www-txt.example.com"),
            (Registry("o", prefix="%{record_type}-x-"), "www.example.com", "AAAA", "aaaa-x-www.example.com"),
            (Registry("o", suffix="-%{record_type}"), "www.example.com", "A", "www-a.example.com"),
            (Registry("o", prefix="%{record_type}."), "example.com", "A", "a.example.com"),
        ],
    )
    def test_are_those_of_the_original(self, registry: Registry, name: str, kind: str, expected: str) -> None:
        assert registry.txt_name(name, kind, "example.com") == expected

    def test_of_the_apex_cannot_be_usual_because_it_would_leave_the_zone(self) -> None:
        name = Registry("o").txt_name("example.com", "A", "example.com")
        assert name == "_aws-addons-owner-a-0caaf24ab1a0.example.com"

    def test_of_a_long_label_cannot_be_usual_because_it_would_outgrow_dns(self) -> None:
        name = Registry("o").txt_name("x" * 62 + ".example.com", "CNAME", "example.com")
        assert name == "_aws-addons-owner-cname-6a7537741566.example.com"


class TestOldFormats:
    """Older versions wrote no type, or `cname-` for alias A records."""

    def test_a_plain_record_may_have_an_untyped_text(self) -> None:
        record = RecordSet("www.example.com", "A", 300, ("10.0.0.1",))
        assert Registry("o").legacy_txt_names(record) == ["www.example.com"]
        assert Registry("o", prefix="txt-").legacy_txt_names(record) == ["txt-www.example.com"]

    def test_an_alias_may_have_a_text_for_cname(self) -> None:
        record = RecordSet("www.example.com", "A", 0, alias=Alias("Z1", "elb.example.net", True))
        assert Registry("o").legacy_txt_names(record) == ["cname-www.example.com", "www.example.com"]

    def test_aaaa_came_after_the_untyped_format(self) -> None:
        assert Registry("o").legacy_txt_names(RecordSet("www.example.com", "AAAA", 300, ("::1",))) == []

    def test_a_host_called_like_a_typed_text_has_none(self) -> None:
        """The TXT `a-www` is about the A record of `www`; to read it as `a-www`'s own would be theft."""
        assert Registry("o").legacy_txt_names(RecordSet("a-www.example.com", "A", 300, ("10.0.0.1",))) == []


def test_the_text_shares_the_routing_of_its_record() -> None:
    record = RecordSet(
        "www.example.com", "A", 60, ("10.0.0.1",), "blue", None, (("Weight", "10"),), "check-1"
    )
    text = Registry("prod").txt_record(record, "service/web/www", "example.com")
    assert text == RecordSet(
        "a-www.example.com", "TXT", 300, (TEXT,), "blue", None, (("Weight", "10"),), "check-1"
    )
