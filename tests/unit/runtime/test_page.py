"""The status page for people."""

from datetime import UTC, datetime

from addons.runtime.decisions import Decision
from addons.runtime.page import render

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def page(state: object = None, complaint: str = "", *decisions: Decision) -> str:
    return render("dns", complaint, state or {}, decisions)


def decision(message: str = "created", about: str = "service/default/web") -> Decision:
    return Decision(AT, "Z1", about, "create", "RecordReady", message)


class TestPage:
    def test_it_reloads_itself_and_needs_no_script(self) -> None:
        assert '<meta http-equiv="refresh"' in page()
        assert "<script" not in page()

    def test_it_says_whether_the_daemon_is_ready_or_why_not(self) -> None:
        assert ">Ready<" in page()
        assert ">Not ready: services are not synced<" in page(complaint="services are not synced")

    def test_state_becomes_tables_with_a_column_for_each_key(self) -> None:
        state = {"names": 3, "zones": [{"id": "Z1", "private": False}, {"id": "Z2", "records": None}]}
        text = page(state)
        assert "<tr><td>names</td><td>3</td></tr>" in text
        assert "<th>id</th><th>private</th><th>records</th>" in text
        assert "<tr><td>Z1</td><td>no</td><td>none</td></tr>" in text

    def test_every_table_scrolls_by_itself_and_short_things_stand_together(self) -> None:
        text = page(
            {"version": "1.2", "zones": [{"id": "Z1"}], "problems": [], "settings": {"policy": "sync"}}
        )
        assert "<tr><td>version</td><td>1.2</td></tr><tr><td>problems</td><td>none</td></tr>" in text
        assert '<h3>zones</h3><div class="box"><table>' in text
        assert "<h3>settings</h3>" in text
        assert text.count("<table>") == text.count('<div class="box"><table>')

    def test_the_reason_comes_first(self) -> None:
        text = page({"degraded": [{"side": "aws", "about": "Z1", "reason": "AccessDenied"}]}, "", decision())
        assert "<th>reason</th><th>side</th><th>about</th>" in text
        assert "<th>reason</th><th>message</th>" in text

    def test_a_replica_that_stands_by_says_who_leads(self) -> None:
        assert "Stands by: aws-dns-1 leads" in page({"leads": False, "leader": "aws-dns-1"})
        assert "Stands by: it is not known who leads" in page({"leads": False, "leader": ""})
        assert "Stands by" not in page({"leads": True, "leader": "aws-dns-1"})

    def test_lists_and_empty_things_have_a_form(self) -> None:
        text = page({"problems": [], "sources": ["a", "b"], "error": ""})
        assert "<td>problems</td><td>none</td>" in text
        assert "<td>sources</td><td>a<br>b</td>" in text
        assert "<td>error</td><td>none</td>" in text

    def test_a_long_name_may_go_on_in_the_next_line(self) -> None:
        assert "<td>arn:aws:iam::<wbr>1:role/<wbr>web</td>" in page({"role": "arn:aws:iam::1:role/web"})

    def test_a_decision_is_a_row_with_its_reason_and_a_link_to_all_on_its_object(self) -> None:
        text = page({}, "", decision())
        assert "<td>RecordReady</td><td>created</td>" in text
        assert '<a href="/?object=service%2Fdefault%2Fweb">service/default/web</a>' in text

    def test_everything_is_escaped(self) -> None:
        evil = '<img src=x onerror="alert(1)">'
        state = {evil: evil, "list": [evil], "rows": [{evil: evil}]}
        assert "<img" not in page(state, evil, decision(message=evil, about=evil))
