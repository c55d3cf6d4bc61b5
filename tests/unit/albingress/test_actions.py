"""Actions by annotation: what a backend with the port `use-annotation` does."""

import json
from typing import Any

import pytest

from addons.albingress.desired import actions
from addons.albingress.desired.actions import ForwardTo, Target, Wish
from addons.albingress.desired.annotation_values import Unreadable
from addons.albingress.model.rules import FixedResponse, Redirect

ARN = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/theirs/1"


def read(**action: Any) -> Wish:
    return actions.action(json.dumps(action))


def forward(*groups: dict[str, Any], **more: Any) -> Wish:
    return read(type="forward", forwardConfig={"targetGroups": groups, **more})


def refused(**action: Any) -> str:
    with pytest.raises(Unreadable) as caught:
        read(**action)
    return str(caught.value)


class TestForward:
    """Requests are handed to Services, or to target groups of somebody else."""

    def test_a_service_needs_no_weight_when_it_is_alone(self) -> None:
        assert forward({"serviceName": "web", "servicePort": 80}) == ForwardTo(
            targets=(Target(service="web", port=80),)
        )

    def test_a_port_that_is_a_number_in_a_text_is_one(self) -> None:
        assert forward({"serviceName": "web", "servicePort": "80"}) == ForwardTo(
            targets=(Target(service="web", port=80),)
        )

    def test_a_port_may_be_a_name(self) -> None:
        assert forward({"serviceName": "web", "servicePort": "http"}) == ForwardTo(
            targets=(Target(service="web", port="http"),)
        )

    def test_several_share_by_weight(self) -> None:
        found = forward(
            {"serviceName": "blue", "servicePort": 80, "weight": 90},
            {"serviceName": "green", "servicePort": 80, "weight": 10},
            targetGroupStickinessConfig={"enabled": True, "durationSeconds": 60},
        )
        assert isinstance(found, ForwardTo)
        assert [(target.service, target.weight) for target in found.targets] == [("blue", 90), ("green", 10)]
        assert found.stickiness_seconds == 60

    def test_stickiness_that_is_off_is_none(self) -> None:
        found = forward({"targetGroupARN": ARN}, targetGroupStickinessConfig={"enabled": False})
        assert found == ForwardTo(targets=(Target(arn=ARN),))

    @pytest.mark.parametrize("name", ["targetGroupARN", "targetGroupArn", "TARGETGROUPARN"])
    def test_a_target_group_by_arn_in_short(self, name: str) -> None:
        assert read(type="forward", **{name: ARN}) == ForwardTo(targets=(Target(arn=ARN),))

    def test_a_target_group_by_name_in_short(self) -> None:
        assert read(type="forward", targetGroupName="theirs") == ForwardTo(
            targets=(Target(group_name="theirs"),)
        )

    @pytest.mark.parametrize(
        ("groups", "said"),
        [
            ([], "0 target groups; AWS takes 1 to 5"),
            ([{"targetGroupARN": ARN}] * 6, "6 target groups"),
            ([{"targetGroupARN": ARN}] * 2, "each of several target groups needs a weight"),
            ([{"serviceName": "web"}], "targetGroups[0]: servicePort is missing"),
            ([{"serviceName": "web", "targetGroupARN": ARN}], "targetGroups[0]: needs one of"),
            ([{}], "targetGroups[0]: needs one of"),
            ([{"targetGroupARN": "web"}], "web is not the ARN of a target group"),
            ([{"targetGroupARN": ARN, "weight": 1000}], "weight 1000 is not from 0 to 999"),
            ([{"targetGroupARN": ARN, "weight": -1}], "weight -1 is not from 0 to 999"),
            (
                [{"targetGroupARN": ARN, "weight": "1"}],
                "targetGroups[0].weight: expected a whole number, got a text",
            ),
            ([{"serviceName": 5, "servicePort": 80}], "serviceName: expected a text"),
        ],
    )
    def test_what_cannot_be_used_is_named(self, groups: list[dict[str, Any]], said: str) -> None:
        assert said in refused(type="forward", forwardConfig={"targetGroups": groups})

    def test_stickiness_needs_its_time(self) -> None:
        config = {"targetGroups": [{"targetGroupARN": ARN}], "targetGroupStickinessConfig": {"enabled": True}}
        assert "durationSeconds from 1 to 604800" in refused(type="forward", forwardConfig=config)

    def test_the_short_and_the_long_form_exclude_each_other(self) -> None:
        config = {"targetGroups": [{"targetGroupARN": ARN}]}
        assert "needs one of targetGroupARN" in refused(
            type="forward", targetGroupARN=ARN, forwardConfig=config
        )

    def test_none_of_the_forms_is_refused(self) -> None:
        assert "needs one of targetGroupARN" in refused(type="forward")


class TestRedirect:
    """Clients are sent elsewhere; what is not said stays as the client had it."""

    def test_only_the_status_is_needed(self) -> None:
        assert read(type="redirect", redirectConfig={"statusCode": "HTTP_301"}) == Redirect("HTTP_301")

    def test_every_part_may_be_said(self) -> None:
        config = {
            "statusCode": "HTTP_302",
            "protocol": "HTTPS",
            "port": "443",
            "host": "www.#{host}",
            "path": "/new/#{path}",
            "query": "a=b",
        }
        assert read(type="redirect", redirectConfig=config) == Redirect(
            "HTTP_302", "HTTPS", "www.#{host}", "443", "/new/#{path}", "a=b"
        )

    @pytest.mark.parametrize(
        ("config", "said"),
        [
            (None, "redirectConfig is missing"),
            ({}, "statusCode (none) is not HTTP_301 or HTTP_302"),
            ({"statusCode": "301"}, "statusCode 301 is not HTTP_301"),
            ({"statusCode": 301}, "redirectConfig.statusCode: expected a text, got a whole number"),
            ({"statusCode": "HTTP_301", "protocol": "https"}, "protocol https is not HTTP, HTTPS"),
            ({"statusCode": "HTTP_301", "port": "0"}, "port 0 is not from 1 to 65535"),
            ({"statusCode": "HTTP_301", "path": "new"}, "path new does not start with /"),
            ({"statusCode": "HTTP_301", "host": ""}, "host is empty"),
            ({"statusCode": "HTTP_301", "query": "a" * 129}, "query has 129 characters"),
        ],
    )
    def test_what_cannot_be_used_is_named(self, config: Any, said: str) -> None:
        assert said in refused(type="redirect", redirectConfig=config)


class TestFixedResponse:
    """The load balancer answers by itself."""

    def test_only_the_status_is_needed(self) -> None:
        assert read(type="fixed-response", fixedResponseConfig={"statusCode": "404"}) == FixedResponse("404")

    def test_with_a_body(self) -> None:
        config = {"statusCode": "200", "contentType": "text/plain", "messageBody": "ok"}
        assert read(type="fixed-response", fixedResponseConfig=config) == FixedResponse(
            "200", "text/plain", "ok"
        )

    @pytest.mark.parametrize(
        ("config", "said"),
        [
            (None, "fixedResponseConfig is missing"),
            ({}, "statusCode (none) is not 2XX, 4XX or 5XX"),
            ({"statusCode": "301"}, "statusCode 301 is not 2XX"),
            ({"statusCode": "200", "contentType": "text/xml"}, "contentType text/xml is none of text/plain"),
            ({"statusCode": "200", "messageBody": "a" * 1025}, "messageBody has 1025 characters"),
        ],
    )
    def test_what_cannot_be_used_is_named(self, config: Any, said: str) -> None:
        assert said in refused(type="fixed-response", fixedResponseConfig=config)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is not JSON"),
        ("[]", "expected an object, got a list"),
        ("{}", "type '' is none of"),
        ('{"type": "reject"}', "type 'reject' is none of forward, redirect, fixed-response"),
        ('{"type": ["forward"]}', "type: expected a text, got a list"),
    ],
)
def test_what_is_no_action_is_refused(text: str, said: str) -> None:
    with pytest.raises(Unreadable) as caught:
        actions.action(text)
    assert said in str(caught.value)
