"""The status page for people."""

from datetime import UTC, datetime, timedelta
from typing import Any

from addons.pages.page import render
from addons.pages.tables import MOST_ROWS, Asked

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def page(state: Any = None, complaint: str = "", *decisions: dict[str, object], **asked: str) -> str:
    return render("dns", complaint, state or {}, decisions, Asked(NOW, **asked))


def decision(message: str = "created", about: str = "service/default/web") -> dict[str, object]:
    told = {"action": "create", "reason": "RecordReady", "message": message, "count": 1}
    return {"time": "2026-01-02T03:04:00Z", "key": "Z1", "object": about, **told}


def rows(count: int, **more: object) -> dict[str, object]:
    return {"pods": [{"pod": f"shop/web-{number}", **more} for number in range(count)]}


class TestPage:
    def test_it_reloads_itself_unless_it_is_to_stand_still_and_needs_no_script(self) -> None:
        assert '<meta http-equiv="refresh" content="10">' in page()
        assert "refresh" not in page(still="1")
        assert "<script" not in page()

    def test_it_says_whether_the_daemon_is_ready_or_why_not_and_its_title_too(self) -> None:
        assert ">Ready<" in page()
        assert "<title>dns: ready</title>" in page()
        text = page(complaint="services are not synced")
        assert "Not ready:</span> services are not synced<" in text
        assert "<title>dns: not ready</title>" in text

    def test_a_replica_that_stands_by_says_who_leads(self) -> None:
        assert "Stands by: aws-dns-1 leads" in page({"leads": False, "leader": "aws-dns-1"})
        assert "Stands by: it is not known who leads" in page({"leads": False, "leader": ""})
        assert "Stands by" not in page({"leads": True, "leader": "aws-dns-1"})

    def test_a_dry_run_says_so(self) -> None:
        assert "Dry run: nothing is changed" in page({"dryRun": True})
        assert "Dry run" not in page({"dryRun": False})

    def test_what_is_in_the_way_comes_before_all_else(self) -> None:
        degraded = [{"side": "aws", "about": "Z1", "reason": "AccessDenied", "message": "not authorized"}]
        text = page({"zones": [{"id": "Z1"}], "degraded": degraded, "failures": {"Z1": "is away"}})
        assert text.index("AccessDenied") < text.index("is away") < text.index("<h2>Zones")
        assert "<h2>In the way</h2>\n<p>Nothing.</p>" in page({"zones": [{"id": "Z1"}], "degraded": []})

    def test_a_decision_is_a_row_with_its_reason_its_age_and_a_link_to_all_on_its_object(self) -> None:
        text = page({}, "", decision())
        assert '<td data-head="reason"><span>RecordReady</span></td>' in text
        assert ">5 s ago</time>" in text
        assert '<a href="/?object=service%2Fdefault%2Fweb">service/<wbr>default/<wbr>web</a>' in text

    def test_everything_is_escaped(self) -> None:
        evil = '<img src=x onerror="alert(1)">'
        state = {evil: evil, "list": [evil], "rows": [{evil: evil}], "leader": evil, "leads": False}
        text = page(state, evil, decision(message=evil, about=evil), q=evil, object=evil, still=evil)
        assert "<img" not in text
        assert 'onerror="' not in text


class TestTables:
    def test_short_things_are_a_list_and_each_table_stands_by_itself_with_its_number_of_rows(self) -> None:
        text = page({"names": 3, "sources": ["a", "b"], "drains": [], **rows(2)})
        assert "<dt>names</dt><dd>3</dd>" in text
        assert "<dt>sources</dt><dd><ul><li>a</li><li>b</li></ul></dd>" in text
        assert "<dt>drains</dt><dd>none</dd>" in text
        assert "<h2>Pods <small>2</small></h2>" in text
        assert text.count("<table>") == text.count('<div class="box"><table>') == 1

    def test_each_cell_has_the_head_of_its_column_for_narrow_screens(self) -> None:
        text = page({"zones": [{"zoneId": "Z1", "private": False}, {"zoneId": "Z2", "records": 0}]})
        assert "<th>zone id</th><th>private</th>" in text
        assert (
            '<td data-head="zone id"><span>Z1</span></td><td data-head="private"><span>no</span></td>' in text
        )
        assert '<td class="number" data-head="records"><span>0</span></td>' in text
        assert '<td data-head="private"></td>' in text

    def test_a_column_without_a_word_in_it_is_left_out_and_the_reason_comes_first(self) -> None:
        text = page({"zones": [{"id": "Z1", "note": "", "reason": "NoZone"}]})
        assert "<tr><th>reason</th><th>id</th></tr>" in text

    def test_of_a_long_table_the_first_rows_are_shown_and_the_rest_is_counted(self) -> None:
        text = page(rows(5000))
        assert text.count("<tr>") == 1 + MOST_ROWS
        assert "<h2>Pods <small>5000</small></h2>" in text
        assert f"{MOST_ROWS} shown of 5000; the field above finds the others" in text
        assert len(text) < 60_000

    def test_a_text_finds_rows_wherever_they_are(self) -> None:
        text = page(rows(5000), q="WEB-4999")
        assert "shop/<wbr>web-4999" in text
        assert "1 shown of 5000, 1 of them with “WEB-4999”" in text
        assert 'name="q" value="WEB-4999"' in text

    def test_rows_that_are_not_as_they_should_be_are_marked_and_never_cut_off(self) -> None:
        rules = [{"state": "ok", "rule": f"r{number}"} for number in range(500)]
        text = page({"rules": [*rules, {"state": "HELD as it is", "rule": "last"}]})
        marked = '<tr class="bad-row"><td class="bad" data-head="state"><span>HELD as it is</span>'
        assert text.count(marked) == 1
        assert '<td class="ready" data-head="state"><span>ok</span>' in text

    def test_a_long_name_may_go_on_in_the_next_line(self) -> None:
        assert "<dd>arn:aws:iam::<wbr>1:role/<wbr>web</dd>" in page({"role": "arn:aws:iam::1:role/web"})

    def test_times_are_ages_and_keep_the_time_where_a_sentence_has_it(self) -> None:
        ages = {
            "90s": ("2026-01-02T03:02:35Z", "90 s ago"),
            "5min": ("2026-01-02T02:59:05.25Z", "5 min ago"),
            "7h": ("2026-01-02T10:04:05Z", "in 7 h"),
            "days": ((NOW - timedelta(days=12)).strftime("%Y-%m-%dT%H:%M:%SZ"), "12 d ago"),
        }
        for time, age in ages.values():
            assert f'<time datetime="{time}" title="{time}">{age}</time>' in page({"since": time})
        assert ">2026-01-02T03:05:00Z</time> (in 55 s)" in page({"held": "until 2026-01-02T03:05:00Z"})

    def test_a_pool_is_a_bar_with_a_legend_in_words(self) -> None:
        text = page({"interfaces": [{"use": "##+~...", "assigned": 2}]})
        assert 'aria-label="assigned, free, cooling, not taken"' in text
        assert '<i class="assigned" style="flex:2"></i><i class="free" style="flex:1">' in text
        assert '<i class="not-taken"></i>not taken</p>' in text
