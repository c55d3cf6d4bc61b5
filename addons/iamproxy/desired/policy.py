"""Which roles a pod may have: the list of its namespace, and the rules of the cluster's administrator."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec
from msgspec import Struct

from addons.iamproxy import names
from addons.iamproxy.desired.patterns import Format, glob_matches
from addons.iamproxy.desired.role_lists import RoleList, first_match, read_list
from addons.iamproxy.roles import account_prefix, glob_fault, shown
from addons.runtime.selectors import Selector, parse_selector

_TOLD = 10
_LONGEST_FILE = 1 << 18
_MOST_PATTERNS = 10_000
"""Of all rules together: each pod is compared with them whenever something changes."""


class Rule(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Pods that are selected may have the roles. All of what is given must fit; globs, but for the selector.

    `namespaces` and `service_accounts` are names, `namespace_selector` is about labels of the namespace.
    """

    name: str
    roles: tuple[str, ...]
    namespaces: tuple[str, ...] = ("*",)
    namespace_selector: str = ""
    service_accounts: tuple[str, ...] = ("*",)


class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    """Rules for the whole cluster: a role must be permitted by one of them, whatever namespaces say."""

    rules: tuple[Rule, ...] = ()


class Allowed(Struct, frozen=True):
    """The rule, in words, that permits a role."""

    because: str


class NotAllowed(Struct, frozen=True):
    """Why a role is not permitted: the reason code, and words."""

    reason: str
    message: str


def parse_policy(data: bytes) -> Policy:
    """Read a policy file; raises ValueError that says what is wrong with it."""
    if len(data) > _LONGEST_FILE:
        raise ValueError(
            f"longer than {_LONGEST_FILE} bytes: write fewer rules, with patterns for many roles"
        )
    try:
        policy = msgspec.yaml.decode(data, type=Policy)
    except msgspec.MsgspecError as error:
        raise ValueError(" ".join(str(error).split())) from None
    patterns = sum(
        len(rule.roles) + len(rule.namespaces) + len(rule.service_accounts) for rule in policy.rules
    )
    if patterns > _MOST_PATTERNS:
        raise ValueError(f"{patterns} patterns, more than {_MOST_PATTERNS}: write * for many roles")
    for rule in policy.rules:
        _check_rule(rule)
    return policy


def _check_rule(rule: Rule) -> None:
    try:
        parse_selector(rule.namespace_selector)
    except ValueError as error:
        raise ValueError(f"rule {shown(rule.name)}: {error}") from None
    if not rule.roles:
        raise ValueError(f"rule {shown(rule.name)}: without roles it permits nothing")
    for role in rule.roles:
        if fault := glob_fault(role):
            raise ValueError(f"rule {shown(rule.name)}: {fault}")


def read_namespace(annotations: Mapping[str, str], *, key: str, form: Format) -> tuple[str, RoleList] | None:
    """Give the annotation that lists the roles of a namespace, and the list; None without one."""
    if key in annotations:
        return key, read_list(annotations[key], form)
    if permitted := annotations.get(names.PERMITTED):
        return names.PERMITTED, read_list(permitted, "permitted")
    return None


def check_namespace(
    arn: str, annotations: Mapping[str, str], *, key: str, form: Format, base: str
) -> Allowed | NotAllowed:
    """Whether a namespace with these annotations permits a role.

    Names stand for roles below `base`. Roles that are not below it, of another account for instance, must be
    listed with the account written out: no pattern without it reaches them.
    """
    found = read_namespace(annotations, key=key, form=form)
    if found is None:
        message = f"the namespace has no annotation {key}, and so allows no role"
        return NotAllowed(names.ROLE_NOT_ALLOWED, message)
    where, roles = found
    if roles.refused:
        message = f"annotation {where} of the namespace: {roles.refused}"
        return NotAllowed(names.ROLE_NOT_ALLOWED, message)
    if (pattern := roles.first_match(arn, base)) is not None:
        verb = "is" if where == names.PERMITTED else "has"
        return Allowed(f"{where} of the namespace {verb} {pattern}")
    return _refused(arn, where, roles, base)


def check_policy(
    arn: str, policy: Policy, *, namespace: str, labels: Mapping[str, str], service_account: str, base: str
) -> Allowed | NotAllowed:
    """Whether a rule of the cluster permits a role to pods of a namespace and ServiceAccount."""
    found = [rule for rule in policy.rules if _selects(rule, namespace, labels, service_account)]
    for rule in found:
        if (pattern := first_match(arn, rule.roles, kind="glob", base=base)) is not None:
            return Allowed(f"rule {rule.name} of the policy has {pattern}")
    said = f"rules {_first_names(found)} do not permit" if found else "no rule permits"
    return NotAllowed(names.POLICY_DENIES, f"policy: {said} {arn} to {namespace}/{service_account}")


def _first_names(rules: Sequence[Rule]) -> str:
    first, more = ", ".join(rule.name for rule in rules[:_TOLD]), len(rules) - _TOLD
    return f"{first} and {more} more" if more > 0 else first


def _refused(arn: str, where: str, roles: RoleList, base: str) -> NotAllowed:
    subject = f"{where} of the namespace"
    if where != names.PERMITTED:
        said = f"no entry of {subject} matches the whole of {arn}"
    else:
        said = f"{subject} does not match the whole of {arn}"
    is_foreign = not (base and account_prefix(arn) == account_prefix(base))
    if is_foreign and not any(account_prefix(arn) in entry for entry in roles.entries):
        message = f"{said}: a role of another account must be listed with {account_prefix(arn)}"
        return NotAllowed(names.ACCOUNT_NOT_ALLOWED, message)
    return NotAllowed(names.ROLE_NOT_ALLOWED, "; ".join((said, *roles.faults)))


def _selects(rule: Rule, namespace: str, labels: Mapping[str, str], service_account: str) -> bool:
    return (
        any(glob_matches(pattern, namespace) for pattern in rule.namespaces)
        and any(glob_matches(pattern, service_account) for pattern in rule.service_accounts)
        and _selector(rule.namespace_selector).matches(labels)
    )


@lru_cache(256)
def _selector(text: str) -> Selector:
    return parse_selector(text)
