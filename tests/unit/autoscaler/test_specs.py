"""Which groups are ours: --nodes and --node-group-auto-discovery."""

import pytest

from addons.autoscaler.model.specs import NamedGroup, TagSpec, named_groups, tag_specs


class TestNames:
    def test_limits_and_name_are_read(self) -> None:
        assert named_groups(["1:10:web", "0:3:a:b"]) == {
            "web": NamedGroup("web", 1, 10),
            "a:b": NamedGroup("a:b", 0, 3),
        }

    @pytest.mark.parametrize("text", ["", "web", "1:2", "1:2:", "a:2:web", "1:-2:web", "5:3:web"])
    def test_what_is_none_is_refused_by_its_setting(self, text: str) -> None:
        with pytest.raises(ValueError, match=f"--nodes={text}: "):
            named_groups([text])

    def test_a_group_is_named_once(self) -> None:
        with pytest.raises(ValueError, match="named twice"):
            named_groups(["1:2:web", "1:3:web"])


class TestTags:
    def test_tags_with_and_without_values_are_read(self) -> None:
        assert tag_specs(["asg:tag=a=1,b"]) == (TagSpec((("a", "1"), ("b", None))),)

    def test_what_a_flag_parts_at_commas_belongs_together(self) -> None:
        assert tag_specs(["asg:tag=a", "b=2", "asg:tag=c"]) == tag_specs(["asg:tag=a,b=2", "asg:tag=c"])

    def test_several_specs_stay_apart_and_equal_ones_count_once(self) -> None:
        assert [str(each) for each in tag_specs(["asg:tag=a=1", "asg:tag=a=2", "asg:tag=a=1"])] == [
            "asg:tag=a=1",
            "asg:tag=a=2",
        ]

    def test_an_empty_value_is_a_value(self) -> None:
        assert tag_specs(["asg:tag=a="])[0].tags == (("a", ""),)

    @pytest.mark.parametrize(
        "text", ["", "a", "asg:a", "asg:tag=", "asg:tag=a,,b", "asg:tag==x", "mig:tag=a"]
    )
    def test_what_is_none_is_refused_by_its_setting(self, text: str) -> None:
        with pytest.raises(ValueError, match=f"--node-group-auto-discovery={text}: "):
            tag_specs([text])

    def test_one_tag_cannot_have_two_values(self) -> None:
        with pytest.raises(ValueError, match="the tag a is named twice"):
            tag_specs(["asg:tag=a=1,a=2"])
