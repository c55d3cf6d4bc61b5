"""The tags of rules, and the digests of OIDC secrets in them. What the original made gets no tag of ours."""

from collections.abc import Iterable, Mapping

from addons.albingress import names
from addons.albingress.model.actions import AwsAction, ModifyListener, ModifyRule
from addons.albingress.model.elb import ObservedStack, Rule
from addons.albingress.model.rules import Action, AuthenticateOidc
from addons.albingress.model.stack import DesiredRule, Pairs, Stack
from addons.albingress.plan.matching import Pair, match_rules, ownership
from addons.albingress.plan.tags import Tagged, merged, plan_tags, spec_tag
from addons.albingress.plan.view import View


def new_rule_tags(tags: Pairs, rule: DesiredRule, port: int, priority: int) -> Pairs:
    """The tags of a rule that we make: by them the original finds it too."""
    resource = {names.TAG_RESOURCE: f"{port}:{priority}", names.TAG_RULE: rule.key.digest}
    return merged(tags, resource | spec_tag(rule.secret_digest))


def is_ours(rule: Rule) -> bool:
    """True for a rule that we made."""
    return names.TAG_RULE in dict(rule.tags)


def plan_rule_tags(
    key: str, tags: Pairs, pair: Pair, view: View, needs: tuple[str, ...] = ()
) -> list[AwsAction]:
    """Bring the tags of a rule that we made to what it is now; its resource tag stays as it is."""
    rule = pair.existing
    if rule is None or not is_ours(rule) or pair.rule.state == "keep":
        return []
    desired = merged(tags, {names.TAG_RULE: pair.rule.key.digest} | spec_tag(pair.rule.secret_digest))
    thing = Tagged(key, rule.arn, f"rule {rule.priority}", pair.rule.owner.ref)
    kept = (names.TAG_RESOURCE,)
    return plan_tags(thing, rule.tags, desired, external=view.policy.external_tags, kept=kept, needs=needs)


def has_secret(actions: Iterable[Action]) -> bool:
    """Whether actions have a secret that AWS does not show."""
    return any(isinstance(action, AuthenticateOidc) for action in actions)


def is_secret_changed(arn: str, tags: Pairs, digest: str, secrets: Mapping[str, str]) -> bool:
    """True when the secret of an OIDC client is another than what AWS was last given.

    Without a tag of ours it counts as unchanged until it changes before our eyes.
    """
    known = dict(tags).get(names.TAG_SPEC) or secrets.get(arn)
    return bool(digest) and known is not None and known != digest


def remember_secrets(
    known: Mapping[str, str],
    cluster: str,
    stack: Stack,
    observed: ObservedStack,
    done: Iterable[AwsAction] = (),
) -> dict[str, str]:
    """What `View.secrets` is in the next pass, once the actions `done` have succeeded."""
    found: dict[str, str] = {}
    owned = ownership(cluster, stack.group, observed.target_groups)
    asked = {listener.port: listener for listener in stack.listeners}
    for listener in (one for each in observed.load_balancers for one in each.listeners):
        if (wish := asked.get(listener.port)) is None:
            continue
        found[listener.arn] = wish.default_secret_digest
        for pair in match_rules(wish.rules, listener.rules, owned).pairs:
            if pair.existing and has_secret(pair.existing.content.actions):
                found[pair.existing.arn] = pair.rule.secret_digest
    secrets = {arn: known.get(arn) or digest for arn, digest in found.items() if digest}
    for action in done:
        if isinstance(action, ModifyRule) and action.rule.secret_digest:
            secrets[action.existing.arn] = action.rule.secret_digest
        if isinstance(action, ModifyListener) and action.listener.default_secret_digest:
            arns = {one.port: one.arn for each in observed.load_balancers for one in each.listeners}
            if arn := arns.get(action.listener.port):
                secrets[arn] = action.listener.default_secret_digest
    return secrets
