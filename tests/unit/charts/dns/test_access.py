"""What the dns chart grants: roles by source and namespace, and the IAM policy that its notes show."""

import fnmatch
import json
import re
from typing import Any, get_args

import pytest

from addons.dns.config import Config
from addons.runtime.settings import settings_of
from tests.support.charts import CHARTS, Object, Values, container_of, only, render, render_files, values

READ = ("list", "watch")
Grants = set[tuple[str, str]]


def config(**settings: Any) -> Values:
    """Values with these settings of the daemon."""
    return values({"config": settings})


def granted(objects: list[Object], kind: str, namespace: str = "") -> Grants:
    """(verb, resource) of every rule of this kind of role, in one namespace."""
    return {
        (verb, resource)
        for role in objects
        if role["kind"] == kind and role["metadata"].get("namespace", "") == namespace
        for rule in role["rules"]
        for verb in rule["verbs"]
        for resource in rule["resources"]
    }


def reads(*resources: str) -> Grants:
    """The grants to keep a cache of these resources."""
    return {(verb, resource) for verb in READ for resource in resources}


EVENTS: Grants = {("create", "events"), ("patch", "events")}
LEADS: Grants = {("create", "leases"), ("get", "leases"), ("patch", "leases")}


def test_services_need_their_slices_and_pods_and_the_nodes() -> None:
    objects = render(config(source=["service"]))
    assert granted(objects, "ClusterRole") == EVENTS | reads("services", "endpointslices", "pods", "nodes")


def test_pods_need_their_nodes() -> None:
    assert granted(render(config(source=["pod"])), "ClusterRole") == EVENTS | reads("pods", "nodes")


def test_without_headless_services_pods_are_nobody_s_business() -> None:
    objects = render(config(source=["service"], serviceTypeFilter=["NodePort"]))
    assert granted(objects, "ClusterRole") == EVENTS | reads("services", "endpointslices", "nodes")


def test_without_node_ports_nodes_are_nobody_s_business() -> None:
    objects = render(config(source=["service"], serviceTypeFilter=["LoadBalancer"]))
    assert granted(objects, "ClusterRole") == EVENTS | reads("services", "endpointslices")
    objects = render(config(source=["service"], serviceTypeFilter=["LoadBalancer", "NodePort"]))
    assert reads("nodes") <= granted(objects, "ClusterRole")


def test_a_dry_run_may_write_nothing() -> None:
    objects = render(config(dryRun=True))
    assert granted(objects, "ClusterRole") == reads(
        "services", "endpointslices", "pods", "ingresses", "nodes"
    )
    assert not [obj for obj in objects if obj["kind"] == "Role"]


def test_ingresses_need_nothing_else() -> None:
    assert granted(render(config(source=["ingress"])), "ClusterRole") == EVENTS | reads("ingresses")


def test_nodes_need_nothing_else() -> None:
    assert granted(render(config(source=["node"])), "ClusterRole") == EVENTS | reads("nodes")


def test_the_status_of_custom_resources_is_written_back() -> None:
    status = {("patch", "dnsendpoints/status")}
    objects = render(config(source=["crd"]))
    assert granted(objects, "ClusterRole") == EVENTS | reads("dnsendpoints") | status
    objects = render(config(source=["crd"], dryRun=True))
    assert granted(objects, "ClusterRole") == reads("dnsendpoints")


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_routes_need_gateways_and_namespaces_beyond_their_own(kind: str) -> None:
    beyond = reads("gateways", "namespaces")
    objects = render(config(source=[f"gateway-{kind}route"]))
    assert granted(objects, "ClusterRole") == EVENTS | reads(f"{kind}routes") | beyond
    objects = render(config(source=[f"gateway-{kind}route"], namespace="shop"))
    assert granted(objects, "Role", "shop") == EVENTS | reads(f"{kind}routes")
    assert granted(objects, "ClusterRole") == beyond


def test_the_custom_resource_definition_outlives_the_release() -> None:
    assert not [obj for obj in render(config()) if obj["kind"] == "CustomResourceDefinition"]
    definition = only(render(values({"crds": {"install": True}})), "CustomResourceDefinition")
    assert definition["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_every_source_has_its_rules() -> None:
    setting = next(setting for setting in settings_of(Config) if setting.key == "source")
    for source in get_args(get_args(setting.type)[0]):
        assert granted(render(config(source=[source])), "ClusterRole") - EVENTS, f"nothing for {source}"


def test_in_one_namespace_only_nodes_are_read_beyond_it() -> None:
    objects = render(config(namespace="shop"))
    assert granted(objects, "Role", "shop") == EVENTS | reads(
        "services", "endpointslices", "pods", "ingresses"
    )
    assert granted(objects, "ClusterRole") == reads("nodes")


def test_ingresses_of_one_namespace_need_nothing_beyond_it() -> None:
    objects = render(config(namespace="shop", source=["ingress"]))
    assert not [obj for obj in objects if obj["kind"].startswith("ClusterRole")]


def test_in_its_own_namespace_both_roles_have_names_of_their_own() -> None:
    objects = render(config(namespace="kube-system"))
    roles = [obj["metadata"]["name"] for obj in objects if obj["kind"] == "Role"]
    assert sorted(roles) == ["aws-dns-leader", "aws-dns-sources"]


def test_leadership_is_one_named_lease_where_the_daemon_looks_for_it() -> None:
    objects = render(config())
    assert granted(objects, "Role", "kube-system") == LEADS | EVENTS
    rules = only(objects, "Role")["rules"]
    named = [
        rule.get("resourceNames")
        for rule in rules
        if rule["resources"] == ["leases"] and rule["verbs"] != ["create"]
    ]
    assert named == [["aws-dns"]]
    assert "leaderElectName: aws-dns\n" in only(objects, "ConfigMap")["data"]["config.yaml"]


def test_events_of_its_own_pod_are_written_in_its_own_namespace_whatever_it_reads() -> None:
    objects = render(config(namespace="shop"))
    assert granted(objects, "Role", "kube-system") >= EVENTS
    assert granted(objects, "Role", "shop") >= EVENTS
    assert not granted(objects, "ClusterRole") & EVENTS


@pytest.mark.parametrize("chart", ["dns", "iamproxy"])
def test_the_pod_is_told_its_name_its_namespace_and_its_uid(chart: str) -> None:
    objects = render(values(chart=chart), CHARTS / chart)
    variables = {each["name"]: each.get("valueFrom") for each in container_of(objects)["env"]}
    assert {name: variables[name] for name in variables if name.startswith("POD_")} == {
        "POD_NAME": {"fieldRef": {"fieldPath": "metadata.name"}},
        "POD_NAMESPACE": {"fieldRef": {"fieldPath": "metadata.namespace"}},
        "POD_UID": {"fieldRef": {"fieldPath": "metadata.uid"}},
    }


def test_nothing_that_users_own_is_written() -> None:
    for objects in (render(config()), render(config(namespace="shop"))):
        writes = {
            (verb, resource)
            for namespace in ("", "shop")
            for kind in ("ClusterRole", "Role")
            for verb, resource in granted(objects, kind, namespace)
            if verb not in READ
        }
        assert writes == EVENTS


def test_every_role_is_bound_to_the_service_account_of_the_pod() -> None:
    for given in (config(), config(namespace="shop"), values({"serviceAccount": {"name": "other"}})):
        objects = render(given)
        account = only(objects, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"]
        roles = {
            (o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"])
            for o in objects
            if o["kind"].endswith("Role")
        }
        bindings = [obj for obj in objects if obj["kind"].endswith("Binding")]
        subject = {"kind": "ServiceAccount", "name": account, "namespace": "kube-system"}
        assert [binding["subjects"] for binding in bindings] == [[subject]] * len(roles)
        assert {
            (b["roleRef"]["kind"], b["metadata"].get("namespace"), b["roleRef"]["name"]) for b in bindings
        } == roles
        assert only(objects, "ServiceAccount")["metadata"]["name"] == account


def test_access_of_ones_own_replaces_the_chart_s() -> None:
    given = {"rbac": {"create": False}, "serviceAccount": {"create": False, "name": "given"}}
    objects = render(values(given))
    assert not [obj for obj in objects if re.search("Role|ServiceAccount", obj["kind"])]
    assert only(objects, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == "given"


def notes(given: Values) -> str:
    """What Helm prints after an install."""
    return render_files(given)["dns/templates/NOTES.txt"]


def policy(given: Values) -> dict[str, Any]:
    """The statements of the IAM policy in the notes, by their names."""
    text = notes(given)
    found = json.loads(text[text.index("\n  {\n") : text.rindex("\n  }\n") + 4])
    return {statement.pop("Sid"): statement for statement in found["Statement"]}


def test_the_policy_is_the_file_of_the_chart_where_nothing_limits_it() -> None:
    whole = json.loads((CHARTS / "dns/files/iam-policy.json").read_text())
    assert policy(config()) == {statement.pop("Sid"): statement for statement in whole["Statement"]}


def test_the_policy_is_limited_to_the_zones() -> None:
    statements = policy(config(zoneIdFilter=["Z1", "/hostedzone/Z2"]))
    zones = ["arn:aws:route53:::hostedzone/*Z1", "arn:aws:route53:::hostedzone/*Z2"]
    assert statements["ReadRecords"]["Resource"] == statements["ChangeRecords"]["Resource"] == zones
    assert statements["FindZones"]["Resource"] == ["*"]


def test_the_policy_grows_by_what_tags_and_roles_need() -> None:
    shared, single = "arn:aws:iam::123456789012:role/a", "arn:aws:iam::210987654321:role/b"
    roles = {"awsAssumeRole": single, "awsZoneRole": {"Z1": shared, "Z2": single}}
    statements = policy(config(awsZoneTags=["team=web"], zoneIdFilter=["Z1"], **roles))
    assert statements["ReadTags"]["Action"] == ["route53:ListTagsForResources"]
    assert statements["ReadTags"]["Resource"] == ["arn:aws:route53:::hostedzone/*Z1"]
    assert statements["AssumeRoles"]["Action"] == ["sts:AssumeRole"]
    assert statements["AssumeRoles"]["Resource"] == [shared, single]


def may_write(name: str, **settings: Any) -> bool:
    """Whether the policy permits a change of this name: as IAM compares, with `*` for any text."""
    condition = policy(config(**settings))["ChangeRecords"]["Condition"]["ForAllValues:StringLike"]
    patterns = condition["route53:ChangeResourceRecordSetsNormalizedRecordNames"]
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("app.example.org", {}),
        ("a-app.example.org", {}),
        ("cname-app.example.org", {}),
        ("deep.in.app.example.org", {}),
        (r"\052.app.example.org", {}),
        ("owner-a-app.example.org", {"txtPrefix": "owner-"}),
        ("own.a-app.example.org", {"txtPrefix": "own.%{record_type}-"}),
        ("a-app-owner.example.org", {"txtSuffix": "-owner"}),
        ("app-a-owner.example.org", {"txtSuffix": "-%{record_type}-owner"}),
    ],
)
def test_the_policy_permits_what_is_below_the_domain_and_what_owns_it(name: str, settings: Values) -> None:
    assert may_write(name, domainFilter=["App.Example.org"], **settings)


@pytest.mark.parametrize("name", ["example.org", "other.example.org", "myapp.example.org", "app.example.com"])
def test_the_policy_permits_no_other_name(name: str) -> None:
    assert not may_write(name, domainFilter=["app.example.org"])


def test_a_filter_for_subdomains_does_not_permit_the_domain_itself() -> None:
    assert may_write("www.app.example.org", domainFilter=[".app.example.org"])
    assert not may_write("app.example.org", domainFilter=[".app.example.org"])


def test_the_notes_name_three_commands_that_fit_the_release() -> None:
    text = notes(values({"port": 9000}))
    commands = [line.strip() for line in text.splitlines() if line.startswith(("  kubectl", "  curl"))]
    assert commands[0] == "kubectl -n kube-system rollout status deployment/aws-dns"
    assert commands[1].startswith("kubectl addons explain service/NAMESPACE/NAME ")


def test_the_notes_say_whose_role_the_policy_is_for() -> None:
    role = "arn:aws:iam::1:role/dns"
    annotated = values({"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": role}}})
    assert f"The role {role} needs this policy" in notes(annotated)
    assert "names no IAM role" in notes(values())
    by_iamproxy = values({"podAnnotations": {"iam.amazonaws.com/role": "dns"}})
    assert "The role dns, which iamproxy gives the pods where the namespace kube-system" in notes(by_iamproxy)


def test_the_notes_say_what_is_owned_and_what_may_change() -> None:
    assert 'It owns what TXT records name "test".\nPolicy: upsert-only.\n' in notes(values())
    assert "keeps no record of what is its own" in notes(config(registry="noop"))
    assert "It changes nothing: config.dryRun is set" in notes(config(dryRun=True))
    assert "for: ingress in namespace shop, below a.org, b.org.\n" in notes(
        config(source=["ingress"], namespace="shop", domainFilter=["a.org", "b.org"])
    )
