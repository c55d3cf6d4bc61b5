"""What holds in the simulated CloudFormation after every sequence of deployments, failures and deletions."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from addons.sim.aws.autoscaling.operations import groups
from addons.sim.aws.cloudformation.api import OPERATIONS
from addons.sim.aws.cloudformation.model import Stack
from addons.sim.aws.errors import Refusal
from addons.sim.aws.server import AwsEndpoint
from tests.support.cfn import cell
from tests.support.ec2 import Clock

Step = tuple[str, int, int, int]
"""What is done, and numbers that choose how."""

RESTING = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
_PATIENCE = 100


class Account:
    """An endpoint without HTTP, a stack `shop`, and steps on it; time passes until it rests."""

    def __init__(self, *, takes_time: bool) -> None:
        self.aws = AwsEndpoint()
        self.clock = Clock()
        self.aws.ec2.agenda.now = self.clock
        vpc = self.aws.ec2.network.create_vpc("10.0.0.0/16")
        self.subnet = self.aws.ec2.network.create_subnet(vpc.id, "10.0.1.0/24", zone="eu-central-1a").id
        self.aws.cloudformation.knobs.resource_seconds = 1.0 if takes_time else 0.0
        self.numbers = 0

    @property
    def stack(self) -> Stack | None:
        return self.aws.cloudformation.account.find("shop")

    def call(self, operation: str, **arguments: Any) -> dict[str, Any] | None:
        """Do a call; None when it is refused."""
        try:
            return OPERATIONS[operation](self.aws.cloudformation, {"StackName": "shop", **arguments})
        except Refusal:
            return None

    def rest(self) -> None:
        for _ in range(_PATIENCE):
            self.clock.pass_by(1)
            self.aws.ec2.agenda.settle()

    def body(self, image: int, most: int, name: int) -> str:
        template = cell(self.subnet, MaxSize=str(5 + most), AutoScalingGroupName=f"web-{name % 2}")
        data = template["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
        data["ImageId"] = f"ami-{image}"
        if most % 2:
            del template["Resources"]["Hook"]
        return json.dumps(template)

    def play(self, step: Step) -> None:
        what, *numbers = step
        STEPS[what](self, *numbers)


def _deploy(account: Account, image: int, most: int, name: int) -> None:
    body = account.body(image, most, name)
    if account.stack is None:
        account.call("CreateStack", TemplateBody=body)
    else:
        account.call("UpdateStack", TemplateBody=body)


def _review(account: Account, image: int, most: int, name: int) -> None:
    account.numbers += 1
    kind = "CREATE" if account.stack is None else "UPDATE"
    named = {"ChangeSetName": f"number-{account.numbers}"}
    body = account.body(image, most, name)
    if account.call("CreateChangeSet", **named, TemplateBody=body, ChangeSetType=kind):
        account.call("ExecuteChangeSet", **named)


def _break(account: Account, which: int, verb: int, times: int) -> None:
    id_ = ("LaunchTemplate", "Group", "Hook")[which % 3]
    verbs = (["create"], ["update"], ["create", "update"])[verb % 3]
    account.aws.cloudformation.fail_resource("shop", id_, "broken", verbs=verbs, times=1 + times % 2)  # type: ignore[arg-type]


def _grow(account: Account, size: int, *_: int) -> None:
    for group in account.aws.autoscaling.groups.values():
        call = {"AutoScalingGroupName": group.name, "DesiredCapacity": min(size, group.most)}
        groups.set_desired_capacity(account.aws.autoscaling, call)


STEPS = {
    "deploy": _deploy,
    "review": _review,
    "break": _break,
    "grow": _grow,
    "delete": lambda account, *_: account.call("DeleteStack"),
    "go on": lambda account, *_: account.call("ContinueUpdateRollback"),
    "interrupt": lambda account, *_: account.clock.pass_by(1),
}
_SMALL = st.integers(0, 5)
_STEPS = st.lists(st.tuples(st.sampled_from(sorted(STEPS)), _SMALL, _SMALL, _SMALL), max_size=12)


def _check_resting(account: Account, stack: Stack) -> None:
    """A stack that rests is what it was asked to be, and there is nothing else."""
    declared = stack.wish.template.resources
    (group,) = account.aws.autoscaling.groups.values()
    (template,) = account.aws.ec2.account.launch_templates.values()
    properties = declared["Group"].properties
    assert group.name == properties["AutoScalingGroupName"] == stack.resources["Group"].physical_id
    assert group.most == int(properties["MaxSize"])
    assert ("drain" in group.hooks) == ("Hook" in declared)
    assert stack.resources.keys() == declared.keys()
    wanted = declared["LaunchTemplate"].properties["LaunchTemplateData"]["ImageId"]
    assert template.versions[template.latest]["ImageId"] == wanted
    assert group.template is not None
    assert template.versions[int(group.template.version)]["ImageId"] == wanted


@settings(max_examples=150, deadline=None)
@given(_STEPS, st.booleans())
def test_a_stack_that_rests_is_what_it_was_asked_to_be(steps: list[Step], takes_time: bool) -> None:
    account = Account(takes_time=takes_time)
    for step in steps:
        account.play(step)
        if step[0] != "interrupt":
            account.rest()
        stack = account.stack
        if stack is None or stack.status == "ROLLBACK_COMPLETE":
            assert not account.aws.autoscaling.groups
            assert not account.aws.ec2.account.launch_templates
        elif stack.status in RESTING:
            _check_resting(account, stack)


@settings(max_examples=100, deadline=None)
@given(_SMALL, _SMALL, st.integers(0, 1), _SMALL, _SMALL, _SMALL)
def test_an_update_touches_only_what_its_change_set_has_told(
    image: int, most: int, name: int, other_image: int, other_most: int, other_name: int
) -> None:
    account = Account(takes_time=False)
    _deploy(account, image, most, name)
    stack = account.stack
    assert stack is not None
    before = {id_: (each.number, each.since, dict(each.properties)) for id_, each in stack.resources.items()}
    account.clock.pass_by(60)
    named = {"ChangeSetName": "one"}
    account.call("CreateChangeSet", **named, TemplateBody=account.body(other_image, other_most, other_name))
    told = account.call("DescribeChangeSet", **named)
    assert told is not None
    changes = {
        each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"] for each in told["Changes"]
    }
    account.call("ExecuteChangeSet", **named)
    for id_, each in stack.resources.items():
        if id_ not in changes:
            assert (each.number, each.since, dict(each.properties)) == before[id_]
        elif changes[id_]["Action"] == "Modify":
            is_replaced = each.number != before[id_][0]
            assert changes[id_]["Replacement"] in (
                ("True", "Conditional") if is_replaced else ("False", "Conditional")
            )
    assert {
        id_ for id_, each in changes.items() if each["Action"] == "Remove"
    } == before.keys() - stack.resources.keys()
