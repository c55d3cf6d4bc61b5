"""One canonical form for every spelling of a domain name."""

import pytest

from addons.dns.model.hostnames import InvalidHostname, fits_dns, from_route53, is_within, parse_hostname


class TestWhatPeopleWrite:
    """Case, IDN and a trailing dot do not matter; what DNS cannot hold is refused with its reason."""

    @pytest.mark.parametrize(
        ("written", "canonical"),
        [
            ("www.example.com", "www.example.com"),
            ("WWW.Example.COM.", "www.example.com"),
            ("bücher.example.org", "xn--bcher-kva.example.org"),
            ("BÜCHER.example.org", "xn--bcher-kva.example.org"),
            ("_sip._tcp.example.com", "_sip._tcp.example.com"),
            ("_dmarc.bücher.example", "_dmarc.xn--bcher-kva.example"),
            ("*.example.com", "*.example.com"),
            (" a.example.com ", "a.example.com"),
            ("x" * 63 + ".example.com", "x" * 63 + ".example.com"),
        ],
    )
    def test_has_one_canonical_form(self, written: str, canonical: str) -> None:
        assert parse_hostname(written) == canonical

    @pytest.mark.parametrize(
        "written",
        [
            "",
            ".",
            "a..b",
            "-a.com",
            "a-.com",
            "a b.com",
            "*",
            "a.*.com",
            "x" * 64 + ".com",
            "a/b.com",
            "192.0.2.300",
            "192.0.2.1.",
        ],
    )
    def test_is_refused_when_dns_cannot_hold_it(self, written: str) -> None:
        with pytest.raises(InvalidHostname, match="is not a host name"):
            parse_hostname(written)

    def test_is_refused_when_the_whole_is_too_long(self) -> None:
        with pytest.raises(InvalidHostname, match="299 characters"):
            parse_hostname(".".join(["x" * 59] * 5))


class TestWhatRoute53Writes:
    r"""Route 53 escapes all but letters, digits, hyphens and underscores as \ooo, and adds a dot."""

    @pytest.mark.parametrize(
        ("written", "canonical"),
        [
            ("www.example.com.", "www.example.com"),
            (r"\052.example.com.", "*.example.com"),
            (r"a-\052.example.com.", "a-*.example.com"),
            (r"\100.example.com.", "@.example.com"),
        ],
    )
    def test_is_unescaped(self, written: str, canonical: str) -> None:
        assert from_route53(written) == canonical

    @pytest.mark.parametrize(
        "written", [r"a\056b.example.com", r"a\134052.example.com", r"a\040b.example.com"]
    )
    def test_stays_escaped_where_it_would_change_its_meaning(self, written: str) -> None:
        assert from_route53(written + ".") == written


class TestBelonging:
    """A name is within a domain at label boundaries only."""

    @pytest.mark.parametrize("name", ["example.com", "a.example.com", "a.b.example.com"])
    def test_within(self, name: str) -> None:
        assert is_within(name, "example.com")

    @pytest.mark.parametrize("name", ["notexample.com", "com", "example.com.au", ""])
    def test_elsewhere(self, name: str) -> None:
        assert not is_within(name, "example.com")

    def test_a_label_of_64_characters_does_not_fit(self) -> None:
        assert fits_dns("a." + "b" * 63)
        assert not fits_dns("a." + "b" * 64)
