"""What to do about a reason code comes from the page of troubleshooting, which is shipped with the code."""

from pathlib import Path

import pytest

from addons.dns import names as dns
from addons.explain.__main__ import object_of
from addons.explain.fixes import fix_of
from addons.iamproxy import names as iamproxy
from addons.runtime import permit
from addons.runtime.faults import DEGRADED

PAGE = Path(__file__).parents[3] / "docs" / "troubleshooting.md"


@pytest.mark.parametrize(
    ("daemon", "reason"),
    [
        ("dns", dns.OWNER_CONFLICT),
        ("iamproxy", iamproxy.CREDENTIALS_DENIED),
        ("dns", permit.CACHES_STALE),
        ("iamproxy", DEGRADED),
    ],
)
def test_what_to_do_is_what_the_page_says(daemon: str, reason: str) -> None:
    fix = fix_of(daemon, reason)
    assert fix
    assert f"| `{reason}` | {fix.meaning} | {fix.to_do} |" in PAGE.read_text()


def test_a_code_that_no_page_knows_has_none() -> None:
    assert fix_of("dns", "OfTheFuture") is None


def test_codes_of_another_daemon_do_not_count() -> None:
    assert fix_of("iamproxy", dns.OWNER_CONFLICT) is None


@pytest.mark.parametrize(
    ("said", "about"),
    [
        ("service/shop/web", "service/shop/web"),
        ("svc/shop/web", "service/shop/web"),
        ("Services/shop/web", "service/shop/web"),
        ("ingresses/shop/web", "ingress/shop/web"),
        ("ing/web", "ingress/mine/web"),
        ("po/web-0", "pod/mine/web-0"),
        ("dnsendpoints/a/b", "dnsendpoint/a/b"),
        ("HTTPRoute/a/b", "httproute/a/b"),
        ("node/one", "node/one"),
        ("httproutes.gateway.networking.k8s.io/a/b", "httproute/a/b"),
        ("Service.v1/web", "service/mine/web"),
    ],
)
def test_objects_are_named_as_with_kubectl(said: str, about: str) -> None:
    assert object_of(said, "mine") == about
