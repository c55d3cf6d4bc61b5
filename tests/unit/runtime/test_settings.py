"""Where settings come from, who wins, and what is said when one is wrong."""

from datetime import timedelta
from pathlib import Path

import pytest

from addons.runtime.settings import Setting, SettingError, load, settings_of
from tests.support.config import SampleConfig

PREFIXES = ("ADDONS_DNS_", "EXTERNAL_DNS_")


def loaded(*argv: str, owner: str = "me", **environ: str) -> SampleConfig:
    return load(SampleConfig, [f"--txt-owner-id={owner}", *argv], environ, env_prefixes=PREFIXES)


def complaint(*argv: str, **environ: str) -> str:
    with pytest.raises(SettingError) as caught:
        loaded(*argv, **environ)
    message = str(caught.value)
    assert "\n" not in message
    return message


def setting(name: str) -> Setting:
    return next(item for item in settings_of(SampleConfig, PREFIXES) if item.name == name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.yaml"


class TestNames:
    def test_a_field_is_a_flag_a_variable_and_a_key(self) -> None:
        owner = setting("txt_owner_id")
        assert owner.flag == "--txt-owner-id"
        assert owner.environment == ("ADDONS_DNS_TXT_OWNER_ID", "EXTERNAL_DNS_TXT_OWNER_ID")
        assert owner.key == "txtOwnerId"
        assert owner.required
        assert not setting("source").required

    def test_the_docstring_below_a_field_is_its_documentation(self) -> None:
        assert setting("txt_owner_id").doc == "Who owns the records: one name per cluster."
        assert setting("txt_owner_id").group == "Settings of the sample"

    def test_an_overridden_default_keeps_the_documentation_and_the_group(self) -> None:
        listen = setting("listen")
        assert listen.default == ":7979"
        assert listen.doc.startswith("HOST:PORT")
        assert listen.group == "Settings of every add-on"

    def test_every_setting_is_documented(self) -> None:
        assert [item.name for item in settings_of(SampleConfig) if not item.doc] == []


class TestPrecedence:
    def test_without_anything_the_default_counts(self) -> None:
        assert loaded().interval == timedelta(minutes=1)

    def test_the_file_beats_the_default(self, file: Path) -> None:
        file.write_text("interval: 2m\n")
        assert loaded(f"--config={file}").interval == timedelta(minutes=2)

    def test_the_environment_beats_the_file(self, file: Path) -> None:
        file.write_text("interval: 2m\n")
        config = loaded(ADDONS_DNS_CONFIG=str(file), ADDONS_DNS_INTERVAL="3m")
        assert config.interval == timedelta(minutes=3)

    def test_the_flag_beats_the_environment(self) -> None:
        assert loaded("--interval=4m", ADDONS_DNS_INTERVAL="3m").interval == timedelta(minutes=4)

    def test_a_list_on_the_command_line_replaces_the_others_whole(self) -> None:
        assert loaded("--source=pod", ADDONS_DNS_SOURCE="service").source == ("pod",)

    def test_our_variable_beats_the_one_of_the_original(self) -> None:
        both = {"ADDONS_DNS_BATCH_SIZE": "1", "EXTERNAL_DNS_BATCH_SIZE": "2"}
        assert loaded(**both).batch_size == 1
        assert loaded(EXTERNAL_DNS_BATCH_SIZE="2").batch_size == 2

    def test_an_empty_variable_counts_as_unset(self) -> None:
        assert loaded(ADDONS_DNS_BATCH_SIZE="").batch_size == 1000


class TestFlags:
    def test_a_value_follows_the_flag_or_an_equals_sign(self) -> None:
        assert loaded("--ratio", "0.1").ratio == 0.1
        assert loaded("--ratio=0.1").ratio == 0.1

    def test_lists_repeat_the_flag_or_have_commas(self) -> None:
        assert loaded("--source=pod,service", "--source", "ingress").source == ("pod", "service", "ingress")

    def test_pairs_repeat_the_flag_or_have_commas(self) -> None:
        assert loaded("--zone-tags=a=1,b=2", "--zone-tags=c=3").zone_tags == {"a": "1", "b": "2", "c": "3"}

    @pytest.mark.parametrize(
        ("flag", "value"),
        [
            ("--leader-elect", True),
            ("--no-leader-elect", False),
            ("--leader-elect=false", False),
            ("--leader-elect=true", True),
        ],
    )
    def test_a_boolean_has_a_positive_a_negative_and_an_explicit_form(self, flag: str, value: bool) -> None:
        assert loaded(flag).leader_elect is value

    def test_of_a_repeated_flag_the_last_counts(self) -> None:
        assert loaded("--once", "--no-once").once is False

    def test_flags_are_not_abbreviated(self) -> None:
        assert complaint("--batch=5").startswith("--batch is no setting")

    def test_an_unknown_flag_brings_the_nearest_one_to_mind(self) -> None:
        assert complaint("--intervall", "5m") == "--intervall is no setting; did you mean --interval?"

    def test_an_unknown_flag_like_no_other_points_to_the_help(self) -> None:
        assert complaint("--xyzzy=1") == "--xyzzy is no setting; see --help"

    def test_a_stray_word_is_refused(self) -> None:
        assert complaint("now") == "now is no setting; see --help"

    def test_a_flag_without_its_value_is_refused(self) -> None:
        assert complaint("--interval") == "--interval: expected one argument"


class TestWrongValues:
    def test_the_flag_the_value_and_what_is_allowed_are_named(self) -> None:
        expected = "--interval: '5 minutes' is not allowed: a duration such as 90s or 1h30m"
        assert complaint("--interval=5 minutes") == expected

    def test_the_variable_is_named_in_the_form_that_was_used(self) -> None:
        message = complaint(EXTERNAL_DNS_RATIO="half")
        assert message == "EXTERNAL_DNS_RATIO: 'half' is not allowed: a number"

    def test_a_limit_is_named(self) -> None:
        assert complaint("--batch-size=1001") == "--batch-size: 1001 is not allowed: int <= 1000"

    def test_a_near_miss_of_a_word_is_noticed(self) -> None:
        assert complaint("--source=service,ingres").endswith("did you mean ingress?")

    def test_what_only_the_original_has_is_refused_with_a_sentence(self, file: Path) -> None:
        sentence = " is not supported: zones are always kept"
        assert complaint("--zone-cache=1m") == f"--zone-cache{sentence}"
        assert complaint(ADDONS_DNS_ZONE_CACHE="1m") == f"ADDONS_DNS_ZONE_CACHE{sentence}"
        file.write_text("zoneCache: 1m")
        assert complaint(f"--config={file}") == f"zoneCache in {file}{sentence}"
        assert complaint("--keeper=table") == "--keeper: 'table' is not supported: texts are kept in the zone"

    def test_a_boolean_takes_no_other_word(self) -> None:
        assert complaint("--once=maybe") == "--once: 'maybe' is not allowed: true or false"

    def test_a_missing_required_setting_is_named_in_all_its_forms(self) -> None:
        with pytest.raises(SettingError, match=r"--txt-owner-id is required \(or ADDONS_DNS_TXT_OWNER_ID, "):
            load(SampleConfig, [], {}, env_prefixes=PREFIXES)

    def test_a_secret_is_not_repeated(self, file: Path) -> None:
        file.write_text("encryptKey: 12345\n")
        assert "12345" not in complaint(f"--config={file}")


class TestEnvironment:
    def test_lists_have_commas_or_lines(self) -> None:
        assert loaded(ADDONS_DNS_SOURCE="pod\nservice,ingress\n").source == ("pod", "service", "ingress")

    def test_an_unknown_variable_of_ours_is_refused(self) -> None:
        message = complaint(ADDONS_DNS_INTERVALL="5m")
        assert message == "ADDONS_DNS_INTERVALL is no setting; did you mean ADDONS_DNS_INTERVAL?"

    def test_an_unknown_variable_of_the_original_is_not_ours_to_judge(self) -> None:
        assert loaded(EXTERNAL_DNS_PROVIDER="aws") == loaded()

    @pytest.mark.parametrize(
        "name",
        ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_7979_TCP", "PORT_7979_TCP_ADDR"],
    )
    @pytest.mark.parametrize("service", ["", "METRICS_"])
    def test_variables_made_for_a_service_of_our_name_are_ignored(self, service: str, name: str) -> None:
        assert loaded(**{f"ADDONS_DNS_{service}{name}": "tcp://10.0.0.1:7979"}) == loaded()

    def test_without_prefixes_the_environment_is_not_read(self) -> None:
        config = load(SampleConfig, ["--txt-owner-id=me"], {"ADDONS_DNS_RATIO": "0.1"})
        assert config.ratio == 0.5


class TestFile:
    def test_all_types_are_read(self, file: Path) -> None:
        file.write_text(
            "source: [pod]\ninterval: 90s\nbatchSize: 5\nratio: 1\n"
            "zoneType: null\nzoneTags: {a: b}\nonce: true\n"
        )
        config = loaded(f"--config={file}")
        assert (config.source, config.interval, config.batch_size) == (("pod",), timedelta(seconds=90), 5)
        assert (config.ratio, config.zone_type, config.zone_tags, config.once) == (
            1.0,
            None,
            {"a": "b"},
            True,
        )

    def test_an_empty_file_says_nothing(self, file: Path) -> None:
        file.write_text("# later\n")
        assert loaded(f"--config={file}").source == ("service", "ingress")

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("intervall: 5m", "intervall in FILE is no setting; did you mean interval?"),
            ("txt_owner_id: a", "txt_owner_id in FILE is no setting; did you mean txtOwnerId?"),
            ("config: other.yaml", "config in FILE is no setting; did you mean kubeconfig?"),
            ("on: 1", "True in FILE is no setting; see --help"),
            ("batchSize: '5'", "batchSize in FILE: '5' is not allowed: a whole number"),
            ("batchSize: 0", "batchSize in FILE: 0 is not allowed: int >= 1"),
            ("batchSize: null", "batchSize in FILE: None is not allowed: a whole number"),
            ("txtOwnerId: 007", "txtOwnerId in FILE: 7 is not allowed: text (in YAML: quote it)"),
            ("ratio: 1\nratio: 2", "FILE is no valid YAML: line 2: ratio is set twice"),
            ("zoneTags: {a: b, a: c}", "FILE is no valid YAML: line 1: a is set twice"),
            ("zoneTags: {a: b", "FILE is no valid YAML: line 1: expected ',' or '}', but got '<stream end>'"),
            ("? [a]\n: b", "FILE is no valid YAML: line 1: found unhashable key"),
            ("- a", "FILE must hold a mapping of settings, such as `logLevel: debug`"),
            ("just words", "FILE must hold a mapping of settings, such as `logLevel: debug`"),
        ],
    )
    def test_what_is_wrong_is_said_in_one_line(self, file: Path, content: str, said: str) -> None:
        file.write_text(content)
        assert complaint(f"--config={file}").replace(str(file), "FILE") == said

    def test_a_file_that_is_not_there_is_named(self, file: Path) -> None:
        assert complaint(f"--config={file}") == f"{file} cannot be read: No such file or directory"

    def test_a_file_that_is_no_text_is_named(self, file: Path) -> None:
        file.write_bytes(b"\xff\xfe\x00")
        assert complaint(f"--config={file}").startswith(f"{file} is no valid YAML: ")

    def test_a_file_with_control_characters_is_named(self, file: Path) -> None:
        file.write_text("ratio: \x01")
        assert complaint(f"--config={file}").startswith(f"{file} is no valid YAML: ")
