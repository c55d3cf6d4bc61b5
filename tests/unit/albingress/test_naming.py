"""Names in AWS, byte for byte as the original's: the hashes are those of `printf ... | sha256sum`."""

from addons.albingress.model.groups import GroupId
from addons.albingress.model.naming import (
    TargetGroupIdentity,
    backend_group_name,
    load_balancer_name,
    security_group_name,
    target_group_name,
)

TEAM, WEB = GroupId("team"), GroupId("web", "shop")
PORT = TargetGroupIdentity(
    ingress_namespace="shop",
    ingress="web",
    service_namespace="shop",
    service="front-end-one",
    service_uid="u-1",
    written_port="80",
    port=8080,
    target_type="ip",
    protocol="HTTPS",
    version="HTTP2",
)


def test_a_load_balancer_of_a_named_group() -> None:  # prodteaminternal
    assert load_balancer_name("prod", TEAM, "internal") == "k8s-team-2371496512"


def test_a_load_balancer_of_one_ingress() -> None:  # prodshop/webinternet-facing
    assert load_balancer_name("prod", WEB, "internet-facing") == "k8s-shop-web-0c9cb52896"


def test_a_security_group_knows_no_scheme() -> None:  # prodteam, prodshop/web
    assert security_group_name("prod", TEAM) == "k8s-team-d22888548e"
    assert security_group_name("prod", WEB) == "k8s-shop-web-2d5ac86ca1"


def test_what_is_readable_is_cut_to_letters_and_digits() -> None:
    found = load_balancer_name("prod", GroupId("a-very.long-name-of-a-group"), "internal")
    assert found.startswith("k8s-averylongnameofag-")
    assert len(found) == 32


def test_the_longest_name_of_one_ingress_has_32_characters() -> None:
    assert len(load_balancer_name("prod", GroupId("w" * 60, "n" * 60), "internal")) == 32


def test_a_target_group() -> None:  # prodteamshopwebu-1808080ipHTTPSHTTP2
    assert target_group_name("prod", TEAM, PORT) == "k8s-shop-frontend-7065557780"


def test_a_target_group_of_a_port_written_by_name() -> None:  # prodteamshopwebu-1http31000instanceHTTPHTTP1
    one = TargetGroupIdentity(
        ingress_namespace="shop",
        ingress="web",
        service_namespace="shop",
        service="web",
        service_uid="u-1",
        written_port="http",
        port=31000,
        target_type="instance",
        protocol="HTTP",
        version="HTTP1",
    )
    assert target_group_name("prod", TEAM, one) == "k8s-shop-web-fc019d6774"


def test_the_group_that_all_load_balancers_share() -> None:  # prod
    assert backend_group_name("prod") == "k8s-traffic-prod-6754af9632"
