"""Tags of what is made in AWS."""

from addons.albingress.desired.tags import group_tags, member_tags
from addons.albingress.model.objects import Service
from addons.runtime.objects import ObjectMeta
from tests.support.alb_groups import doubtful, inputs, member, told

OURS = {"elbv2.k8s.aws/cluster", "ingress.k8s.aws/stack", "ingress.k8s.aws/resource"}


def users(tags: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {key: text for key, text in tags if key not in OURS}


def test_default_tags_win_unless_a_setting_says_otherwise() -> None:
    one = member("a", {"tags": "team=a,cost=1"})
    found = [
        users(group_tags(group, group.members, "LoadBalancer", None)[0])
        for low in (False, True)
        for group in [inputs(one, default_tags={"team": "all"}, enable_default_tags_low_priority=low)]
    ]
    assert found == [{"team": "all", "cost": "1"}, {"team": "a", "cost": "1"}]


def test_tags_of_members_add_up_and_of_two_values_that_in_aws_wins() -> None:
    group = inputs(member("a", {"tags": "x=1,y=1"}), member("b", {"tags": "x=2"}))
    tags, problems = group_tags(group, group.members, "LoadBalancer", (("x", "2"), ("old", "1")))
    assert (users(tags), told(problems)) == ({"x": "2", "y": "1"}, [("a", "ConflictingSetting")])


def test_tags_of_the_class_win_over_those_of_the_service_and_they_over_those_of_the_ingress() -> None:
    meta = ObjectMeta(name="web", annotations={"alb.ingress.kubernetes.io/tags": "b=service,c=service"})
    one = member("a", {"tags": "a=i,b=i,c=i"}, params={"tags": [{"key": "c", "value": "class"}]})
    tags, problems = member_tags(inputs(one), one, "shop/a-web:80", Service(metadata=meta))
    assert (users(tags), problems) == ({"a": "i", "b": "service", "c": "class"}, ())
    assert dict(tags)["ingress.k8s.aws/resource"] == "shop/a-web:80"


def test_tags_that_belong_to_others_are_left_out_and_told() -> None:
    one = member("a", {"tags": "aws:x=1,elbv2.k8s.aws/cluster=mine,bill=1,good=1"})
    tags, problems = member_tags(inputs(one, external_managed_tags=("bill",)), one, "80")
    assert (users(tags), dict(tags)["elbv2.k8s.aws/cluster"]) == ({"good": "1"}, "prod")
    assert [problem.message.partition(" is left out")[0] for problem in problems] == [
        "tags: aws:x",
        "tags: bill",
        "tags: elbv2.k8s.aws/cluster",
    ]


def test_while_the_wish_of_one_cannot_be_read_the_tags_in_aws_stay() -> None:
    for one in (member("a", {"tags": "x"}), member("a", params={"tags": "x"}), doubtful("a")):
        group = inputs(one, member("b", {"tags": "y=1"}))
        tags, _ = group_tags(group, group.members, "LoadBalancer", (("x", "1"), ("y", "0")))
        assert users(tags) == {"x": "1", "y": "1"}


def test_there_are_no_more_tags_than_aws_takes_and_those_of_the_first_stay() -> None:
    many = ",".join(f"k{number:02}=v" for number in range(60))
    group = inputs(member("a", {"tags": "x=1"}), member("b", {"tags": many}), member("c", {"tags": "k00=v"}))
    tags, problems = group_tags(group, group.members, "LoadBalancer", None)
    assert (len(tags), dict(tags)["x"]) == (47, "1")
    assert told(problems) == [("b", "InvalidAnnotation")]
    assert problems[0].message.startswith("tags: k43, k44, ")


def test_signs_that_aws_does_not_take_in_a_tag_are_told() -> None:
    one = member("a", {"tags": "who=<me>,où=déjà vu @ 1:2/3"})
    tags, problems = member_tags(inputs(one), one, "80")
    assert (users(tags), told(problems)) == ({"où": "déjà vu @ 1:2/3"}, [("a", "InvalidAnnotation")])
