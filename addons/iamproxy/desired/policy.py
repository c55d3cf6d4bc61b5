"""Which roles a pod may have: the list of its namespace, and the rules of the cluster's administrator."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec
from msgspec import Struct

from addons.iamproxy import names
from addons.iamproxy.desired.patterns import BadPattern, Format, glob_matches, regexp_fault, regexp_matches
from addons.iamproxy.roles import account_prefix, glob_fault
from addons.runtime.selectors import Selector, parse_selector

_LONGEST_LIST = 1000


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
    try:
        policy = msgspec.yaml.decode(data, type=Policy)
    except msgspec.MsgspecError as error:
        raise ValueError(" ".join(str(error).split())) from None
    for rule in policy.rules:
        try:
            parse_selector(rule.namespace_selector)
        except ValueError as error:
            raise ValueError(f"rule {rule.name!r}: {error}") from None
        if not rule.roles:
            raise ValueError(f"rule {rule.name!r}: without roles it permits nothing")
        if found := faults(rule.roles, "glob"):
            raise ValueError(f"rule {rule.name!r}: {found[0]}")
    return policy


def allowed_roles(text: str) -> tuple[str, ...]:
    """Read the list in a namespace's annotation; raises ValueError."""
    try:
        found = msgspec.json.decode(text, type=list[str])
    except msgspec.MsgspecError:
        raise ValueError('not a JSON list of texts, such as ["web-*", "db"]') from None
    if len(found) > _LONGEST_LIST:
        raise ValueError(f"more than {_LONGEST_LIST} entries")
    return tuple(found)


def check_namespace(
    arn: str, annotations: Mapping[str, str], *, key: str, form: Format, base: str
) -> Allowed | NotAllowed:
    """Whether a namespace with these annotations permits a role.

    Names stand for roles below `base`. Roles that are not below it, of another account for instance, must be
    listed with the account written out: no pattern without it reaches them.
    """
    if key in annotations:
        try:
            patterns = allowed_roles(annotations[key])
        except ValueError as error:
            return NotAllowed(names.ROLE_NOT_ALLOWED, f"annotation {key} of the namespace: {error}")
        found = first_match(arn, patterns, form=form, base=base)
        if found is not None:
            return Allowed(f"{key} of the namespace has {found}")
        said = f"no entry of {key} of the namespace matches the whole of"
        return _refused(arn, said, patterns, form=form, base=base)
    if permitted := annotations.get(names.PERMITTED):
        if _permits(arn, permitted, base):
            return Allowed(f"{names.PERMITTED} of the namespace is {permitted}")
        said = f"{names.PERMITTED} of the namespace does not match the whole of"
        return _refused(arn, said, (permitted,), form="regexp", base=base)
    message = f"the namespace has no annotation {key}, and so allows no role"
    return NotAllowed(names.ROLE_NOT_ALLOWED, message)


def check_policy(
    arn: str, policy: Policy, *, namespace: str, labels: Mapping[str, str], service_account: str, base: str
) -> Allowed | NotAllowed:
    """Whether a rule of the cluster permits a role to pods of a namespace and ServiceAccount."""
    found = [rule for rule in policy.rules if _selects(rule, namespace, labels, service_account)]
    for rule in found:
        if (pattern := first_match(arn, rule.roles, form="glob", base=base)) is not None:
            return Allowed(f"rule {rule.name} of the policy has {pattern}")
    said = f"rules {', '.join(rule.name for rule in found)} do not permit" if found else "no rule permits"
    return NotAllowed(names.POLICY_DENIES, f"policy: {said} {arn} to {namespace}/{service_account}")


def first_match(arn: str, patterns: Iterable[str], *, form: Format, base: str) -> str | None:
    """Give the first of the patterns that matches the whole of the ARN; a faulty one matches nothing."""
    return next((pattern for pattern in patterns if _matches(arn, pattern, form, base)), None)


def faults(patterns: Iterable[str], form: Format) -> list[str]:
    """What is wrong with patterns, in words."""
    if form == "glob":
        return [fault for pattern in patterns if (fault := glob_fault(pattern))]
    return [f"{pattern!r}: {fault}" for pattern in patterns if (fault := regexp_fault(pattern))]


def _matches(arn: str, pattern: str, form: Format, base: str) -> bool:
    written = pattern.removeprefix("^") if form == "regexp" else pattern
    if written.startswith("arn:"):
        return _is_reached(arn, written, base) and _fits(arn, pattern, form)
    return bool(base) and arn.startswith(base) and _fits(arn[len(base) :], pattern.removeprefix("/"), form)


def _permits(arn: str, permitted: str, base: str) -> bool:
    """As kiam reads it: the expression is about the whole role, as an ARN or below the base."""
    if _is_reached(arn, permitted.removeprefix("^"), base) and _fits(arn, permitted, "regexp"):
        return True
    return bool(base) and arn.startswith(base) and _fits(arn[len(base) :], permitted, "regexp")


def _is_reached(arn: str, written: str, base: str) -> bool:
    """Whether the role is of our account, or the pattern has the role's account written out."""
    ours = bool(base) and account_prefix(arn) == account_prefix(base)
    return ours or written.startswith(account_prefix(arn))


def _fits(text: str, pattern: str, form: Format) -> bool:
    if form == "glob":
        return glob_matches(pattern, text)
    try:
        return regexp_matches(pattern, text)
    except BadPattern:
        return False


def _refused(arn: str, said: str, patterns: tuple[str, ...], *, form: Format, base: str) -> NotAllowed:
    is_foreign = not (base and account_prefix(arn) == account_prefix(base))
    if is_foreign and not any(account_prefix(arn) in pattern for pattern in patterns):
        message = f"{said} {arn}: a role of another account must be listed with {account_prefix(arn)}"
        return NotAllowed(names.ACCOUNT_NOT_ALLOWED, message)
    return NotAllowed(names.ROLE_NOT_ALLOWED, "; ".join((f"{said} {arn}", *faults(patterns, form))))


def _selects(rule: Rule, namespace: str, labels: Mapping[str, str], service_account: str) -> bool:
    return (
        any(glob_matches(pattern, namespace) for pattern in rule.namespaces)
        and any(glob_matches(pattern, service_account) for pattern in rule.service_accounts)
        and _selector(rule.namespace_selector).matches(labels)
    )


@lru_cache(256)
def _selector(text: str) -> Selector:
    return parse_selector(text)
