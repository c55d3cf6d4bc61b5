"""What happens to listeners."""

from dataclasses import replace
from typing import Any

from addons.sim.aws.elbv2 import attributes
from addons.sim.aws.elbv2.account import Account, in_order
from addons.sim.aws.elbv2.actions import read_actions
from addons.sim.aws.elbv2.certificates import check_certificate, read_default
from addons.sim.aws.elbv2.errors import ElbError, invalid, not_found
from addons.sim.aws.elbv2.model import DEFAULT_PRIORITY, Item, Listener, Rule
from addons.sim.aws.elbv2.operations.shapes import listener_shape
from addons.sim.aws.elbv2.paging import only_one, page
from addons.sim.aws.elbv2.policies import POLICIES, USUAL_POLICY
from addons.sim.aws.elbv2.state import Elbv2
from addons.sim.aws.elbv2.tagging import read_tags

Call = dict[str, Any]


def create_listener(elb: Elbv2, call: Call) -> Call:
    """Open a port of a load balancer; the same listener again is the one that is there."""
    account = elb.account
    balancer = account.load_balancer(call["LoadBalancerArn"])
    path = balancer.arn.partition(":loadbalancer/")[2]
    if "Port" not in call or "Protocol" not in call:
        raise invalid("A listener must have a port and a protocol")
    listener = _secured(account, Listener(account.new_arn(f"listener/{path}"), balancer.arn, 0, "HTTP"), call)
    listener = replace(listener, attributes=dict(attributes.LISTENER), tags=read_tags(call.get("Tags", ())))
    actions, secret = read_actions(account, listener, call["DefaultActions"])
    others = account.listeners_of(balancer.arn)
    for other in others:
        if other.port == listener.port:
            return _the_same(account, other, listener, actions)
    quota = "listeners-per-application-load-balancer"
    account.check_quota(quota, len(others) + 1, "TooManyListeners", f"listeners on '{balancer.arn}'")
    account.listeners.put(listener.arn, listener)
    rule_arn = account.new_arn(f"listener-rule/{listener.arn.partition(':listener/')[2]}")
    default = Rule(rule_arn, listener.arn, DEFAULT_PRIORITY, (), actions, secret=secret)
    account.rules.put(rule_arn, default)
    return {"Listeners": [listener_shape(listener, actions)]}


def _the_same(account: Account, there: Listener, wanted: Listener, actions: Any) -> Call:
    """Give the listener of a port again. Raises DuplicateListener when another one is wanted."""
    settings = (wanted.protocol, wanted.ssl_policy, wanted.certificates[:1], wanted.tags, actions)
    default = account.rules_of(there.arn)[-1]
    if (there.protocol, there.ssl_policy, there.certificates[:1], there.tags, default.actions) != settings:
        raise ElbError(
            "DuplicateListener",
            f"A listener already exists on this port for this load balancer '{there.load_balancer_arn}'",
        )
    return {"Listeners": [listener_shape(there, default.actions)]}


def _secured(account: Account, listener: Listener, call: Call) -> Listener:
    """Give a listener with the port, protocol, policy and default certificate that a call asks for."""
    protocol, port = call.get("Protocol", listener.protocol), call.get("Port", listener.port)
    if protocol not in ("HTTP", "HTTPS"):
        raise invalid(f"Listener protocol '{protocol}' must be one of 'HTTP, HTTPS'")
    if not 1 <= port <= 65535:
        raise invalid(f"Listener port '{port}' must be between 1 and 65535")
    listener = replace(listener, port=port, protocol=protocol)
    if protocol == "HTTP":
        if call.get("Certificates") or call.get("SslPolicy"):
            raise invalid("A certificate and an SSL policy cannot be specified for HTTP listeners")
        return replace(listener, ssl_policy="", certificates=(), mutual_authentication=None)
    policy = call.get("SslPolicy") or listener.ssl_policy or USUAL_POLICY
    if policy not in POLICIES:
        raise ElbError("SSLPolicyNotFound", f"SSL policy '{policy}' not found")
    certificates = listener.certificates
    if "Certificates" in call:
        default = read_default(account, call["Certificates"])
        certificates = (default, *certificates[1:])
    if not certificates:
        raise invalid("A certificate must be specified for HTTPS listeners")
    mutual = call.get("MutualAuthentication", listener.mutual_authentication)
    check_certificate(account, certificates[0])
    _check_mutual(account, mutual)
    return replace(listener, ssl_policy=policy, certificates=certificates, mutual_authentication=mutual)


def _check_mutual(account: Account, mutual: Item | None) -> None:
    mode, store = (mutual or {}).get("Mode", "off"), (mutual or {}).get("TrustStoreArn", "")
    if mode not in ("off", "passthrough", "verify"):
        raise invalid(f"Mutual authentication mode '{mode}' must be one of 'off, passthrough, verify'")
    if (mode == "verify") != bool(store):
        raise invalid("A trust store ARN must be specified in the mode 'verify', and only there")
    if store and store not in account.trust_stores:
        raise ElbError("TrustStoreNotFound", f"Trust store '{store}' not found")


def modify_listener(elb: Elbv2, call: Call) -> Call:
    """Change what is given; certificates chosen by SNI stay."""
    account = elb.account
    before = account.listener(call["ListenerArn"])
    listener = _secured(account, before, call)
    for other in account.listeners_of(before.load_balancer_arn):
        if other.port == listener.port and other.arn != before.arn:
            raise ElbError(
                "DuplicateListener",
                f"A listener already exists on this port for this load balancer '{other.load_balancer_arn}'",
            )
    default = account.rules_of(before.arn)[-1]
    if "DefaultActions" in call:
        actions, secret = read_actions(account, listener, call["DefaultActions"], secret=default.secret)
        default = replace(default, actions=actions, secret=secret)
        account.rules.put(default.arn, default)
    account.listeners.put(listener.arn, listener)
    return {"Listeners": [listener_shape(listener, default.actions)]}


def drop_listener(account: Account, arn: str) -> None:
    """Let a listener and its rules be gone."""
    for rule in account.rules_of(arn):
        account.rules.remove(rule.arn)
    account.listeners.remove(arn)


def delete_listener(elb: Elbv2, call: Call) -> Call:
    """Close a port."""
    drop_listener(elb.account, elb.account.listener(call["ListenerArn"]).arn)
    return {}


def describe_listeners(elb: Elbv2, call: Call) -> Call:
    """Show listeners, those of a load balancer or certain ones."""
    only_one(call, "LoadBalancerArn", "ListenerArns")
    account, lag = elb.account, elb.knobs.describe_lag_seconds
    there = account.listeners.before(lag)
    if arns := call.get("ListenerArns"):
        if not set(arns) <= set(there):
            raise not_found("Listener")
        found = [there[arn] for arn in arns]
    else:
        if not (balancer := call.get("LoadBalancerArn")):
            raise invalid("You must specify either listener ARNs or a load balancer ARN")
        if balancer not in account.load_balancers.before(lag):
            raise not_found("LoadBalancer")
        found = [each for each in there.values() if each.load_balancer_arn == balancer]
    shown, following = page(found, call, lambda each: each.arn, usual=elb.knobs.page_size)
    rules = list(account.rules.before(lag).values())
    items = []
    for listener in shown:
        mine = in_order([rule for rule in rules if rule.listener_arn == listener.arn])
        items.append(listener_shape(listener, mine[-1].actions))
    return {"Listeners": items, "NextMarker": following}


def describe_listener_attributes(elb: Elbv2, call: Call) -> Call:
    """Show all attributes, those too that nobody has set."""
    listener = elb.account.listeners.before(elb.knobs.describe_lag_seconds).get(call["ListenerArn"])
    if listener is None:
        raise not_found("Listener")
    return {"Attributes": attributes.items(listener.attributes)}


def modify_listener_attributes(elb: Elbv2, call: Call) -> Call:
    """Set some attributes."""
    listener = elb.account.listener(call["ListenerArn"])
    after = attributes.changed(attributes.LISTENER, listener.attributes, call["Attributes"])
    elb.account.listeners.put(listener.arn, replace(listener, attributes=after))
    return {"Attributes": attributes.items(after)}
