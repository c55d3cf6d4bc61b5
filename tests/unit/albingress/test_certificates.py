"""Which certificates an HTTPS listener has, and which is the default one."""

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from addons.albingress.desired.certificates import ListenerCertificates, hosts_of, listener_certificates
from addons.albingress.desired.inputs import Member, Unresolved
from addons.albingress.model.elb import Listener
from tests.support.alb_groups import certificate, doubtful, ingress, inputs, member, resolved, told
from tests.support.alb_observed import listener

SHOP, WILD, OTHER = "arn:aws:acm:shop", "arn:aws:acm:wild", "arn:aws:acm:other"


def named(name: str, *arns: str) -> Member:
    return member(name, {"certificate-arn": ",".join(arns)})


def find(*members: Member, has: tuple[str, ...] | None = None, **answers: Any) -> ListenerCertificates:
    incumbent: Listener | None = None if has is None else listener(443, protocol="HTTPS", certificates=has)
    settings = {key: answers.pop(key) for key in ("allowed_certificate_authority_arns",) if key in answers}
    group = inputs(*members, answers=resolved(**answers), **settings)
    return listener_certificates(group, group.members, incumbent)


class TestNamed:
    """Certificates by annotation."""

    def test_the_first_of_the_first_member_that_has_any_is_the_default(self) -> None:
        found = find(member("a"), named("b", OTHER, SHOP), named("c", WILD, OTHER), has=())
        assert (found.arns, found.problems) == ((OTHER, SHOP, WILD), ())
        assert [owner.ref.name for owner in found.owners] == ["b", "b", "c"]

    def test_of_several_who_ask_the_oldest_counts(self) -> None:
        old, young = named("z", SHOP), named("a", SHOP)
        meta = replace(young.ingress.metadata, creation_timestamp=datetime(2030, 1, 1, tzinfo=UTC))
        young = replace(young, ingress=replace(young.ingress, metadata=meta))
        assert [owner.ref.name for owner in find(young, old, has=()).owners] == ["z"]

    def test_one_that_aws_refuses_is_left_out_and_told(self) -> None:
        found = find(named("a", OTHER, SHOP), refused_certificates={OTHER: "it has expired"})
        assert (found.arns, told(found.problems)) == ((SHOP,), [("a", "CertificateMissing")])
        assert f"{OTHER} is left out: it has expired" in found.problems[0].message

    def test_so_is_one_that_is_no_arn(self) -> None:
        found = find(named("a", "shop"), named("b", SHOP))
        assert (found.arns, told(found.problems)) == ((SHOP,), [("a", "CertificateMissing")])

    def test_what_the_listener_has_stays_while_one_is_left_out(self) -> None:
        assert find(named("a", "shop"), named("b", SHOP), has=(OTHER, WILD)).arns == (OTHER, SHOP, WILD)
        assert find(named("a", SHOP, "shop"), has=(OTHER, WILD)).arns == (SHOP, OTHER, WILD)

    def test_those_of_the_class_win(self) -> None:
        one = member("a", {"certificate-arn": SHOP}, params={"certificateArn": [WILD]})
        assert find(one).arns == (WILD,)

    def test_a_class_that_cannot_be_read_leaves_what_the_listener_has(self) -> None:
        broken, fine = member("a", params={"certificateArn": 5}), named("b", SHOP)
        found = find(broken, fine, has=(OTHER, WILD))
        assert found.arns == (OTHER, SHOP, WILD)
        assert told(found.problems) == [("public", "InvalidIngressClass")]

    def test_the_default_is_that_of_a_clear_member_in_front(self) -> None:
        assert find(named("a", SHOP), doubtful("b"), has=(OTHER, WILD)).arns == (SHOP, OTHER, WILD)


class TestFound:
    """Certificates by host name."""

    KNOWN = (
        certificate(OTHER, "other.example.org"),
        certificate(SHOP, "shop.example.org", "www.shop.example.org"),
        certificate(WILD, "*.example.org", authority="arn:ca"),
    )

    def test_hosts_of_rules_and_of_tls(self) -> None:
        one = ingress(hosts=("B.example.org", ""), tls=("a.example.org", "b.example.org"))
        assert hosts_of(one) == ("a.example.org", "b.example.org")

    def test_all_that_fit_are_attached(self) -> None:
        found = find(member("a", hosts=("shop.example.org",)), certificates=self.KNOWN)
        assert (found.arns, found.problems) == ((SHOP, WILD), ())

    def test_a_wildcard_stands_for_one_label(self) -> None:
        found = find(member("a", hosts=("a.b.example.org", "example.org")), certificates=self.KNOWN)
        assert (found.arns, told(found.problems)) == ((), [("a", "CertificateMissing")])
        assert "fits a.b.example.org, example.org; make one" in found.problems[0].message

    def test_a_host_that_is_a_wildcard_itself(self) -> None:
        assert find(member("a", hosts=("*.example.org",)), certificates=self.KNOWN).arns == (WILD,)

    def test_a_host_without_one_does_not_cost_the_others(self) -> None:
        found = find(member("a", hosts=("x.test", "other.example.org")), certificates=self.KNOWN)
        assert (found.arns, told(found.problems)) == ((OTHER, WILD), [("a", "CertificateMissing")])

    def test_only_those_of_the_authorities_that_are_allowed(self) -> None:
        found = find(
            member("a", hosts=("shop.example.org",)),
            certificates=self.KNOWN,
            allowed_certificate_authority_arns=("arn:ca",),
        )
        assert found.arns == (WILD,)

    def test_a_further_one_does_not_change_the_default(self) -> None:
        found = find(member("a", hosts=("shop.example.org",)), certificates=self.KNOWN, has=(WILD,))
        assert found.arns == (WILD, SHOP)

    def test_a_look_up_that_failed_leaves_what_the_listener_has(self) -> None:
        found = find(member("a", hosts=("x.test",)), certificates=Unresolved("throttled"), has=(WILD,))
        assert (found.arns, told(found.problems)) == ((WILD,), [("a", "CertificateMissing")])
