"""The matrix of defects, second half: certificates, ports, settings of the group, class and order."""

from addons.albingress import names
from addons.albingress.desired.inputs import Unresolved
from addons.runtime.outcomes import Problem
from tests.support.alb_defects import (
    ARN,
    INGRESS,
    KEPT,
    OTHER_ARN,
    SERVED,
    Row,
    at,
    conflict_row,
    doubtful,
    group_row,
    plain,
    secure,
)
from tests.support.alb_rules import backend

GROUP_DEFECTS: dict[str, Row] = {
    # certificates
    "no certificate for its host": Row(
        now=secure(),
        was=secure({"certificate-arn": OTHER_ARN}),
        new=at(443, SERVED),
        there=at(443, SERVED),
        told={(INGRESS, names.CERTIFICATE_MISSING)},
    ),
    "no certificate for a port of its own": Row(
        now=plain({"listen-ports": [{"HTTPS": 8443}]}),
        was=plain({"listen-ports": [{"HTTPS": 8443}], "certificate-arn": OTHER_ARN}),
        new=[],
        there=at(8443, SERVED),
        told={(INGRESS, names.CERTIFICATE_MISSING)},
    ),
    "certificates that nobody could look up": Row(
        now=secure(),
        was=secure({"certificate-arn": OTHER_ARN}),
        new=at(443, SERVED),
        there=at(443, SERVED),
        told={(INGRESS, names.CERTIFICATE_MISSING)},
        given={"answers": {"certificates": Unresolved("AWS did not answer")}},
    ),
    "a certificate that AWS refuses": Row(
        now=secure({"certificate-arn": OTHER_ARN}),
        was=secure({"certificate-arn": ARN}),
        new=at(443, SERVED),
        there=at(443, SERVED),
        told={(INGRESS, names.CERTIFICATE_MISSING)},
        given={"answers": {"refused_certificates": {OTHER_ARN: "it has expired"}}},
    ),
    "a certificate that is none": Row(
        now=secure({"certificate-arn": "mine"}),
        was=secure({"certificate-arn": OTHER_ARN}),
        new=at(443, SERVED),
        there=at(443, SERVED),
        told={(INGRESS, names.CERTIFICATE_MISSING)},
    ),
    # ports
    "listen-ports invalid": Row(
        now=plain({"listen-ports": "80"}),
        was=plain(),
        new=[],
        there=at(80, SERVED),
        told={(INGRESS, names.INVALID_ANNOTATION)},
    ),
    "http where others have https": Row(
        now=plain({"listen-ports": [{"HTTP": 443}]}),
        was=secure({"certificate-arn": ARN}),
        new=at(443, SERVED),
        there=at(443, SERVED),
        told={(INGRESS, names.CONFLICTING_SETTING), (INGRESS, names.CERTIFICATE_MISSING)},
        loses=True,
    ),
    "https where others have http": Row(
        now=plain({"listen-ports": [{"HTTPS": 80}]}),
        was=plain(),
        new=[],
        there=[],
        told={(INGRESS, names.CONFLICTING_SETTING)},
        loses=True,
    ),
    "ssl-redirect to nowhere": Row(
        now=plain({"ssl-redirect": "444"}),
        was=plain(),
        new=at(80, "m.org/ keep"),
        there=at(80, KEPT),
        told={(INGRESS, names.INVALID_ANNOTATION)},
    ),
    "clients to be verified in no known way": Row(
        now=secure({"mutual-authentication": "on"}),
        was=secure({"certificate-arn": OTHER_ARN}),
        new=at(443, "m.org/ keep"),
        there=at(443, KEPT),
        told={(INGRESS, names.INVALID_ANNOTATION), (INGRESS, names.CERTIFICATE_MISSING)},
    ),
    # sources
    "inbound-cidrs invalid": group_row({"inbound-cidrs": "the office"}),
    "inbound-cidrs empty": group_row({"inbound-cidrs": " "}),
    "prefix lists invalid": group_row({"security-group-prefix-lists": "office"}),
    "security groups that are not there": group_row({"security-groups": "nowhere"}),
    "security groups that nobody could look up": group_row(
        {"security-groups": "office"},
        given={"answers": {"security_groups": {"office": Unresolved("AWS did not answer")}}},
    ),
    # settings of the group
    "scheme invalid": group_row({"scheme": "public"}),
    "ip-address-type invalid": group_row({"ip-address-type": "ipv5"}),
    "dualstack in subnets without ipv6": group_row({"ip-address-type": "dualstack"}, names.SUBNETS_MISSING),
    "name invalid": group_row({"load-balancer-name": "internal-one"}),
    "subnets that are not there": group_row({"subnets": "subnet-x,subnet-y"}, names.SUBNETS_MISSING),
    "subnets of one zone": group_row({"subnets": "subnet-a"}, names.SUBNETS_MISSING),
    "ssl-policy empty": Row(
        now=secure({"ssl-policy": "", "certificate-arn": ARN}),
        was=secure({"certificate-arn": ARN}),
        new=at(443, SERVED),
        there=at(443, SERVED),
        told={(INGRESS, names.INVALID_ANNOTATION)},
    ),
    "attributes of no form": group_row({"load-balancer-attributes": "fast"}),
    "an attribute of no sense": group_row({"load-balancer-attributes": "idle_timeout.timeout_seconds=long"}),
    "tags of no form": group_row({"tags": "blue"}),
    "a tag of ours": group_row({"tags": "elbv2.k8s.aws/cluster=mine"}),
    "a web acl of no form": group_row({"wafv2-acl-arn": "guard"}),
    # conflicting settings
    "another scheme": conflict_row({"scheme": "internet-facing"}),
    "another policy": Row(
        now=secure({"ssl-policy": "ELBSecurityPolicy-2016-08", "certificate-arn": ARN}),
        was=secure({"certificate-arn": ARN}),
        new=at(443, SERVED),
        there=at(443, SERVED),
        told={(INGRESS, names.CONFLICTING_SETTING)},
        loses=True,
    ),
    "another value of an attribute": conflict_row(
        {"load-balancer-attributes": "idle_timeout.timeout_seconds=99"}
    ),
    "another value of a tag": conflict_row({"tags": "team=mine"}),
    "another default backend": Row(
        now=plain(default=backend("mine")),
        was=plain(),
        new=at(80, SERVED),
        there=at(80, SERVED),
        told={(INGRESS, names.CONFLICTING_SETTING)},
        loses=True,
    ),
    # class and order
    "class gone": Row(
        now=doubtful(names.INVALID_CLASS),
        was=plain(),
        new=[],
        there=at(80, KEPT),
        told={(INGRESS, names.INVALID_CLASS)},
    ),
    "order that is no number": Row(
        now=plain(
            order=None, problems=(Problem(plain().ref, names.INVALID_ANNOTATION, "group.order: no number"),)
        ),
        was=plain(),
        new=at(80, SERVED),
        there=at(80, SERVED),
        told={(INGRESS, names.INVALID_ANNOTATION)},
    ),
}
