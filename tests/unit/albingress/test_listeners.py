"""The listeners of a group, and what becomes of them where a wish is wrong."""

import json
from typing import Any

from addons.albingress.desired.inputs import Member
from addons.albingress.desired.listeners import Port, group_ports
from addons.albingress.model.elb import ObservedStack
from addons.albingress.model.rules import Redirect
from addons.runtime.outcomes import Problem
from tests.support.alb_groups import doubtful, inputs, member, told
from tests.support.alb_observed import NOT_FOUND, forward, listener, stack

ARN = "arn:aws:acm:shop"
CERTIFICATE = {"certificate-arn": ARN}
BOTH = {"listen-ports": '[{"HTTP": 80}, {"HTTPS": 443}]', **CERTIFICATE}
TO_HTTPS = Redirect("HTTP_301", "HTTPS", port="443")


def ports(
    *members: Member, incumbent: ObservedStack | None = None, **settings: Any
) -> tuple[tuple[Port, ...], tuple[Problem, ...]]:
    return group_ports(inputs(*members, incumbent=incumbent, **settings))


def who(port: Port) -> list[str]:
    return [one.ingress.metadata.name for one in port.members]


def shape(found: tuple[Port, ...]) -> list[tuple[int, str, list[str]]]:
    return [(port.port, port.protocol, who(port)) for port in found]


class TestPorts:
    """Each member listens on its own ports."""

    def test_80_where_nothing_is_said(self) -> None:
        found, problems = ports(member("a"))
        assert (shape(found), problems) == ([(80, "HTTP", ["a"])], ())

    def test_443_with_a_certificate(self) -> None:
        assert shape(ports(member("a", CERTIFICATE))[0]) == [(443, "HTTPS", ["a"])]

    def test_rules_stand_only_on_the_ports_of_their_member(self) -> None:
        found, _ = ports(member("a", BOTH), member("b"), member("c", CERTIFICATE))
        assert shape(found) == [(80, "HTTP", ["a", "b"]), (443, "HTTPS", ["a", "c"])]

    def test_a_listener_has_tags_and_an_owner(self) -> None:
        (port,), _ = ports(member("a", {"tags": "team=x"}))
        assert dict(port.tags) == {
            "elbv2.k8s.aws/cluster": "prod",
            "ingress.k8s.aws/stack": "team",
            "ingress.k8s.aws/resource": "80",
            "team": "x",
        }
        assert port.owner.ref.name == "a"

    def test_ports_that_cannot_be_read_cost_a_newcomer_its_rules_and_nobody_else(self) -> None:
        found, problems = ports(member("a", {"listen-ports": "80"}), member("b"))
        assert (shape(found), told(problems)) == ([(80, "HTTP", ["b"])], [("a", "InvalidAnnotation")])
        assert problems[0].message.endswith("it is served on no port")

    def test_more_ports_than_any_load_balancer_has_are_not_read(self) -> None:
        many = json.dumps([{"HTTP": number + 1} for number in range(101)])
        found, problems = ports(member("a", {"listen-ports": many}), member("b"))
        assert [port.port for port in found] == [80]
        assert "names 101 ports, more than 100" in problems[0].message

    def test_one_that_was_served_stays_on_the_ports_where_it_has_rules(self) -> None:
        has = stack(listener(80, forward("a"), forward("b")), listener(8080, forward("b")))
        found, problems = ports(member("a", {"listen-ports": "["}), member("b"), incumbent=has)
        assert (shape(found), found[0].kept) == ([(80, "HTTP", ["a", "b"])], frozenset())
        assert problems[0].message.endswith("it stays on the ports that it has (80)")

    def test_where_it_may_have_a_rule_that_leads_to_no_service_only_that_stays(self) -> None:
        has = stack(listener(80, forward("a")), listener(8080, TO_HTTPS))
        found, _ = ports(member("a", {"listen-ports": "["}), member("b"), incumbent=has)
        assert [(one.port, sorted(one.kept)) for one in found] == [(80, []), (8080, [("shop", "a")])]

    def test_one_in_doubt_keeps_its_rules_where_it_has_some(self) -> None:
        has = stack(listener(80, forward("a")), listener(8080, forward("b")))
        found, problems = ports(doubtful("a"), member("b"), incumbent=has)
        assert [(one.port, who(one), sorted(one.kept)) for one in found] == [
            (80, ["a", "b"], [("shop", "a")]),
        ]
        assert problems == ()

    def test_a_port_without_rules_may_be_that_of_one_in_doubt(self) -> None:
        has = stack(
            listener(80, default=TO_HTTPS),
            listener(81, default=forward("a")),
            listener(443, forward("a"), protocol="HTTPS", certificates=(ARN,)),
        )
        found, _ = ports(member("a", {**CERTIFICATE, "ssl-redirect": "443"}), doubtful("b"), incumbent=has)
        assert [(one.port, one.state, who(one)) for one in found] == [(80, "keep", ["b"]), (443, "ok", ["a"])]
        assert found[0].redirect == TO_HTTPS

    def test_a_port_of_one_in_doubt_alone_stays_as_it_is(self) -> None:
        has = stack(listener(80, forward("b")), listener(8080, forward("a")))
        found, _ = ports(doubtful("a"), member("b"), incumbent=has)
        assert [(one.port, one.state) for one in found] == [(80, "ok"), (8080, "keep")]


class TestProtocol:
    """A port speaks HTTP or HTTPS, not both."""

    PLAIN = member("a", {"listen-ports": '[{"HTTP": 8443}]'})
    SECURE = member("b", {"listen-ports": '[{"HTTPS": 8443}]', **CERTIFICATE})

    def test_the_first_wins_and_nobody_who_wants_https_is_served_without(self) -> None:
        found, problems = ports(self.PLAIN, self.SECURE)
        assert shape(found) == [(8443, "HTTP", ["a"])]
        assert told(problems) == [("b", "ConflictingSetting")] * 2
        assert any("port 8443 is an HTTP port of the group" in each.message for each in problems)

    def test_what_is_there_stays_and_who_wants_http_is_served_by_https(self) -> None:
        has = stack(listener(8443, forward("b"), protocol="HTTPS", certificates=(ARN,)))
        found, problems = ports(self.PLAIN, self.SECURE, incumbent=has)
        assert (shape(found), told(problems)) == (
            [(8443, "HTTPS", ["a", "b"])],
            [("a", "ConflictingSetting")],
        )


class TestSslRedirect:
    """One member's `ssl-redirect` sends on whoever comes by HTTP to the group."""

    def test_http_listeners_redirect_and_have_no_rules(self) -> None:
        found, problems = ports(member("a", {**BOTH, "ssl-redirect": "443"}), member("b"))
        assert [(one.port, one.redirect) for one in found] == [(80, TO_HTTPS), (443, None)]
        assert (found[0].listener((NOT_FOUND,)).default_actions, problems) == ((TO_HTTPS,), ())

    def test_a_port_that_is_none_of_the_group_is_told_and_nothing_new_is_served_without(self) -> None:
        found, problems = ports(member("a", {"ssl-redirect": "443"}), member("b"))
        assert [(one.redirect, who(one), sorted(one.kept)) for one in found] == [
            (None, ["a", "b"], [("shop", "a")])
        ]
        assert told(problems) == [("a", "InvalidAnnotation")]
        assert "443 is not an HTTPS port of the group (none)" in problems[0].message

    def test_what_is_redirected_now_stays_so_while_the_wish_cannot_be_read(self) -> None:
        has = stack(listener(80, default=TO_HTTPS), listener(443, protocol="HTTPS", certificates=(ARN,)))
        found, problems = ports(member("a", {**BOTH, "ssl-redirect": "https"}), incumbent=has)
        assert (found[0].redirect, told(problems)) == (TO_HTTPS, [("a", "InvalidAnnotation")])

    def test_but_not_to_a_port_that_goes(self) -> None:
        has = stack(listener(80, default=TO_HTTPS), listener(443, protocol="HTTPS", certificates=(ARN,)))
        found, _ = ports(member("a", {"ssl-redirect": "https"}), member("b"), incumbent=has)
        assert [(one.port, one.redirect, sorted(one.kept)) for one in found] == [(80, None, [("shop", "a")])]

    def test_the_class_can_ask_for_it(self) -> None:
        found, _ = ports(member("a", BOTH, params={"sslRedirectPort": "443"}))
        assert found[0].redirect == TO_HTTPS

    def test_nobody_is_sent_to_a_port_that_waits_for_its_certificate(self) -> None:
        said = {"listen-ports": BOTH["listen-ports"], "ssl-redirect": "443"}
        found, problems = ports(member("a", said, hosts=("x.test",)), member("b"))
        assert [(one.port, one.redirect, sorted(one.kept)) for one in found] == [(80, None, [("shop", "a")])]
        assert told(problems) == [
            ("a", "InvalidAnnotation"),
            ("a", "CertificateMissing"),
            ("a", "CertificateMissing"),
        ]
        assert "port 443 has no certificate; name one in certificate-arn" in problems[0].message


class TestTls:
    """Certificates, policies and clients' certificates of HTTPS listeners."""

    def test_the_policy_of_the_settings_where_nobody_asks_for_one(self) -> None:
        (port,), _ = ports(member("a", CERTIFICATE), default_ssl_policy="P")
        assert (port.certificates, port.ssl_policy) == ((ARN,), "P")

    def test_the_policy_of_a_member_and_a_loser(self) -> None:
        one, other = (member(name, {**CERTIFICATE, "ssl-policy": name}) for name in "ab")
        (port,), problems = ports(one, other)
        assert (port.ssl_policy, told(problems)) == ("a", [("b", "ConflictingSetting")])

    def test_a_new_port_without_any_certificate_is_not_opened(self) -> None:
        found, problems = ports(member("a", {"listen-ports": '[{"HTTPS": 443}]'}), member("b"))
        assert (shape(found), told(problems)) == ([(80, "HTTP", ["b"])], [("a", "CertificateMissing")])
        assert problems[0].message.startswith("port 443 is not opened: HTTPS needs a certificate")

    def test_one_that_exists_keeps_those_that_it_has(self) -> None:
        has = stack(listener(443, forward("a"), protocol="HTTPS", certificates=(ARN,)))
        (port,), problems = ports(member("a", {"listen-ports": '[{"HTTPS": 443}]'}), incumbent=has)
        assert (port.certificates, port.state, who(port)) == ((), "ok", ["a"])
        assert told(problems) == [("a", "CertificateMissing")]

    def test_who_brings_none_is_not_blamed_while_a_neighbour_names_a_wrong_one(self) -> None:
        has = stack(listener(443, forward("a"), forward("b"), protocol="HTTPS", certificates=(ARN,)))
        guilty = member("a", {"certificate-arn": "shop"})
        (port,), problems = ports(guilty, member("b", {"listen-ports": '[{"HTTPS": 443}]'}), incumbent=has)
        assert (port.certificates, port.state) == ((ARN,), "ok")
        assert told(problems) == [("a", "CertificateMissing")]

    def test_an_http_port_does_not_become_https_without_a_certificate(self) -> None:
        has = stack(listener(443, forward("a")))
        (port,), problems = ports(member("a", {"listen-ports": '[{"HTTPS": 443}]'}), incumbent=has)
        assert (port.protocol, port.state) == ("HTTP", "keep")
        assert told(problems) == [("a", "CertificateMissing")]

    def test_clients_show_certificates(self) -> None:
        said = {**CERTIFICATE, "mutual-authentication": '[{"port": 443, "mode": "passthrough"}]'}
        (port,), _ = ports(member("a", said))
        assert port.mutual_authentication == (("Mode", "passthrough"),)

    def test_who_wants_that_in_a_way_that_cannot_be_read_gets_nothing_new_there(self) -> None:
        (port,), problems = ports(
            member("a", {**CERTIFICATE, "mutual-authentication": "on"}), member("b", CERTIFICATE)
        )
        assert (who(port), sorted(port.kept)) == (["a", "b"], [("shop", "a")])
        assert told(problems) == [("a", "InvalidAnnotation")]

    def test_nor_does_who_wants_it_and_loses(self) -> None:
        one = member("a", {**CERTIFICATE, "mutual-authentication": '[{"port": 443, "mode": "off"}]'})
        other = member(
            "b", {**CERTIFICATE, "mutual-authentication": '[{"port": 443, "mode": "passthrough"}]'}
        )
        (port,), problems = ports(one, other)
        assert (port.mutual_authentication, sorted(port.kept)) == ((), [("shop", "b")])
        assert told(problems) == [("b", "ConflictingSetting")]


class TestAttributes:
    """Attributes of listeners, by annotation and by class."""

    def test_by_annotation(self) -> None:
        (port,), problems = ports(member("a", {"listener-attributes.HTTP-80": "k=1"}))
        assert (port.attributes, problems) == ((("k", "1"),), ())

    def test_those_of_the_class_win(self) -> None:
        attributes = [{"key": "k", "value": "2"}]
        params = {"listeners": [{"protocol": "HTTP", "port": 80, "listenerAttributes": attributes}]}
        (port,), problems = ports(member("a", {"listener-attributes.HTTP-80": "k=1,l=1"}, params=params))
        assert (port.attributes, problems) == ((("k", "2"), ("l", "1")), ())

    def test_those_of_a_port_that_is_not_there_are_told(self) -> None:
        _, problems = ports(member("a", {"listener-attributes.HTTPS-443": "k=1"}))
        assert told(problems) == [("a", "UnknownAnnotation")]
