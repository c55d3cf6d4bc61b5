"""`addons iamproxy check`: why a pod gets the credentials it gets, or none."""

from collections.abc import Iterator

from addons.iamproxy import names
from addons.iamproxy.desired.grants import Rules, problems, verdict_of
from addons.iamproxy.desired.imdsv2 import needs_token
from addons.iamproxy.model.objects import Namespace, Pod
from addons.iamproxy.model.verdicts import Grant, Verdict


def explain(pod: Pod, namespace: Namespace, rules: Rules) -> tuple[Verdict, str]:
    """Decide about a pod, and tell in a few lines from what the decision follows."""
    verdict = verdict_of(pod, namespace, rules)
    found = [*problems(namespace, rules), *problems(pod, rules)]
    faults = [f"fault            {problem.ref}: {problem.message} ({problem.reason})" for problem in found]
    return verdict, "\n".join((*_inputs(pod, namespace, rules), *faults, "", *_decision(verdict)))


def _inputs(pod: Pod, namespace: Namespace, rules: Rules) -> Iterator[str]:
    config, meta = rules.config, pod.metadata
    role = meta.annotations.get(config.iam_role_key)
    account = pod.spec.service_account_name or "default"
    yield f"pod              {meta.namespace}/{meta.name} (uid {meta.uid}), service account {account}"
    yield f"node             {pod.spec.node_name or 'not scheduled yet'}"
    yield f"role annotation  {role or 'none'}"
    if not role and config.default_role:
        yield f"default role     {config.default_role}"
    yield f"base role ARN    {rules.base or 'none'}"
    if config.namespace_restrictions:
        annotations = namespace.metadata.annotations
        key = config.namespace_key
        if key not in annotations and names.PERMITTED in annotations:
            key = names.PERMITTED
        yield f"namespace        {key}: {annotations.get(key, 'none')}"
    else:
        yield "namespace        not restricted"
    if config.allowed_accounts:
        yield f"accounts         {', '.join(config.allowed_accounts)}"
    yield f"session token    {_token_rule(pod, namespace, rules)}"
    yield f"policy file      {f'{len(rules.policy.rules)} rules' if rules.policy else 'none'}"


def _token_rule(pod: Pod, namespace: Namespace, rules: Rules) -> str:
    if rules.config.imdsv2 == "required":
        return "required by --imdsv2"
    if needs_token(pod, namespace):
        return f"required by {names.IMDSV2}"
    return "optional"


def _decision(verdict: Verdict) -> Iterator[str]:
    if isinstance(verdict, Grant):
        key = verdict.key
        yield f"granted: {key.role_arn}"
        yield f"because: {verdict.because}"
        yield f"session: {key.session_name}, {key.duration_seconds} s, source {key.source}"
        if key.external_id:
            yield f"external id: {key.external_id}"
    else:
        yield f"refused: {verdict.message}"
        yield f"reason:  {verdict.reason}, answered with status {verdict.status}"
