"""Pods that are alike to the scheduler are of one class."""

import gc
from typing import Any
from weakref import ref

import yaml
from hypothesis import given
from hypothesis import strategies as st

from addons.autoscaler.desired.classes import Classes
from addons.autoscaler.desired.pods import pod_of
from addons.autoscaler.model.pods import (
    HostPort,
    NodeTerm,
    PodClass,
    PodTerm,
    Requirement,
    Spread,
    Toleration,
)
from tests.support.as_manifests import pod

APP = {"app": "web"}
IS_WEB = Requirement("app", "In", ("web",))


def class_of(spec: str | dict[str, Any] = "{}", classes: Classes | None = None, **meta: Any) -> PodClass:
    return pod_of(pod(spec, **{"labels": APP, **meta}), classes or Classes()).cls


def required(kind: str, *terms: str) -> str:
    key = "requiredDuringSchedulingIgnoredDuringExecution"
    written = [yaml.safe_load(term) for term in terms]
    return yaml.safe_dump({"affinity": {kind: {key: written}}})


class TestOneClass:
    def test_pods_alike_have_the_same_object(self) -> None:
        classes = Classes()
        assert class_of("{}", classes, name="a", uid="1") is class_of("{}", classes, name="b", uid="2")

    def test_images_and_nodes_make_no_difference(self) -> None:
        classes = Classes()
        one = class_of("{containers: [{image: one}], nodeName: a}", classes)
        assert class_of("{containers: [{image: two}], nodeName: b}", classes) is one

    def test_amounts_written_in_other_ways_make_no_difference(self) -> None:
        classes = Classes()
        one = class_of("{containers: [{resources: {requests: {cpu: 500m}}}]}", classes)
        assert class_of("{containers: [{resources: {requests: {cpu: '0.5'}}}]}", classes) is one

    def test_a_pod_that_runs_is_like_one_that_waits(self) -> None:
        classes = Classes()
        spec = {"containers": [{"name": "web", "resources": {"requests": {"cpu": "1"}}}]}
        has = {"containerStatuses": [{"name": "web", "allocatedResources": {"cpu": "1"}}]}
        running = pod_of(pod(spec, labels=APP, status=has), classes)
        assert running.cls is class_of(spec, classes)

    def test_namespaces_labels_and_requests_make_a_difference(self) -> None:
        classes = Classes()
        found = {
            class_of("{}", classes).digest,
            class_of("{}", classes, namespace="other").digest,
            class_of("{}", classes, labels={"app": "db"}).digest,
            class_of("{containers: [{resources: {requests: {cpu: 1}}}]}", classes).digest,
        }
        assert len(found) == 4

    def test_a_class_without_pods_is_forgotten(self) -> None:
        classes = Classes()
        last = ref(class_of("{}", classes))
        gc.collect()
        assert last() is None
        assert class_of("{}", classes) is class_of("{}", classes)

    @given(st.permutations(sorted({"a": "1", "b": "2", "app": "web"}.items())))
    def test_the_digest_does_not_depend_on_the_order_of_labels(self, labels: list[tuple[str, str]]) -> None:
        assert (
            class_of(labels=dict(labels)).digest == class_of(labels={"app": "web", "b": "2", "a": "1"}).digest
        )


class TestLabelsOfOnePod:
    LABELS = {  # noqa: RUF012
        "app": "web",
        "statefulset.kubernetes.io/pod-name": "web-1",
        "apps.kubernetes.io/pod-index": "1",
        "batch.kubernetes.io/controller-uid": "u-7",
    }

    def test_they_are_none_of_the_class(self) -> None:
        assert class_of(labels=self.LABELS).labels == APP

    def test_they_are_labels_of_the_pod_all_the_same(self) -> None:
        assert pod_of(pod(labels=self.LABELS), Classes()).labels == self.LABELS

    def test_a_pod_that_chooses_neighbours_by_one_is_like_no_other(self) -> None:
        term = "{topologyKey: zone, labelSelector: {matchLabels: {apps.kubernetes.io/pod-index: '1'}}}"
        found = class_of(required("podAntiAffinity", term), labels=self.LABELS)
        assert found.labels == {"app": "web", "apps.kubernetes.io/pod-index": "1"}


class TestNodes:
    def test_terms_and_selector_are_kept(self) -> None:
        terms = "{nodeSelectorTerms: [{matchExpressions: [{key: a, operator: In, values: [y, x]}]}, {}]}"
        key = "requiredDuringSchedulingIgnoredDuringExecution"
        found = class_of(f"{{nodeSelector: {{b: c}}, affinity: {{nodeAffinity: {{{key}: {terms}}}}}}}")
        assert found.node_selector == {"b": "c"}
        assert found.node_affinity == (NodeTerm((Requirement("a", "In", ("x", "y")),)), NodeTerm())

    def test_what_is_only_preferred_does_not_count(self) -> None:
        key = "preferredDuringSchedulingIgnoredDuringExecution"
        found = class_of(f"affinity: {{nodeAffinity: {{{key}: [{{weight: 1, preference: {{}}}}]}}}}")
        assert found.node_affinity is None

    def test_the_node_that_a_daemonset_pod_is_made_for_is_none_of_its_class(self) -> None:
        key = "requiredDuringSchedulingIgnoredDuringExecution"
        spec = f"""
        affinity:
          nodeAffinity:
            {key}:
              nodeSelectorTerms:
              - matchFields: [{{key: metadata.name, operator: In, values: [%s]}}]
        """
        owner = [
            {"kind": "DaemonSet", "name": "agent", "uid": "d", "controller": True, "apiVersion": "apps/v1"}
        ]
        classes = Classes()
        one = class_of(spec % "a", classes, ownerReferences=owner)
        assert one.node_affinity is None
        assert class_of(spec % "b", classes, ownerReferences=owner) is one

    def test_tolerations(self) -> None:
        found = class_of("tolerations: [{key: a, operator: Exists}, {key: b, value: c, effect: NoSchedule}]")
        assert found.tolerations == (Toleration("a", "Exists"), Toleration("b", "Equal", "c", "NoSchedule"))


class TestNeighbours:
    def test_without_namespaces_the_own_one_is_meant(self) -> None:
        found = class_of(
            required("podAffinity", "{topologyKey: zone, labelSelector: {matchLabels: {app: web}}}")
        )
        assert found.affinity == (PodTerm("zone", (IS_WEB,), ("shop",), None),)

    def test_without_a_selector_nobody_is_meant(self) -> None:
        assert class_of(required("podAntiAffinity", "{topologyKey: zone}")).anti_affinity == (
            PodTerm("zone", None, ("shop",), None),
        )

    def test_an_empty_selector_of_namespaces_means_all_of_them(self) -> None:
        term = "{topologyKey: zone, labelSelector: {}, namespaceSelector: {}}"
        assert class_of(required("podAffinity", term)).affinity == (PodTerm("zone", (), (), ()),)

    def test_named_namespaces_count_beside_chosen_ones(self) -> None:
        term = """
        topologyKey: zone
        labelSelector: {}
        namespaces: [a]
        namespaceSelector: {matchLabels: {b: c}}
        """
        chosen = (Requirement("b", "In", ("c",)),)
        assert class_of(required("podAffinity", term)).affinity == (PodTerm("zone", (), ("a",), chosen),)

    def test_labels_that_must_be_the_same_or_not(self) -> None:
        term = """
        topologyKey: zone
        labelSelector: {matchLabels: {app: web}}
        matchLabelKeys: [hash, none]
        mismatchLabelKeys: [tenant]
        """
        found = class_of(required("podAffinity", term), labels={"app": "web", "hash": "1", "tenant": "t"})
        more = (Requirement("hash", "In", ("1",)), Requirement("tenant", "NotIn", ("t",)))
        assert found.affinity == (PodTerm("zone", (IS_WEB, *more), ("shop",), None),)

    def test_what_the_api_server_has_added_itself_is_there_once(self) -> None:
        term = """
        topologyKey: zone
        labelSelector: {matchExpressions: [{key: app, operator: In, values: [web]}]}
        matchLabelKeys: [app]
        """
        assert class_of(required("podAffinity", term)).affinity == (
            PodTerm("zone", (IS_WEB,), ("shop",), None),
        )


class TestSpread:
    def test_its_defaults(self) -> None:
        found = class_of(
            "topologySpreadConstraints: [{maxSkew: 2, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, "
            "labelSelector: {matchLabels: {app: web}}}]"
        )
        assert found.spread == (Spread(2, "zone", (IS_WEB,), 1, honors_affinity=True, honors_taints=False),)

    def test_all_that_can_be_said(self) -> None:
        found = class_of(
            "topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, "
            "labelSelector: {}, minDomains: 3, nodeAffinityPolicy: Ignore, nodeTaintsPolicy: Honor, "
            "matchLabelKeys: [app, none]}]"
        )
        assert found.spread == (Spread(1, "zone", (IS_WEB,), 3, honors_affinity=False, honors_taints=True),)

    def test_what_may_be_broken_does_not_count(self) -> None:
        found = class_of(
            "topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}]"
        )
        assert found.spread == ()


class TestPortsOfTheNode:
    def test_of_containers_and_of_those_that_run_beside_them(self) -> None:
        found = class_of("""
        containers:
        - ports:
          - {containerPort: 1}
          - {hostPort: 80, hostIP: 0.0.0.0}
          - {hostPort: 53, protocol: UDP, hostIP: 10.0.0.1}
        initContainers:
        - {restartPolicy: Always, ports: [{hostPort: 81}]}
        - {ports: [{hostPort: 82}]}
        """)
        assert found.ports == (HostPort(53, "UDP", "10.0.0.1"), HostPort(80), HostPort(81))


def test_requests_that_cannot_be_read_fit_nowhere_and_say_why() -> None:
    found = class_of("containers: [{resources: {requests: {cpu: lots}}}]")
    assert found.requests == {"pods": 1}
    assert (
        found.missing_volume
        == "the requests of the pod cannot be read: cpu: 'lots' is not an amount, such as 2, 500m or 1.5Gi"
    )


def test_a_pod_that_claims_devices_fits_nowhere_and_says_why() -> None:
    found = class_of("resourceClaims: [{name: gpu, resourceClaimTemplateName: gpu}]")
    assert found.missing_volume == "the pod has resourceClaims, which are not simulated"
