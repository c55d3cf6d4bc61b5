"""What every pod of the node is granted or refused, and which pod has which address."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.iamproxy import names
from addons.iamproxy.config import Config
from addons.iamproxy.desired.grants import Desired, Rules, desired_grants
from addons.iamproxy.desired.policy import Policy, Rule
from addons.iamproxy.model.assignments import Assignment
from addons.iamproxy.model.credentials import CredentialKey
from addons.iamproxy.model.objects import Namespace, Pod, PodIp, PodSpec, PodStatus
from addons.iamproxy.model.verdicts import Grant, Refusal, Verdict
from addons.runtime.objects import ObjectMeta

BASE = "arn:aws:iam::111111111111:role/"
LEAVING = datetime(2026, 1, 1, tzinfo=UTC)
NOTHING: Mapping[str, str] = {}


def pod(
    name: str,
    ip: str = "",
    *,
    role: str = "web",
    phase: str = "Running",
    leaving: bool = False,
    host_network: bool = False,
    account: str = "runner",
    annotations: Mapping[str, str] = NOTHING,
    more: tuple[str, ...] = (),
) -> Pod:
    return Pod(
        metadata=ObjectMeta(
            name=name,
            namespace="prod",
            uid=f"uid-{name}",
            annotations={names.ROLE: role, **annotations} if role else annotations,
            deletion_timestamp=LEAVING if leaving else None,
        ),
        spec=PodSpec(node_name="node-1", host_network=host_network, service_account_name=account),
        status=PodStatus(phase=phase, pod_ip=ip, pod_ips=tuple(map(PodIp, (ip, *more))) if ip else ()),
    )


def namespace(*allowed: str, **labels: str) -> Namespace:
    annotations = {names.ALLOWED_ROLES: json.dumps(allowed)}
    return Namespace(metadata=ObjectMeta(name="prod", annotations=annotations, labels=labels))


def decide(
    *pods: Pod,
    allowed: tuple[str, ...] = ("*",),
    assignments: list[Assignment] | None = None,
    base: str = BASE,
    policy: Policy | None = None,
    known: bool = True,
    **settings: Any,
) -> Desired:
    rules = Rules(Config(node="node-1", **settings), base, policy)
    namespaces = {"prod": namespace(*allowed)} if known else {}
    return desired_grants(pods, namespaces, assignments, rules)


def said(verdict: Verdict) -> str:
    """The name of the pod that is granted its role, or the reason of the refusal."""
    return verdict.pod.name if isinstance(verdict, Grant) else verdict.reason


def holders(desired: Desired) -> dict[str, str]:
    return {ip: said(verdict) for ip, verdict in desired.addresses.items()}


def verdict(*pods: Pod, **settings: Any) -> Verdict:
    (found,) = decide(*pods, **settings).pods
    return found


def key(*pods: Pod, **settings: Any) -> CredentialKey:
    found = verdict(*pods, **settings)
    assert isinstance(found, Grant)
    return found.key


class TestVerdicts:
    def test_a_pod_is_granted_what_it_asks_for_and_may_have(self) -> None:
        found = verdict(pod("a"), allowed=("web",))
        assert isinstance(found, Grant)
        assert (found.role_name, found.key.role_arn) == ("web", BASE + "web")

    @pytest.mark.parametrize("host_network", [False, True])
    def test_of_a_role_of_256_kib_lines_about_each_request_have_the_beginning(
        self, host_network: bool
    ) -> None:
        found = verdict(pod("a", role="r" * 262_144, host_network=host_network))
        assert isinstance(found, Refusal)
        assert found.role.startswith("rrr")
        assert len(found.role) < 200
        assert len(found.message) < 400

    @pytest.mark.parametrize(
        ("asked", "settings", "reason", "status"),
        [
            (pod("a", role=""), {}, names.NO_ROLE, 404),
            (pod("a"), {"allowed": ("db",)}, names.ROLE_NOT_ALLOWED, 403),
            (pod("a", role="a b"), {}, names.INVALID_ROLE, 403),
            (pod("a"), {"base": ""}, names.BASE_ARN_UNKNOWN, 503),
            (pod("a"), {"known": False}, names.NAMESPACE_UNKNOWN, 503),
            (pod("a", role="", host_network=True), {}, names.HOST_NETWORK, 403),
            (pod("a", host_network=True), {}, names.HOST_NETWORK_ROLE, 403),
            (pod("a"), {"policy": Policy()}, names.POLICY_DENIES, 403),
            (pod("a", annotations={names.EXTERNAL_ID: "a b"}), {}, names.INVALID_EXTERNAL_ID, 403),
            (pod("a", role="arn:aws:iam::222222222222:role/x"), {}, names.ACCOUNT_NOT_ALLOWED, 403),
        ],
    )
    def test_else_it_is_refused_with_the_reason(
        self, asked: Pod, settings: dict[str, Any], reason: str, status: int
    ) -> None:
        found = verdict(asked, **settings)
        assert isinstance(found, Refusal)
        assert (found.reason, found.status) == (reason, status)

    def test_the_default_role_must_be_allowed_too(self) -> None:
        assert said(verdict(pod("a", role=""), default_role="web", base_role_arn=BASE)) == "a"
        assert (
            said(verdict(pod("a", role=""), default_role="web", base_role_arn=BASE, allowed=()))
            == names.ROLE_NOT_ALLOWED
        )

    def test_accounts_that_are_not_allowed_are_so_whatever_namespaces_say(self) -> None:
        foreign = "arn:aws:iam::222222222222:role/x"
        asked: dict[str, Any] = {"allowed": (foreign, "*")}
        assert said(verdict(pod("a", role=foreign), **asked)) == "a"
        asked["allowed_accounts"] = ("333333333333",)
        assert said(verdict(pod("a", role=foreign), **asked)) == names.ACCOUNT_NOT_ALLOWED
        assert said(verdict(pod("a"), **asked)) == "a", "our own account needs no mention"
        asked["allowed_accounts"] = ("333333333333", "222222222222")
        assert said(verdict(pod("a", role=foreign), **asked)) == "a"

    def test_without_restrictions_only_the_accounts_limit_a_pod(self) -> None:
        asked: dict[str, Any] = {"namespace_restrictions": False, "allowed_accounts": ("222222222222",)}
        assert said(verdict(pod("a", role="arn:aws:iam::222222222222:role/x"), **asked)) == "a"
        refused = verdict(pod("a", role="arn:aws:iam::333333333333:role/x"), **asked)
        assert said(refused) == names.ACCOUNT_NOT_ALLOWED

    def test_without_restrictions_the_policy_still_counts(self) -> None:
        policy = Policy((Rule("web", ("web",)),))
        free = {"namespace_restrictions": False, "allowed": ()}
        assert said(verdict(pod("a"), policy=policy, **free)) == "a"
        assert said(verdict(pod("a", role="db"), policy=policy, **free)) == names.POLICY_DENIES

    def test_namespace_and_policy_must_both_agree(self) -> None:
        policy = Policy((Rule("web", ("web",)),))
        assert said(verdict(pod("a"), policy=policy, allowed=("db",))) == names.ROLE_NOT_ALLOWED

    def test_an_external_id_is_of_no_account_with_web_identity(self) -> None:
        asked = pod("a", annotations={names.EXTERNAL_ID: "a b"})
        assert said(verdict(asked, credential_source="web-identity")) == "a"

    def test_a_list_that_nobody_reads_has_no_faults(self) -> None:
        settings: dict[str, Any] = {"namespace_restriction_format": "regexp", "allowed": ("(",)}
        assert decide(pod("a"), namespace_restrictions=False, **settings).problems == ()

    def test_faults_of_a_namespace_are_told_once_for_all_its_pods(self) -> None:
        found = decide(pod("a"), pod("b"), allowed=("web", "("), namespace_restriction_format="regexp")
        assert [problem.reason for problem in found.problems] == [names.INVALID_ALLOWED_ROLES]

    def test_an_expression_that_cannot_be_read_is_a_problem_with_its_remedy_and_harms_no_other(self) -> None:
        found = decide(pod("a"), allowed=("(?!db).*", "web"), namespace_restriction_format="regexp")
        assert isinstance(found.pods[0], Grant)
        assert [problem.message.partition("; ")[2] for problem in found.problems] == [
            "look-around does not exist in RE2: list what is meant instead"
        ]


class TestSessionTokens:
    """A pod and its namespace may each require tokens, and neither can take that back."""

    @staticmethod
    def needed(on_pod: str, on_namespace: str, role: str = "web") -> bool:
        asked = pod("a", role=role, annotations={names.IMDSV2: on_pod} if on_pod else {})
        space = namespace("*")
        if on_namespace:
            annotations = {**space.metadata.annotations, names.IMDSV2: on_namespace}
            space = Namespace(metadata=ObjectMeta(name="prod", annotations=annotations))
        rules = Rules(Config(node="node-1"), BASE)
        (found,) = desired_grants([asked], {"prod": space}, None, rules).pods
        return found.needs_token

    @pytest.mark.parametrize(
        ("on_pod", "on_namespace", "needed"),
        [
            ("", "", False),
            ("optional", "optional", False),
            ("required", "", True),
            ("", "required", True),
            ("optional", "required", True),
            ("required", "optional", True),
            ("yes", "", True),
        ],
    )
    def test_who_needs_one(self, on_pod: str, on_namespace: str, needed: bool) -> None:
        assert self.needed(on_pod, on_namespace) is needed

    def test_a_pod_that_is_refused_needs_one_too(self) -> None:
        assert self.needed("required", "", role="")

    def test_what_is_neither_word_is_told(self) -> None:
        (problem,) = decide(pod("a", annotations={names.IMDSV2: "yes"})).problems
        assert (problem.reason, str(problem.ref)) == (names.INVALID_IMDSV2, "pod/prod/a")


class TestKeys:
    def test_pods_of_one_service_account_and_role_share_credentials(self) -> None:
        assert key(pod("a")) == key(pod("b"))

    @pytest.mark.parametrize(
        "other",
        [
            pod("b", role="db"),
            pod("b", account="other"),
            pod("b", annotations={names.EXTERNAL_ID: "x1"}),
            pod("b", annotations={names.SESSION_NAME: "x"}),
        ],
    )
    def test_others_do_not(self, other: Pod) -> None:
        assert key(pod("a")) != key(other)

    def test_a_session_is_called_as_the_pod_or_the_settings_say(self) -> None:
        assert key(pod("a")).session_name == "prod.runner"
        assert key(pod("a"), session_name="{node}-{role}").session_name == "node-1-web"
        assert key(pod("a", annotations={names.SESSION_NAME: "my job"})).session_name == "my-job"

    def test_a_session_lasts_an_hour_at_least(self) -> None:
        assert key(pod("a"), iam_role_session_ttl=timedelta(minutes=15)).duration_seconds == 3600
        assert key(pod("a"), iam_role_session_ttl=timedelta(hours=1)).duration_seconds == 7200

    def test_tags_are_opt_in(self) -> None:
        assert key(pod("a")).session_tags == ()
        assert dict(key(pod("a"), session_tags=True).session_tags) == {
            "kubernetes-namespace": "prod",
            "kubernetes-service-account": "runner",
        }

    def test_web_identity_speaks_for_the_service_account(self) -> None:
        found = key(pod("a"), credential_source="web-identity")
        assert (found.source, found.service_account) == ("web-identity", ("prod", "runner"))


class TestAddressesByStatus:
    """Without a word of the network, what the API server says counts, with care."""

    def test_a_pod_has_all_of_its_addresses(self) -> None:
        found = holders(decide(pod("a", "10.0.0.1", more=("fd00::0001",))))
        assert found == {"10.0.0.1": "a", "fd00::1": "a"}

    @pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
    def test_a_pod_that_is_over_has_none(self, phase: str) -> None:
        assert holders(decide(pod("a", "10.0.0.1", phase=phase))) == {}

    def test_two_running_pods_on_one_address_are_both_refused(self) -> None:
        found = holders(decide(pod("a", "10.0.0.1"), pod("b", "10.0.0.1")))
        assert found == {"10.0.0.1": names.AMBIGUOUS_ADDRESS}

    def test_the_successor_of_a_pod_that_leaves_is_served(self) -> None:
        found = holders(decide(pod("a", "10.0.0.1", leaving=True), pod("b", "10.0.0.1")))
        assert found == {"10.0.0.1": "b"}

    def test_a_pod_that_leaves_is_served_as_long_as_nobody_can_follow(self) -> None:
        found = decide(pod("a", "10.0.0.1", leaving=True), pod("b", "10.0.0.2"))
        assert (holders(found)["10.0.0.1"], found.doubtful) == ("a", frozenset())

    def test_it_is_in_doubt_while_a_pod_waits_for_an_address(self) -> None:
        found = decide(pod("a", "10.0.0.1", leaving=True), pod("b", phase="Pending"), pod("c", "10.0.0.3"))
        assert found.doubtful == {"10.0.0.1"}

    def test_pods_of_the_hosts_network_hold_the_nodes_address_together(self) -> None:
        found = decide(pod("a", "10.9.9.9", host_network=True), pod("b", "10.9.9.9", host_network=True))
        assert holders(found) == {"10.9.9.9": names.HOST_NETWORK}


def given_to(name: str, ip: str) -> Assignment:
    return Assignment(ip, "prod", name, f"uid-{name}")


class TestAddressesByAssignment:
    """The network knows first, and for sure."""

    def test_it_counts_whatever_the_status_says(self) -> None:
        found = decide(pod("a", "10.0.0.1"), pod("b"), assignments=[given_to("b", "10.0.0.1")])
        assert holders(found) == {"10.0.0.1": "b"}

    def test_a_pod_of_the_same_name_is_not_the_same_pod(self) -> None:
        old = Assignment("10.0.0.1", "prod", "a", "uid-of-before")
        assert holders(decide(pod("a"), assignments=[old])) == {}

    def test_none_is_in_doubt(self) -> None:
        found = decide(pod("a", "10.0.0.1", leaving=True), pod("b"), assignments=[given_to("a", "10.0.0.1")])
        assert (holders(found), found.doubtful) == ({"10.0.0.1": "a"}, frozenset())

    def test_a_static_pod_is_known_by_the_uid_of_its_kubelet(self) -> None:
        static = pod("a", annotations={"kubernetes.io/config.mirror": "hash"})
        assert holders(decide(static, assignments=[Assignment("10.0.0.1", "prod", "a", "hash")])) == {
            "10.0.0.1": "a"
        }


PODS = st.lists(
    st.builds(
        pod,
        st.sampled_from("abcdef"),
        st.sampled_from(["", "10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        role=st.sampled_from(["", "web", "db", "a b"]),
        phase=st.sampled_from(["Pending", "Running", "Succeeded"]),
        leaving=st.booleans(),
        host_network=st.booleans(),
    ),
    max_size=6,
    unique_by=lambda each: each.metadata.name,
)


class TestProperties:
    @given(PODS, st.randoms())
    def test_the_order_of_pods_does_not_matter(self, pods: list[Pod], random: Any) -> None:
        before = decide(*pods, allowed=("web",))
        random.shuffle(pods)
        assert decide(*pods, allowed=("web",)) == before

    @given(PODS)
    def test_an_address_is_only_ever_granted_to_a_pod_that_has_it_and_may(self, pods: list[Pod]) -> None:
        by_name = {each.metadata.name: each for each in pods}
        for ip, found in decide(*pods, allowed=("web",)).addresses.items():
            if isinstance(found, Grant):
                holder = by_name[found.pod.name]
                rivals = [
                    each
                    for each in pods
                    if each.status.pod_ip == ip and each.status.phase != "Succeeded" and each is not holder
                ]
                assert holder.status.pod_ip == ip
                assert holder.status.phase != "Succeeded"
                assert not holder.spec.host_network
                assert holder.metadata.annotations[names.ROLE] == "web"
                assert all(each.metadata.deletion_timestamp for each in rivals)
