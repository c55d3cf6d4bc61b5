"""Why an object asks for no name, and which of its annotations mean nothing."""

import pytest

from addons.dns.desired.not_asked import unknown_annotations, why_not_asked
from addons.dns.desired.settings import SourceSettings
from addons.dns.model.dns_endpoints import DnsEndpoint
from addons.dns.model.gateway import HttpRoute
from addons.dns.model.objects import (
    Ingress,
    IngressSpec,
    Node,
    NodeSpec,
    Pod,
    PodStatus,
    Service,
    ServiceSpec,
)
from addons.runtime.objects import KubeObject, ObjectMeta
from addons.runtime.selectors import parse_selector

NEW, OLD = "external-dns.kubernetes.io/", "external-dns.alpha.kubernetes.io/"
NAMED = ObjectMeta(name="www", namespace="web", annotations={NEW + "hostname": "www.example.com"})
BARE = SourceSettings()


@pytest.mark.parametrize(
    ("obj", "settings", "why"),
    [
        (
            Service(),
            BARE,
            f"nothing names it: it has neither the annotation {NEW}hostname nor a name of --fqdn-template",
        ),
        (Ingress(), BARE, "nor a host in its rules nor a name of --fqdn-template"),
        (
            Service(metadata=ObjectMeta(annotations={OLD + "controller": "other"})),
            BARE,
            "gives it to 'other'",
        ),
        (
            Service(metadata=NAMED),
            SourceSettings(labels=parse_selector("a=b")),
            "--label-filter leaves it out",
        ),
        (
            Service(metadata=NAMED),
            SourceSettings(annotations=parse_selector("a=b")),
            "--annotation-filter leaves it out",
        ),
        (
            Service(metadata=NAMED),
            SourceSettings(ignore_hostname_annotation=True),
            "--ignore-hostname-annotation leaves its annotations out",
        ),
        (
            Service(metadata=NAMED),
            SourceSettings(service_types=frozenset({"LoadBalancer"})),
            "--service-type-filter leaves out its type ClusterIP",
        ),
        (
            Service(metadata=NAMED),
            BARE,
            "counts with --publish-internal-services only; internal-hostname always",
        ),
        (Service(metadata=NAMED, spec=ServiceSpec(cluster_ip="None")), BARE, "no pod behind it is ready"),
        (
            Ingress(spec=IngressSpec(ingress_class_name="a")),
            SourceSettings(ingress_classes=frozenset("b")),
            "--ingress-class leaves out its class 'a'",
        ),
        (Node(spec=NodeSpec(unschedulable=True)), BARE, "it is cordoned"),
        (Pod(metadata=NAMED, status=PodStatus(phase="Failed")), BARE, "it has ended"),
        (Pod(metadata=NAMED, status=PodStatus(phase="Running")), BARE, "it has no address"),
        (Pod(metadata=NAMED, status=PodStatus(phase="Running", pod_ip="10.0.0.1")), BARE, "it is not ready"),
        (HttpRoute(), BARE, "no listener of a Gateway that counts"),
        (DnsEndpoint(), BARE, "it has no entries in spec.endpoints"),
    ],
)
def test_the_reason_is_the_first_that_there_is(obj: KubeObject, settings: SourceSettings, why: str) -> None:
    assert why in why_not_asked(obj, settings)


@pytest.mark.parametrize(
    ("annotation", "instead"),
    [
        (NEW + "hostnames", f"did you mean {NEW}hostname?"),
        (OLD + "hostnmae", f"did you mean {OLD}hostname?"),
        (NEW + "aws-wieght", f"did you mean {NEW}aws-weight?"),
        (NEW + "cloudflare-proxied", "it means nothing here"),
        ("externaldns.kubernetes.io/hostname", f"did you mean {NEW}hostname?"),
        ("dns.aws-addons.io/pod-record", "did you mean dns.aws-addons.io/pod-records?"),
        ("aws-addons.io/pod-records", "did you mean dns.aws-addons.io/pod-records?"),
    ],
)
def test_what_means_nothing_is_known_with_what_may_be_meant(annotation: str, instead: str) -> None:
    obj = Service(metadata=ObjectMeta(annotations={annotation: "x"}))
    assert list(unknown_annotations(obj, BARE)) == [(annotation, instead)]


@pytest.mark.parametrize(
    "annotation",
    [
        NEW + "hostname",
        OLD + "aws-health-check-id",
        "dns.aws-addons.io/multi-value",
        "service.beta.kubernetes.io/aws-load-balancer-type",
        "alb.ingress.kubernetes.io/target-type",
        "kubernetes.io/ingress.class",
        "hostname",
    ],
)
def test_what_is_read_or_is_of_others_is_none_of_it(annotation: str) -> None:
    obj = Service(metadata=ObjectMeta(annotations={annotation: "x"}))
    assert list(unknown_annotations(obj, BARE)) == []


def test_a_prefix_that_the_settings_leave_out_is_told() -> None:
    obj = Service(metadata=ObjectMeta(annotations={OLD + "hostname": "x"}))
    found = list(unknown_annotations(obj, SourceSettings(prefixes=("a.example.org/",))))
    assert found == [(OLD + "hostname", f"--annotation-prefix leaves {OLD} out")]
