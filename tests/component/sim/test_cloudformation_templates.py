"""Templates for the simulated CloudFormation through real boto3: functions, parameters, and refusals."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from addons.sim.aws.cloudformation.state import CloudFormation
from tests.support.cfn import CfnWorld, cfn_world


@pytest.fixture
async def world() -> AsyncIterator[CfnWorld]:
    async with cfn_world() as made:
        yield made


def template(outputs: dict[str, Any] | None = None, **parameters: Any) -> dict[str, Any]:
    """A launch template, and outputs to be resolved."""
    made: dict[str, Any] = {
        "Resources": {
            "Base": {
                "Type": "AWS::EC2::LaunchTemplate",
                "Properties": {"LaunchTemplateData": {"ImageId": "ami-1"}},
            }
        },
        "Outputs": {name: {"Value": value} for name, value in (outputs or {}).items()},
        "Parameters": parameters,
    }
    return made


async def output(world: CfnWorld, value: Any, **more: Any) -> str:
    """What a value becomes as an output of a stack."""
    await world.create(template=template({"Value": value}, **more.pop("declared", {})), **more)
    return str((await world.stack())["Outputs"][0]["OutputValue"])


class TestFunctions:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ({"Ref": "AWS::StackName"}, "shop"),
            ({"Ref": "AWS::Region"}, "eu-central-1"),
            ({"Fn::Sub": "${AWS::StackName}-${Base.LatestVersionNumber}"}, "shop-1"),
            ({"Fn::Sub": ["${Own}-${!Kept}", {"Own": {"Ref": "AWS::StackName"}}]}, "shop-${Kept}"),
            ({"Fn::Join": ["-", ["a", {"Ref": "AWS::StackName"}]]}, "a-shop"),
            ({"Fn::Base64": {"Fn::Sub": "#${AWS::StackName}"}}, "I3Nob3A="),
            ({"Fn::Select": ["1", {"Fn::Split": [",", "a,b"]}]}, "b"),
        ],
    )
    async def test_they_are_carried_out(self, world: CfnWorld, value: Any, expected: str) -> None:
        assert await output(world, value) == expected

    async def test_no_value_leaves_a_property_out(self, world: CfnWorld) -> None:
        data = {"ImageId": "ami-1", "KeyName": {"Ref": "AWS::NoValue"}}
        await world.create(template=world.edited("LaunchTemplate", LaunchTemplateData=data))
        made = world.asg.ec2.account.launch_template(await world.physical("LaunchTemplate"))
        assert dict(made.versions[1]) == {"ImageId": "ami-1"}

    async def test_what_is_not_simulated_is_refused_by_name(self, world: CfnWorld) -> None:
        body = template({"Value": {"Fn::ImportValue": "other"}})
        assert await world.refusal("create_stack", StackName="shop", TemplateBody=body) == (
            "ValidationError",
            "Fn::ImportValue is not simulated",
        )


class TestParameters:
    async def test_a_default_counts_when_nothing_is_given(self, world: CfnWorld) -> None:
        declared = {"Image": {"Type": "String", "Default": "ami-7"}}
        assert await output(world, {"Ref": "Image"}, declared=declared) == "ami-7"

    async def test_an_update_may_keep_template_and_values(self, world: CfnWorld) -> None:
        declared = {"One": {"Type": "String"}, "Two": {"Type": "String", "NoEcho": True}}
        given = [
            {"ParameterKey": "One", "ParameterValue": "1"},
            {"ParameterKey": "Two", "ParameterValue": "2"},
        ]
        value = {"Fn::Sub": "${One}${Two}"}
        assert await output(world, value, declared=declared, Parameters=given) == "12"
        data = world.template["Resources"]["LaunchTemplate"]
        assert data, "the world has a template of its own"
        kept = [{"ParameterKey": "One", "UsePreviousValue": True}, {**given[1], "ParameterValue": "3"}]
        body = template({"Value": value, "Another": "x"}, **declared)
        await world.update(body, Parameters=kept)
        stack = await world.stack()
        assert {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}["Value"] == "13"
        assert {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]} == {
            "One": "1",
            "Two": "****",
        }

    async def test_the_previous_template_can_be_used_again(self, world: CfnWorld) -> None:
        await world.create(Tags=[{"Key": "spec", "Value": "1"}])
        await world.call(
            "update_stack",
            StackName="shop",
            UsePreviousTemplate=True,
            Tags=[{"Key": "spec", "Value": "2"}],
        )
        tags = {each["Key"]: each["Value"] for each in (await world.asg.group())["Tags"]}
        assert tags["spec"] == "2"

    @pytest.mark.parametrize(
        ("declared", "given", "message"),
        [
            ({"Type": "String"}, [], "Parameters: [Image] must have values"),
            ({"Type": "String"}, [("Other", "1")], "Parameters: [Other] do not exist in the template"),
            ({"Type": "Number"}, [("Image", "x")], "Parameter 'Image' must be a number."),
            (
                {"Type": "String", "AllowedValues": ["a"]},
                [("Image", "b")],
                "Parameter 'Image' must be one of AllowedValues",
            ),
            (
                {"Type": "String", "AllowedPattern": "ami-.*"},
                [("Image", "b")],
                "Parameter 'Image' must match pattern ami-.*",
            ),
            (
                {"Type": "String", "MinLength": 3},
                [("Image", "b")],
                "Parameter 'Image' must contain at least 3 characters",
            ),
        ],
    )
    async def test_values_are_checked(
        self, world: CfnWorld, declared: Any, given: list[tuple[str, str]], message: str
    ) -> None:
        refused = await world.refusal(
            "create_stack",
            StackName="shop",
            TemplateBody=template({"Value": {"Ref": "Image"}}, Image=declared),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given],
        )
        assert refused == ("ValidationError", message)


def resource(type_: str = "AWS::EC2::LaunchTemplate", **attributes: Any) -> dict[str, Any]:
    """A resource with nothing in it."""
    properties = {"LaunchTemplateData": {"ImageId": "ami-1"}}
    return {"Type": type_, "Properties": properties, **attributes}


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ('{"Resources": ', "Template format error: JSON not well-formed."),
            ("just words", "Template format error: unsupported structure."),
            ({}, "Template format error: At least one Resources member must be defined."),
            (
                {"Colours": {}, "Resources": {"A": resource()}},
                "Invalid template property or properties [Colours]",
            ),
            ({"Resources": {"A": resource("AWS::Nothing")}}, "Unrecognized resource types: [AWS::Nothing]"),
            ({"Resources": {"A-1": resource()}}, "Resource name A-1 is non alphanumeric."),
            ({"Resources": {"A": {"Properties": {}}}}, "Every Resources object must contain a Type member."),
            ({"Resources": {"A": resource(Colour=1)}}, "Invalid template resource property 'Colour'"),
            (
                {"Resources": {"A": resource(DependsOn="B")}},
                "Unresolved resource dependencies [B] in the Resources block of the template",
            ),
            (
                {"Resources": {"A": resource()}, "Outputs": {"O": {"Value": {"Ref": "B"}}}},
                "Unresolved resource dependencies [B] in the Outputs block of the template",
            ),
            (
                {
                    "Resources": {"A": resource()},
                    "Outputs": {"O": {"Value": {"Fn::GetAtt": ["A", "Colour"]}}},
                },
                "resource A does not support attribute type Colour in Fn::GetAtt",
            ),
            (
                {"Resources": {"A": resource(DependsOn="B"), "B": resource(DependsOn=["A"])}},
                "Circular dependency between resources: [",
            ),
            (
                {"Resources": {"A": resource(Properties={"LaunchTemplateName": "{{resolve:ssm:/name}}"})}},
                "a dynamic reference {{resolve:…}} is not simulated",
            ),
            ({"Conditions": {}, "Resources": {"A": resource()}}, "Conditions of a template is not simulated"),
        ],
    )
    async def test_a_wrong_template_is_told(self, world: CfnWorld, body: Any, message: str) -> None:
        code, words = await world.refusal("create_stack", StackName="shop", TemplateBody=body)
        assert code == "ValidationError"
        assert message in words
        assert (await world.call("list_stacks"))["StackSummaries"] == []

    async def test_a_template_has_a_greatest_length(self, world: CfnWorld) -> None:
        body = template()
        body["Description"] = "x" * 51_200
        _, message = await world.refusal("create_stack", StackName="shop", TemplateBody=body)
        assert message.endswith("Member must have length less than or equal to 51200")

    async def test_identities_must_be_acknowledged(self, world: CfnWorld) -> None:
        body = {"Resources": {"A": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "node"}}}}
        assert await world.refusal("create_stack", StackName="shop", TemplateBody=body) == (
            "InsufficientCapabilitiesException",
            "Requires capabilities : [CAPABILITY_NAMED_IAM]",
        )

    async def test_capabilities_have_names(self, world: CfnWorld) -> None:
        code, _ = await world.refusal(
            "create_stack", StackName="shop", TemplateBody=world.template, Capabilities=["CAPABILITY_ALL"]
        )
        assert code == "ValidationError"

    async def test_a_resource_keeps_its_type(self, world: CfnWorld) -> None:
        await world.create(template=template())
        body = template()
        body["Resources"]["Base"] = world.template["Resources"]["Group"]
        del body["Resources"]["Base"]["Properties"]["LaunchTemplate"]
        _, message = await world.refusal("update_stack", StackName="shop", TemplateBody=body)
        assert message.startswith("Update of resource type is not permitted.")

    @pytest.mark.parametrize(
        ("tags", "words"),
        [
            ([{"Key": "aws:x", "Value": "1"}], "aws: prefixed tag key names are not allowed"),
            ([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}], "Duplicate tag keys"),
            ([{"Key": f"k{number}", "Value": "1"} for number in range(51)], "must not exceed 50"),
        ],
    )
    async def test_tags_are_checked(self, world: CfnWorld, tags: Any, words: str) -> None:
        code, message = await world.refusal(
            "create_stack", StackName="shop", TemplateBody=world.template, Tags=tags
        )
        assert (code, words in message) == ("ValidationError", True)

    async def test_templates_are_validated_without_a_stack(self, world: CfnWorld) -> None:
        reply = await world.call("validate_template", TemplateBody=template(Image={"Type": "String"}))
        assert [each["ParameterKey"] for each in reply["Parameters"]] == ["Image"]
        assert (await world.refusal("validate_template", TemplateBody="{}"))[0] == "ValidationError"


class TestTypes:
    async def test_they_are_as_the_schemas_say_that_aws_publishes(self, world: CfnWorld) -> None:
        service: CloudFormation = world.service
        for name, kind in service.kinds.items():
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", name).schema
            read_only = set(_names(schema, "readOnlyProperties"))
            assert kind.properties.keys() == schema["properties"].keys() - read_only
            assert set(kind.attributes) == read_only
            assert set(kind.required) == set(schema["required"])
            assert {each for each, how in kind.properties.items() if how == "Always"} == set(
                _names(schema, "createOnlyProperties")
            )
            assert {each for each, how in kind.properties.items() if how == "Conditionally"} == set(
                _names(schema, "conditionalCreateOnlyProperties")
            )
            assert kind.is_taggable == schema["tagging"]["taggable"]


def _names(schema: dict[str, Any], key: str) -> list[str]:
    return [path.removeprefix("/properties/") for path in schema.get(key, ())]
