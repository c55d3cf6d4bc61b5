"""Settings that contradict each other are refused with one line that says why."""

import pytest

from addons.dns.config import Config
from addons.dns.desired.settings import source_settings
from addons.dns.model.records import Zone
from addons.dns.model.registry import Registry, registry_of
from addons.dns.model.zones import DomainFilter, domains_of, roles_of, zone_filter_of
from addons.runtime.settings import SettingError, load

PREFIXES = ("ADDONS_DNS_", "EXTERNAL_DNS_")
ROLE = "arn:aws:iam::123456789012:role/dns"


def read(*argv: str, **environ: str) -> Config:
    return load(Config, argv, environ, env_prefixes=PREFIXES)


def test_an_owner_is_all_that_is_needed() -> None:
    config = read("--txt-owner-id=me")
    assert (config.policy, config.registry, config.source) == ("upsert-only", "txt", ("service", "ingress"))


def test_the_legacy_prefix_of_annotations_is_read_where_asked_for() -> None:
    def prefixes(*flags: str) -> tuple[str, ...]:
        return source_settings(read("--txt-owner-id=me", *flags), DomainFilter()).prefixes

    legacy = "external-dns.alpha.kubernetes.io/"
    assert prefixes() == prefixes("--enable-legacy-annotation-prefix")
    assert prefixes("--annotation-prefix=a.org/") == ("a.org/",)
    assert prefixes("--annotation-prefix=a.org/", "--enable-legacy-annotation-prefix") == ("a.org/", legacy)


@pytest.mark.parametrize("flag", ["--registry=crd", "--registry=dynamodb", "--crd-registry-namespace=dns"])
def test_registries_that_we_have_not_are_refused_with_a_sentence(flag: str) -> None:
    texts = "ownership is kept in TXT records beside the records, with --registry=txt"
    with pytest.raises(SettingError, match=rf"^{flag.partition('=')[0]}.* is not supported: .*{texts}$"):
        read("--txt-owner-id=me", flag)


def test_variables_of_external_dns_are_read() -> None:
    assert read(EXTERNAL_DNS_TXT_OWNER_ID="me", EXTERNAL_DNS_DOMAIN_FILTER="a.com\nb.com").domain_filter == (
        "a.com",
        "b.com",
    )


def test_flags_of_external_dns_that_name_what_we_do_anyway_are_accepted() -> None:
    assert read("--txt-owner-id=me", "--provider=aws", "--events")


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        ([], "--txt-owner-id is required"),
        (["--txt-owner-id=a,b"], "no comma"),
        (["--registry=noop", "--policy=sync"], "--registry noop cannot go with --policy sync"),
        (["--txt-owner-id=me", "--txt-prefix=a", "--txt-suffix=b"], "exclude each other"),
        (["--txt-owner-id=me", "--label-filter=a in"], "--label-filter: not a label selector"),
        (["--txt-owner-id=me", "--annotation-filter=a=b="], "--annotation-filter: not a label selector"),
        (["--txt-owner-id=me", "--delete-budget=101"], "--delete-budget"),
        (["--txt-owner-id=me", "--source=pods"], "--source"),
        (["--txt-owner-id=me", "--provider=google"], "--provider"),
        (["--txt-owner-id=me", "--no-events"], "--no-events"),
    ],
)
def test_is_refused(argv: list[str], complaint: str) -> None:
    with pytest.raises(SettingError, match=complaint):
        read(*argv)


def test_without_registry_no_owner_is_needed() -> None:
    assert read("--registry=noop").txt_owner_id == ""


class TestWhatSettingsDescribe:
    """Settings become the values that the pure parts work with."""

    def test_scope(self) -> None:
        config = read("--txt-owner-id=me", "--ingress-class=alb", "--min-ttl=1m", "--label-filter=team=a")
        settings = source_settings(config, DomainFilter())
        assert (settings.ingress_classes, settings.default_ttl) == (frozenset({"alb"}), 60)
        assert settings.labels.matches({"team": "a"})
        assert not settings.labels.matches({})

    def test_registry(self) -> None:
        assert registry_of(read("--txt-owner-id=me", "--txt-prefix=x-")) == Registry("me", prefix="x-")
        assert registry_of(read("--registry=noop", "--txt-owner-id=me")) == Registry("", enabled=False)

    def test_domains(self) -> None:
        domains = domains_of(
            read("--txt-owner-id=me", "--domain-filter=a.com,b.com", "--exclude-domains=x.a.com")
        )
        assert [domains.accepts(name) for name in ("w.a.com", "w.x.a.com", "w.c.com")] == [True, False, False]

    def test_domains_that_are_none(self) -> None:
        with pytest.raises(SettingError, match="--exclude-domains: 'a b' is not a host name"):
            domains_of(read("--txt-owner-id=me", "--exclude-domains=a b"))

    def test_zones(self) -> None:
        config = read("--txt-owner-id=me", "--aws-zone-type=private", "--zone-id-filter=Z1")
        zones = zone_filter_of(config, DomainFilter())
        assert not zones.refusal(Zone("Z1", "a.com", private=True))
        assert zones.refusal(Zone("Z1", "a.com")) == "--aws-zone-type=private"

    @pytest.mark.parametrize("text", ["Z1", "/hostedzone/Z1", "arn:aws:route53:::hostedzone/z1"])
    def test_ids_of_zones_in_every_form(self, text: str) -> None:
        config = read("--txt-owner-id=me", f"--zone-id-filter={text}", f"--aws-zone-role={text}={ROLE}")
        assert zone_filter_of(config, DomainFilter()).unmatched(["Z1"]) == ()
        assert roles_of(config).by_zone == {"Z1": ROLE}

    def test_ids_of_zones_that_are_none(self) -> None:
        with pytest.raises(
            SettingError, match=r"--zone-id-filter: 'example\.com' is not allowed: .*the id of a"
        ):
            read("--txt-owner-id=me", "--zone-id-filter=example.com")
        with pytest.raises(SettingError, match=r"--aws-zone-role: 'example\.com' is no id of a hosted zone"):
            roles_of(read("--txt-owner-id=me", f"--aws-zone-role=example.com={ROLE}"))

    def test_record_types(self) -> None:
        config = read("--txt-owner-id=me", "--managed-record-types=A,AAAA,SRV", "--exclude-record-types=AAAA")
        assert registry_of(config).types == ("A", "SRV")
        assert source_settings(config, DomainFilter()).targets.types == {"A", "SRV"}

    def test_networks(self) -> None:
        config = read("--txt-owner-id=me", "--target-net-filter=10.0.0.1/8", "--exclude-target-net=fd00::/8")
        found = source_settings(config, DomainFilter()).targets
        assert [str(network) for network in (*found.include, *found.exclude)] == ["10.0.0.0/8", "fd00::/8"]

    def test_a_template(self) -> None:
        config = read("--txt-owner-id=me", "--fqdn-template={{.Name}}.example.com")
        assert source_settings(config, DomainFilter()).template is not None

    @pytest.mark.parametrize(
        ("flag", "complaint"),
        [
            (
                "--fqdn-template={{.Labelz}}",
                r"--fqdn-template: column 3: .Labelz is not known; allowed are .Name",
            ),
            ("--target-net-filter=10.0.0.0/40", r"--target-net-filter: .*10.0.0.0/40"),
            ("--exclude-target-net=x", r"--exclude-target-net: .*networks like 10.0.0.0/8 are allowed"),
        ],
    )
    def test_scopes_that_are_none(self, flag: str, complaint: str) -> None:
        with pytest.raises(SettingError, match=complaint):
            source_settings(read("--txt-owner-id=me", flag), DomainFilter())

    def test_regular_expressions_replace_the_lists(self) -> None:
        domains = domains_of(
            read(
                "--txt-owner-id=me",
                "--domain-filter=a.com",
                "--regex-domain-filter=^[a-z]+[.]b[.]com$",
                "--regex-domain-exclusion=^x",
            )
        )
        assert [domains.accepts(name) for name in ("w.a.com", "w.b.com", "x.b.com")] == [False, True, False]

    def test_regular_expressions_that_are_none(self) -> None:
        with pytest.raises(SettingError, match="--regex-domain-exclusion '\\(' is no regular expression"):
            domains_of(read("--txt-owner-id=me", "--regex-domain-exclusion=("))
