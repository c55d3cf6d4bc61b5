"""The annotations of Ingresses and Services: their names, how they are read, what they do. Pure."""

from typing import Any, Final

from addons.albingress import names
from addons.albingress.desired.actions import Wish, action
from addons.albingress.desired.annotation_values import (
    choice,
    flag,
    form,
    integer,
    items,
    items_of,
    pairs,
    port_or_name,
    text,
)
from addons.albingress.desired.asked import Setting
from addons.albingress.desired.conditions import own_conditions
from addons.albingress.desired.identity_providers import oidc_provider, token_validation, user_pool
from addons.albingress.desired.listen_ports import client_verifications, listen_ports, network
from addons.albingress.desired.transforms import transforms

GROUP_NAME: Final = Setting(
    names.GROUP_NAME,
    form(
        r"(?=.{1,63}$)([a-z0-9][-a-z0-9.]*)?[a-z0-9]",
        "a name of at most 63 lower case letters, digits, - and ., with a letter or digit at both ends",
    ),
    "The ingress group: all Ingresses that name it share one load balancer.",
)
GROUP_ORDER: Final = Setting(
    names.GROUP_ORDER, integer(-1000, 1000), "The place of its rules in the group; lower ones come first."
)
LOAD_BALANCER_NAME: Final = Setting(
    names.LOAD_BALANCER_NAME,
    form(
        r"(?!internal-)(?!-)[A-Za-z0-9-]{1,32}(?<!-)",
        "a name of at most 32 letters, digits and -, which does not begin with internal-",
    ),
    "What the load balancer is called when it is made; one that exists keeps its name.",
)
SCHEME: Final = Setting(
    names.SCHEME, choice("internal", "internet-facing"), "Whether the load balancer has public addresses."
)
IP_ADDRESS_TYPE: Final = Setting(
    names.IP_ADDRESS_TYPE,
    choice("ipv4", "dualstack", "dualstack-without-public-ipv4"),
    "The families of the load balancer's addresses.",
)
SUBNETS: Final = Setting(names.SUBNETS, items, "Ids or Name tags of subnets, one for each zone.")
SECURITY_GROUPS: Final = Setting(
    names.SECURITY_GROUPS, items, "Ids or Name tags of security groups, in place of one that is made."
)
MANAGE_BACKEND_RULES: Final = Setting(
    names.MANAGE_BACKEND_RULES, flag, "Open nodes and pods also where `security-groups` is given."
)
INBOUND_CIDRS: Final = Setting(
    names.INBOUND_CIDRS, items_of(network), "The networks that may reach the ports of this Ingress."
)
PREFIX_LISTS: Final = Setting(
    names.PREFIX_LISTS,
    items_of(form(r"pl-[0-9a-z]+", "the id of a prefix list")),
    "Prefix lists that may reach the ports of this Ingress.",
)
LOAD_BALANCER_ATTRIBUTES: Final = Setting(
    names.LOAD_BALANCER_ATTRIBUTES, pairs, "Attributes of the load balancer."
)
LISTENER_ATTRIBUTES: Final = Setting(
    names.LISTENER_ATTRIBUTES, pairs, "Attributes of the listener `PROTOCOL-PORT`.", is_family=True
)
TAGS: Final = Setting(names.TAGS, pairs, "Tags of all that is made for it in AWS.", "both")
LISTEN_PORTS: Final = Setting(
    names.LISTEN_PORTS, listen_ports, 'The ports, such as `[{"HTTP": 80}, {"HTTPS": 443}]`.'
)
SSL_REDIRECT: Final = Setting(
    names.SSL_REDIRECT, integer(1, 65535), "Send everything that comes by HTTP to this HTTPS port."
)
CERTIFICATE_ARN: Final = Setting(
    names.CERTIFICATE_ARN, items, "ARNs of certificates; without it they are found by the host names."
)
SSL_POLICY: Final = Setting(names.SSL_POLICY, text, "The TLS versions and ciphers of its HTTPS ports.")
MUTUAL_AUTHENTICATION: Final = Setting(
    names.MUTUAL_AUTHENTICATION,
    client_verifications,
    'Whether clients show certificates, such as `[{"port": 443, "mode": "passthrough"}]`.',
)
WAFV2_ACL_ARN: Final = Setting(
    names.WAFV2_ACL_ARN, form(r"none|arn:[^:]+:wafv2:.+", "the ARN of a web ACL, or none"), "The web ACL."
)

TARGET_TYPE: Final = Setting(
    names.TARGET_TYPE,
    choice("instance", "ip"),
    "Send traffic to NodePorts (instance) or to pods (ip).",
    "both",
)
TARGET_NODE_LABELS: Final = Setting(
    names.TARGET_NODE_LABELS, pairs, "Only nodes with these labels are targets.", "both"
)
BACKEND_PROTOCOL: Final = Setting(
    names.BACKEND_PROTOCOL, choice("HTTP", "HTTPS"), "How targets are spoken to.", "both"
)
BACKEND_PROTOCOL_VERSION: Final = Setting(
    names.BACKEND_PROTOCOL_VERSION, choice("HTTP1", "HTTP2", "GRPC"), "The version of the protocol.", "both"
)
TARGET_GROUP_ATTRIBUTES: Final = Setting(
    names.TARGET_GROUP_ATTRIBUTES, pairs, "Attributes of the target groups.", "both"
)
HEALTHCHECK_PORT: Final = Setting(
    names.HEALTHCHECK_PORT,
    port_or_name,
    "`traffic-port`, or a port of the Service by number or name.",
    "both",
)
HEALTHCHECK_PROTOCOL: Final = Setting(
    names.HEALTHCHECK_PROTOCOL, choice("HTTP", "HTTPS"), "How health is asked for.", "both"
)
HEALTHCHECK_PATH: Final = Setting(
    names.HEALTHCHECK_PATH, form(r"/\S{0,1023}", "a path, which begins with /"), "Where it is asked.", "both"
)
HEALTHCHECK_INTERVAL: Final = Setting(
    names.HEALTHCHECK_INTERVAL, integer(5, 300), "Every how many seconds.", "both"
)
HEALTHCHECK_TIMEOUT: Final = Setting(
    names.HEALTHCHECK_TIMEOUT, integer(2, 120), "How many seconds an answer may take.", "both"
)
HEALTHY_THRESHOLD: Final = Setting(
    names.HEALTHY_THRESHOLD, integer(2, 10), "After how many good answers a target is healthy.", "both"
)
UNHEALTHY_THRESHOLD: Final = Setting(
    names.UNHEALTHY_THRESHOLD, integer(2, 10), "After how many bad answers it is unhealthy.", "both"
)
SUCCESS_CODES: Final = Setting(
    names.SUCCESS_CODES,
    form(r"\d{1,3}([-,]\s*\d{1,3})*", "codes such as 200,300-399"),
    "Which status codes, or codes of gRPC, are good answers.",
    "both",
)

AUTH_TYPE: Final = Setting(
    names.AUTH_TYPE, choice("none", "oidc", "cognito"), "How people have to log in, on HTTPS.", "both"
)
AUTH_IDP_OIDC: Final = Setting(
    names.AUTH_IDP_OIDC,
    oidc_provider,
    "The OpenID provider, in JSON.",
    "both",
    reason=names.BROKEN_RULE,
)
AUTH_IDP_COGNITO: Final = Setting(
    names.AUTH_IDP_COGNITO, user_pool, "The user pool, in JSON.", "both", reason=names.BROKEN_RULE
)
AUTH_ON_UNAUTHENTICATED: Final = Setting(
    names.AUTH_ON_UNAUTHENTICATED,
    choice("authenticate", "allow", "deny"),
    "What becomes of those who are not logged in.",
    "both",
)
AUTH_SCOPE: Final = Setting(names.AUTH_SCOPE, text, "What is asked of the provider.", "both")
AUTH_SESSION_COOKIE: Final = Setting(names.AUTH_SESSION_COOKIE, text, "The cookie of a session.", "both")
AUTH_SESSION_TIMEOUT: Final = Setting(
    names.AUTH_SESSION_TIMEOUT, integer(1, 604800), "How many seconds a session lasts.", "both"
)
JWT_VALIDATION: Final = Setting(
    names.JWT_VALIDATION,
    token_validation,
    "Which bearer tokens are valid, in JSON.",
    "both",
    reason=names.BROKEN_RULE,
)
USE_REGEX_PATH_MATCH: Final = Setting(
    names.USE_REGEX_PATH_MATCH, flag, "Read paths of type ImplementationSpecific as regular expressions."
)
ACTIONS: Final[Setting[Wish]] = Setting(
    names.ACTIONS,
    action,
    "An action in JSON, for a backend with the port `use-annotation`.",
    is_family=True,
    reason=names.BROKEN_RULE,
)
CONDITIONS: Final = Setting(
    names.CONDITIONS,
    own_conditions,
    "More conditions in JSON, for the rules of a backend.",
    is_family=True,
    reason=names.BROKEN_RULE,
)
TRANSFORMS: Final = Setting(
    names.TRANSFORMS,
    transforms,
    "Rewriting in JSON, for the rules of a backend.",
    is_family=True,
    reason=names.BROKEN_RULE,
)

SETTINGS: Final[tuple[Setting[Any], ...]] = tuple(
    value for value in list(globals().values()) if isinstance(value, Setting)
)
"""All annotations, in the order of this table."""
