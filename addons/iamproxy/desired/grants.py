"""What each pod is granted or refused, and which pod has which address."""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address

from msgspec import Struct
from msgspec.structs import replace

from addons.iamproxy import names
from addons.iamproxy.config import Config
from addons.iamproxy.desired.imdsv2 import imdsv2_fault, needs_token
from addons.iamproxy.desired.policy import (
    NotAllowed,
    Policy,
    check_namespace,
    check_policy,
    read_namespace,
)
from addons.iamproxy.desired.sessions import external_id, session_name
from addons.iamproxy.model.assignments import Assignment
from addons.iamproxy.model.credentials import CredentialKey
from addons.iamproxy.model.objects import Namespace, Pod
from addons.iamproxy.model.verdicts import Grant, PodIdentity, Refusal, Verdict
from addons.iamproxy.roles import NoBase, account_of, account_prefix, role_arn, role_name, shortened
from addons.runtime.objects import ref
from addons.runtime.outcomes import Problem

_SHORTEST_SESSION = 3600
"""Every role permits sessions of an hour; shorter ones are of no use, see `cache.credentials`."""

_MIRROR = "kubernetes.io/config.mirror"
"""On the pod that stands for a static one: the uid by which its kubelet, and so the network, knows it."""


_OF_HOST_NETWORK = frozenset({names.HOST_NETWORK, names.HOST_NETWORK_ROLE})


class Rules(Struct, frozen=True):
    """All that verdicts depend on besides the objects; `base` ends with `/`, or is empty."""

    config: Config
    base: str
    policy: Policy | None = None


class Desired(Struct, frozen=True):
    """The verdict for every pod and every address of the node; `doubtful` holders may have changed."""

    pods: tuple[Verdict, ...]
    addresses: Mapping[str, Verdict]
    doubtful: frozenset[str]
    problems: tuple[Problem, ...] = ()

    @property
    def keys(self) -> frozenset[CredentialKey]:
        """The credentials that pods of the node are entitled to."""
        return frozenset(verdict.key for verdict in self.pods if isinstance(verdict, Grant))

    @property
    def ambiguous_addresses(self) -> tuple[tuple[str, Refusal], ...]:
        """The addresses that more than one pod has, and the refusal that holds for each."""
        return tuple(
            (ip, verdict)
            for ip, verdict in sorted(self.addresses.items())
            if isinstance(verdict, Refusal) and verdict.reason == names.AMBIGUOUS_ADDRESS
        )

    @property
    def of_host_network(self) -> tuple[PodIdentity, ...]:
        """The pods that use the network of the node itself."""
        return tuple(
            verdict.pod
            for verdict in self.pods
            if isinstance(verdict, Refusal) and verdict.pod and verdict.reason in _OF_HOST_NETWORK
        )


def desired_grants(
    pods: Iterable[Pod],
    namespaces: Mapping[str, Namespace],
    assignments: Sequence[Assignment] | None,
    rules: Rules,
) -> Desired:
    """Decide for all pods of this node, and for their addresses.

    With `assignments`, what the network has given to which pod counts, else what the API server says.
    """
    alive = sorted((pod for pod in pods if not _is_over(pod)), key=lambda pod: pod.metadata.uid)
    verdicts = {
        pod.metadata.uid: verdict_of(pod, namespaces.get(pod.metadata.namespace), rules) for pod in alive
    }
    if assignments is None:
        addresses, doubtful = _by_status(alive, verdicts)
    else:
        addresses, doubtful = _by_assignment(alive, verdicts, assignments), frozenset()
    used = {pod.metadata.namespace for pod in alive} & namespaces.keys()
    concerned: list[Pod | Namespace] = [*(namespaces[name] for name in sorted(used)), *alive]
    return Desired(
        pods=tuple(verdicts.values()),
        addresses=addresses,
        doubtful=doubtful,
        problems=tuple(problem for obj in concerned for problem in problems(obj, rules)),
    )


def verdict_of(pod: Pod, namespace: Namespace | None, rules: Rules) -> Verdict:
    """Decide which credentials a pod may have, wherever it is."""
    verdict = _decide(pod, namespace, rules)
    return replace(verdict, needs_token=True) if needs_token(pod, namespace) else verdict


def _decide(pod: Pod, namespace: Namespace | None, rules: Rules) -> Verdict:
    config, who = rules.config, identity(pod)
    asked = pod.metadata.annotations.get(config.iam_role_key, "").strip()
    if pod.spec.host_network:
        return _of_host_network(who, asked)
    written = asked or config.default_role
    if not written:
        return Refusal(who, names.NO_ROLE, f"the pod has no annotation {config.iam_role_key}", 404)
    try:
        arn = role_arn(written, rules.base)
    except NoBase as error:
        return Refusal(who, names.BASE_ARN_UNKNOWN, str(error), 503, role=written)
    except ValueError as error:
        said = f"annotation {config.iam_role_key}" if asked else "--default-role"
        return Refusal(who, names.INVALID_ROLE, f"{said}: {error}", 403, role=shortened(written))
    try:
        key = credential_key(pod, arn, rules)
    except ValueError as error:
        message = f"annotation {config.iam_external_id}: {error}"
        return Refusal(who, names.INVALID_EXTERNAL_ID, message, 403, role=arn)
    if namespace is None:
        message = f"namespace {who.namespace} is not known yet"
        return Refusal(who, names.NAMESPACE_UNKNOWN, message, 503, role=arn)
    because = _permission(arn, who, namespace, rules)
    if isinstance(because, NotAllowed):
        return Refusal(who, because.reason, because.message, 403, role=arn)
    return Grant(who, key, role_name(arn, rules.base), because)


def _of_host_network(who: PodIdentity, asked: str) -> Refusal:
    if asked := shortened(asked):
        message = f"the pod asks for the role {asked}, but pods of the host's network are not served"
        return Refusal(who, names.HOST_NETWORK_ROLE, message, 403, role=asked)
    return Refusal(who, names.HOST_NETWORK, "pods of the host's network are not served", 403)


def credential_key(pod: Pod, arn: str, rules: Rules) -> CredentialKey:
    """What a pod's credentials depend on. Raises ValueError where its external id is none."""
    config, who, annotations = rules.config, identity(pod), pod.metadata.annotations
    wanted = annotations.get(names.SESSION_NAME, "").strip() or (
        config.session_name.replace("{namespace}", who.namespace)
        .replace("{service-account}", who.service_account)
        .replace("{node}", who.node_name)
        .replace("{role}", arn.rpartition("/")[2])
    )
    is_node = config.credential_source == "node"
    tags = (
        ((names.NAMESPACE_TAG, who.namespace), (names.SERVICE_ACCOUNT_TAG, who.service_account))
        if config.session_tags
        else ()
    )
    return CredentialKey(
        role_arn=arn,
        external_id=external_id(annotations.get(config.iam_external_id, "")) if is_node else "",
        session_name=session_name(wanted),
        duration_seconds=max(_SHORTEST_SESSION, 2 * int(config.iam_role_session_ttl.total_seconds())),
        source=config.credential_source,
        service_account=("", "") if is_node else (who.namespace, who.service_account),
        session_tags=tags,
    )


def identity(pod: Pod) -> PodIdentity:
    """Tell a pod from every other one."""
    meta, spec = pod.metadata, pod.spec
    account = spec.service_account_name or "default"
    return PodIdentity(meta.namespace, meta.name, meta.uid, account, spec.node_name)


def _permission(arn: str, who: PodIdentity, namespace: Namespace, rules: Rules) -> str | NotAllowed:
    """The rules that permit a role, in words, or why it is not permitted: what is in force must all agree."""
    config, meta, said = rules.config, namespace.metadata, []
    if config.allowed_accounts and not _is_allowed_account(arn, rules):
        message = f"{arn} is of an account that is none of --allowed-accounts"
        return NotAllowed(names.ACCOUNT_NOT_ALLOWED, message)
    if config.namespace_restrictions:
        verdict = check_namespace(
            arn,
            meta.annotations,
            key=config.namespace_key,
            form=config.namespace_restriction_format,
            base=rules.base,
        )
        if isinstance(verdict, NotAllowed):
            return verdict
        said.append(verdict.because)
    if rules.policy is not None:
        verdict = check_policy(
            arn,
            rules.policy,
            namespace=who.namespace,
            labels=meta.labels,
            service_account=who.service_account,
            base=rules.base,
        )
        if isinstance(verdict, NotAllowed):
            return verdict
        said.append(verdict.because)
    return "; ".join(said) or "namespaces are not restricted"


def _is_allowed_account(arn: str, rules: Rules) -> bool:
    is_ours = bool(rules.base) and account_prefix(arn) == account_prefix(rules.base)
    return is_ours or account_of(arn) in rules.config.allowed_accounts


def _by_status(
    pods: Sequence[Pod], verdicts: Mapping[str, Verdict]
) -> tuple[dict[str, Verdict], frozenset[str]]:
    """Which pod has which address as the API server tells it, with some delay."""
    holders: dict[str, list[Pod]] = {}
    for pod in pods:
        for ip in _addresses(pod):
            holders.setdefault(ip, []).append(pod)
    awaited = any(_awaits_address(pod) for pod in pods)
    table: dict[str, Verdict] = {}
    doubtful = set()
    for ip, found in holders.items():
        staying = [pod for pod in found if not _is_leaving(pod)]
        if len(candidates := staying or found) == 1:
            table[ip] = verdicts[candidates[0].metadata.uid]
        else:
            table[ip] = _ambiguous(ip, candidates)
        if awaited and not staying:
            doubtful.add(ip)
    return table, frozenset(doubtful)


def _by_assignment(
    pods: Sequence[Pod], verdicts: Mapping[str, Verdict], assignments: Sequence[Assignment]
) -> dict[str, Verdict]:
    """Which pod has which address as the network gave it, which is certain."""
    by_uid = {pod.metadata.annotations.get(_MIRROR, pod.metadata.uid): pod for pod in pods}
    table = {
        _normal(given.ip): verdicts[pod.metadata.uid]
        for given in assignments
        if (pod := by_uid.get(given.pod_uid)) and not pod.spec.host_network
    }
    for pod in pods:
        if pod.spec.host_network:
            table |= {ip: verdicts[pod.metadata.uid] for ip in _addresses(pod) if ip not in table}
    return table


def _ambiguous(ip: str, pods: Sequence[Pod]) -> Verdict:
    """Two pods on one address: nobody is served, but pods of the host's network, which never are."""
    if all(pod.spec.host_network for pod in pods):
        return Refusal(None, names.HOST_NETWORK, "pods of the host's network are not served", 403)
    told = ", ".join(str(identity(pod)) for pod in pods)
    return Refusal(None, names.AMBIGUOUS_ADDRESS, f"address {ip} is said to be of {told}", 503)


def _addresses(pod: Pod) -> list[str]:
    status = pod.status
    return sorted({_normal(ip) for ip in (status.pod_ip, *(each.ip for each in status.pod_ips)) if ip})


def _normal(ip: str) -> str:
    """As the kernel writes it, so that the address of a connection is found."""
    try:
        return str(ip_address(ip))
    except ValueError:
        return ip


def _awaits_address(pod: Pod) -> bool:
    return not (pod.spec.host_network or _addresses(pod) or _is_leaving(pod))


def _is_leaving(pod: Pod) -> bool:
    return pod.metadata.deletion_timestamp is not None


def _is_over(pod: Pod) -> bool:
    return pod.status.phase in ("Succeeded", "Failed")


def problems(obj: Pod | Namespace, rules: Rules) -> Iterable[Problem]:
    """Faults in what is written on a pod or a namespace, besides those that refuse a pod its role."""
    if fault := imdsv2_fault(obj.metadata.annotations):
        yield Problem(ref(obj), names.INVALID_IMDSV2, fault)
    if isinstance(obj, Namespace) and rules.config.namespace_restrictions:
        yield from _faults_of_lists(obj, rules)


def _faults_of_lists(namespace: Namespace, rules: Rules) -> Iterable[Problem]:
    """What is faulty permits nothing."""
    config, meta = rules.config, namespace.metadata
    found = read_namespace(
        meta.annotations, key=config.namespace_key, form=config.namespace_restriction_format
    )
    if found is None:
        return
    key, roles = found
    for fault in (roles.refused,) if roles.refused else roles.faults:
        yield Problem(ref(namespace), names.INVALID_ALLOWED_ROLES, f"annotation {key}: {fault}")
