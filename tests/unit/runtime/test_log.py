"""What a log line holds, and how a flood is calmed."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from addons.runtime.log import CalmHandler, JsonFormatter, TextFormatter, set_up, working_on


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.level, root.handlers[:])
    yield
    logging.getLogger("addons").setLevel(logging.NOTSET)
    root.setLevel(before[0])
    root.handlers[:] = before[1]


def record(
    message: str, *arguments: object, at: float = 0.0, level: int = logging.INFO, **marks: object
) -> logging.LogRecord:
    made = logging.LogRecord("dns.plan", level, "", 0, message, arguments, None)
    made.created = at
    made.__dict__.update(marks)
    return made


class TestForm:
    def test_a_json_line_has_time_level_logger_and_message(self) -> None:
        line = json.loads(JsonFormatter().format(record("%d records", 3)))
        assert line == {
            "time": "1970-01-01T00:00:00Z",
            "level": "info",
            "logger": "dns.plan",
            "message": "3 records",
        }

    def test_the_key_in_work_is_in_every_line(self) -> None:
        with working_on("Z1"):
            assert json.loads(JsonFormatter().format(record("hello")))["key"] == "Z1"
            assert TextFormatter().format(record("hello")).endswith("INFO    hello [Z1]")
        assert "key" not in json.loads(JsonFormatter().format(record("hello")))

    def test_a_traceback_is_one_field(self) -> None:
        stream = io.StringIO()
        set_up("info", "json", stream)
        try:
            raise ValueError("broken")
        except ValueError:
            logging.getLogger("x").exception("failed")
        (line,) = stream.getvalue().splitlines()
        assert json.loads(line)["error"].endswith("ValueError: broken")

    def test_a_terminal_gets_text_and_a_pipe_gets_json(self) -> None:
        terminal, pipe = Terminal(), io.StringIO()
        for stream in (terminal, pipe):
            set_up("info", None, stream)
            logging.getLogger("x").info("hello")
        assert terminal.getvalue().endswith(" INFO    hello\n")
        assert json.loads(pipe.getvalue())["message"] == "hello"

    def test_messages_below_the_level_are_left_out(self) -> None:
        stream = io.StringIO()
        set_up("warning", "text", stream)
        logging.getLogger("x").info("hello")
        assert stream.getvalue() == ""

    def test_debug_is_for_our_own_messages_as_those_of_botocore_hold_secrets(self) -> None:
        stream = io.StringIO()
        set_up("debug", "text", stream)
        logging.getLogger("addons.dns").debug("ours")
        logging.getLogger("botocore.endpoint").debug("theirs")
        assert "ours" in stream.getvalue()
        assert "theirs" not in stream.getvalue()


class TestFlood:
    def lines(self, *records: logging.LogRecord) -> list[str]:
        stream = io.StringIO()
        handler = CalmHandler(stream, per_minute=2)
        for each in records:
            handler.emit(each)
        return stream.getvalue().splitlines()

    def test_repeats_beyond_the_limit_are_left_out_whatever_their_arguments(self) -> None:
        assert self.lines(*(record("try %d", number) for number in range(5))) == ["try 0", "try 1"]

    def test_another_message_or_level_has_a_limit_of_its_own(self) -> None:
        floods = [record("a"), record("a"), record("a"), record("b"), record("a", level=logging.ERROR)]
        assert self.lines(*floods) == ["a", "a", "b", "a"]

    def test_a_minute_later_the_number_left_out_is_told_and_the_count_starts_anew(self) -> None:
        flood = [record("try %d", number, at=1.0) for number in range(5)]
        lines = self.lines(*flood, record("other", at=61.0), record("try %d", 9, at=62.0))
        assert lines[2:] == [
            "3 more messages like this were left out, the last: try 4",
            "other",
            "try 9",
        ]

    def test_a_change_in_the_world_is_always_a_line_and_leaves_none_out(self) -> None:
        changes = [record("made %d", number, is_change=True) for number in range(5)]
        assert self.lines(*changes, record("made %d", 5)) == [f"made {number}" for number in range(6)]

    def test_a_record_may_say_of_which_kind_it_is(self) -> None:
        floods = [record("%s", kind, kind=kind) for kind in ("a", "a", "b", "a")]
        assert self.lines(*floods) == ["a", "a", "b"]
