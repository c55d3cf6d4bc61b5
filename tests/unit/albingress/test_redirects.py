"""Redirects to themselves, and rules behind a redirect that takes all of their requests."""

import pytest

from addons.albingress.desired.redirects import hides, leads_to_itself
from addons.albingress.model.rules import Action, Condition, FixedResponse, Redirect, RuleContent


def hosts(*values: str) -> Condition:
    return Condition("host-header", values)


def paths(*values: str) -> Condition:
    return Condition("path-pattern", values)


def loops(action: Action, *conditions: Condition, port: int = 443, protocol: str = "HTTPS") -> bool:
    return leads_to_itself(RuleContent(conditions, (action,)), port=port, protocol=protocol)


TO_HTTPS = Redirect("HTTP_301", protocol="HTTPS", port="443")


class TestLoops:
    """A redirect that sends a client to where it is."""

    def test_the_redirect_to_https_loops_on_the_https_listener_alone(self) -> None:
        assert loops(TO_HTTPS, paths("/*"))
        assert not loops(TO_HTTPS, paths("/*"), port=80, protocol="HTTP")
        assert not loops(TO_HTTPS, paths("/*"), port=8443)

    @pytest.mark.parametrize(
        "redirect",
        [
            Redirect("HTTP_301", host="b.org"),
            Redirect("HTTP_301", path="/new"),
            Redirect("HTTP_301", query="a=b"),
            Redirect("HTTP_301", port="8443"),
            Redirect("HTTP_301", protocol="HTTP"),
        ],
    )
    def test_a_redirect_that_changes_something_does_not(self, redirect: Redirect) -> None:
        assert not loops(redirect, hosts("a.org"), paths("/*"))

    @pytest.mark.parametrize(
        "redirect", [Redirect("HTTP_301", host="a.org"), Redirect("HTTP_301", path="/old")]
    )
    def test_a_redirect_to_the_host_or_path_of_its_rule_does(self, redirect: Redirect) -> None:
        assert loops(redirect, hosts("a.org"), paths("/old"))

    def test_what_is_no_redirect_does_not(self) -> None:
        assert not loops(FixedResponse("200"), paths("/*"))


class TestHidden:
    """Rules that never see a request."""

    @pytest.mark.parametrize(
        ("first", "later"),
        [
            ((paths("/*"),), (hosts("a.org"), paths("/a"))),
            ((hosts("a.org"),), (hosts("a.org"), paths("/a"))),
            ((hosts("a.org", "b.org"), paths("/a", "/b")), (hosts("a.org"), paths("/a"))),
            ((paths("/*"),), (Condition("source-ip", ("10.0.0.0/8",)),)),
        ],
    )
    def test_all_its_hosts_and_paths_are_taken(
        self, first: tuple[Condition, ...], later: tuple[Condition, ...]
    ) -> None:
        assert hides(first, later)

    @pytest.mark.parametrize(
        ("first", "later"),
        [
            ((hosts("a.org"),), (paths("/a"),)),
            ((hosts("a.org"),), (hosts("a.org", "b.org"),)),
            ((paths("/a"),), (paths("/a", "/b"),)),
            ((paths("/a*"),), (paths("/ab"),)),
            ((Condition("source-ip", ("10.0.0.0/8",)), paths("/*")), (paths("/a"),)),
            ((Condition("path-pattern", regex=(".*",)),), (paths("/a"),)),
        ],
    )
    def test_some_of_its_requests_may_be_left(
        self, first: tuple[Condition, ...], later: tuple[Condition, ...]
    ) -> None:
        assert not hides(first, later)
