"""The matrix of defects, first half: backends, actions, conditions and logins."""

from addons.albingress import names
from addons.albingress.desired.inputs import Unresolved
from tests.support.alb_defects import (
    BROKEN,
    INGRESS,
    KEPT,
    SERVED,
    Row,
    acting,
    at,
    backend_row,
    login_row,
    plain,
    setting_row,
    shares,
)
from tests.support.alb_rules import LOGIN, OIDC, backend, member, path, rule, secret, service

OFFICE = {"conditions.mine": [{"field": "source-ip", "sourceIPConfig": {"values": ["10.0.0.0/8"]}}]}

WEB, MINE = service(), service("mine")

RULE_DEFECTS: dict[str, Row] = {
    # Service missing, port missing, ClusterIP + instance, IPv6 without dualstack, bad settings
    "service missing": backend_row(plain(to="nobody")),
    "service gone": backend_row(plain(), services=[WEB]),
    "service just gone": Row(
        now=plain(),
        was=plain(),
        new=at(80, BROKEN),
        there=at(80, KEPT),
        told={(INGRESS, names.BROKEN_BACKEND)},
        services=[WEB],
        given={"gone": ["mine"]},
    ),
    "port missing": backend_row(plain(port=9999)),
    "port name missing": backend_row(plain(port="grpc")),
    "no port at all": backend_row(plain(port=0)),
    "cluster ip with instance": backend_row(plain(), services=[WEB, service("mine", kind="ClusterIP")]),
    "ipv6 without dualstack": backend_row(plain(), services=[WEB, service("mine", families=("IPv6",))]),
    "service with a bad setting": backend_row(
        plain(),
        services=[WEB, service("mine", said={"backend-protocol": "TCP"})],
        told={("service/shop/mine", names.INVALID_ANNOTATION), (INGRESS, names.BROKEN_BACKEND)},
    ),
    "class with a bad target type": backend_row(
        plain(params={"targetType": "pod"}),
        told={("ingressclassparams/public", names.INVALID_CLASS), (INGRESS, names.BROKEN_BACKEND)},
    ),
    "grpc on http": backend_row(plain({"backend-protocol-version": "GRPC"})),
    **{
        f"{key}: {value}": setting_row({key: value})
        for key, value in {
            "target-type": "pod",
            "backend-protocol": "TCP",
            "backend-protocol-version": "HTTP3",
            "healthcheck-path": "health",
            "healthcheck-protocol": "TCP",
            "healthcheck-port": "0",
            "healthcheck-interval-seconds": "1",
            "healthcheck-timeout-seconds": "60",
            "healthy-threshold-count": "1",
            "unhealthy-threshold-count": "many",
            "success-codes": "ok",
            "target-group-attributes": "sticky",
            "target-node-labels": "pool",
        }.items()
    },
    # weighted forward, some targets broken
    "weighted, one is missing": Row(
        now=acting(shares(("mine", 1), ("nobody", 9))),
        was=acting(shares(("mine", 1), ("web", 9))),
        new=at(80, "m.org/ -> mine"),
        there=at(80, "m.org/ -> mine"),
        told={(INGRESS, names.BROKEN_BACKEND)},
    ),
    "weighted, the rest weighs nothing": backend_row(
        acting(shares(("mine", 0), ("nobody", 9))), was=acting(shares(("mine", 1), ("web", 9)))
    ),
    "weighted, all are missing": backend_row(
        acting(shares(("nobody", 1), ("neither", 9))), was=acting(shares(("mine", 1)))
    ),
    "weighted, one is just gone": Row(
        now=acting(shares(("mine", 1), ("web", 9))),
        was=acting(shares(("mine", 1), ("web", 9))),
        new=at(80, "m.org/ -> web"),
        there=at(80, "m.org/ keep"),
        told={(INGRESS, names.BROKEN_BACKEND)},
        services=[WEB],
        given={"gone": ["mine"]},
    ),
    # actions.X missing or invalid
    "action missing": backend_row(
        acting(), was=acting(shares(("mine", 1))), told={(INGRESS, names.BROKEN_RULE)}
    ),
    "action that is no json": backend_row(
        acting("{"), was=acting(shares(("mine", 1))), told={(INGRESS, names.BROKEN_RULE)}
    ),
    "action of no known type": backend_row(
        acting({"type": "drop"}), was=acting(shares(("mine", 1))), told={(INGRESS, names.BROKEN_RULE)}
    ),
    "target group of somebody else that is not there": backend_row(
        acting({"type": "forward", "targetGroupName": "theirs"}),
        was=acting(shares(("mine", 1))),
        given={"target_groups": {"theirs": ()}},
    ),
    "target group of somebody else that nobody could look up": Row(
        now=acting({"type": "forward", "targetGroupName": "theirs"}),
        was=acting(shares(("mine", 1))),
        new=at(80, BROKEN),
        there=at(80, KEPT),
        told={(INGRESS, names.BROKEN_RULE)},
        given={"target_groups": {"theirs": Unresolved("AWS did not answer")}},
    ),
    "transforms invalid": setting_row({"transforms.mine": "[{}]"}, names.BROKEN_RULE),
    # conditions.X invalid
    "conditions invalid": Row(
        now=plain({"conditions.mine": "[{}]"}),
        was=plain(OFFICE),
        new=at(80, BROKEN),
        there=at(80, KEPT),
        told={(INGRESS, names.BROKEN_RULE)},
    ),
    "conditions without a value": Row(
        now=plain({"conditions.mine": [{"field": "source-ip", "sourceIPConfig": {"values": []}}]}),
        was=plain(OFFICE),
        new=at(80, BROKEN),
        there=at(80, KEPT),
        told={(INGRESS, names.BROKEN_RULE)},
    ),
    "conditions invalid, of any host": Row(
        now=member("m", rule("", path("/", "mine")), said={"conditions.mine": "[{}]"}),
        was=member("m", rule("", path("/", "mine")), said=OFFICE),
        new=at(80, "*/ absent"),
        there=at(80, "*/ keep"),
        told={(INGRESS, names.BROKEN_RULE)},
    ),
    "conditions invalid, of a host of others": Row(
        now=member("m", rule("*.org", path("/", "mine")), said={"conditions.mine": "[{}]"}),
        was=member("m", rule("*.org", path("/", "mine")), said=OFFICE),
        new=at(80, "*.org/ absent"),
        there=at(80, "*.org/ keep"),
        told={(INGRESS, names.BROKEN_RULE)},
    ),
    # more than AWS takes
    "a value that is too long": Row(
        now=member("m", rule("m.org", path("/" + "x" * 200, "mine", kind="Exact"))),
        was=plain(),
        new=at(80, f"m.org/{'x' * 200} absent"),
        there=at(80, f"m.org/{'x' * 200} absent"),
        told={(INGRESS, names.BROKEN_RULE)},
    ),
    "a value with too many wildcards": Row(
        now=member("m", rule("m.org", path("/*/*/*/*/*/*", "mine", kind="ImplementationSpecific"))),
        was=plain(),
        new=at(80, "m.org/*/*/*/*/*/* absent"),
        there=at(80, "m.org/*/*/*/*/*/* absent"),
        told={(INGRESS, names.BROKEN_RULE)},
    ),
    # OIDC or Cognito broken
    "secret gone": login_row({}, there="m.org/ keep", given={"secrets": ()}),
    "secret without its key": login_row(
        {},
        there="m.org/ keep",
        given={"secrets": [secret(data={"clientID": b"us"})]},
    ),
    "login that is no json": login_row({"auth-idp-oidc": "{"}),
    "login without an issuer": login_row({"auth-idp-oidc": OIDC | {"issuer": ""}}),
    "login of an unknown kind": login_row({"auth-type": "saml"}, told={(INGRESS, names.INVALID_ANNOTATION)}),
    "user pool missing": login_row({"auth-type": "cognito"}),
    "login and token": login_row(
        {"jwt-validation": {"jwksEndpoint": "https://idp.org/k", "issuer": "https://idp.org"}}
    ),
    "login over http": Row(
        now=plain(LOGIN),
        was=plain(),
        new=at(80, BROKEN),
        there=at(80, BROKEN),
        told={(INGRESS, names.UNPROTECTED_LISTENER)},
    ),
    "path with a wildcard": Row(
        now=member("m", rule("m.org", path("/a*", "mine"))),
        was=plain(),
        new=at(80, "m.org/a* absent"),
        there=at(80, "m.org/a* absent"),
        told={(INGRESS, names.BROKEN_RULE)},
    ),
    "path of no known type": Row(
        now=member("m", rule("m.org", path("/a", "mine", kind="Glob"))),
        was=plain(),
        new=at(80, "m.org/a absent"),
        there=at(80, "m.org/a absent"),
        told={(INGRESS, names.BROKEN_RULE)},
    ),
    "a token that is no json": login_row({"auth-type": "none", "jwt-validation": "{"}),
    "class with certificates of no form": Row(
        now=plain(params={"certificateArn": 5}),
        was=plain(),
        new=at(443, SERVED),
        there=at(80, SERVED),
        told={("ingressclassparams/public", names.INVALID_CLASS)},
    ),
    "default backend missing": Row(
        now=plain({"listen-ports": [{"HTTP": 8080}]}, default=backend("nobody")),
        was=plain({"listen-ports": [{"HTTP": 8080}]}, default=backend("mine")),
        new=at(8080, SERVED),
        there=at(8080, SERVED),
        told={(INGRESS, names.BROKEN_BACKEND)},
    ),
}
