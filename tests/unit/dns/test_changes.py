"""How a change of records is told: what became of each, and what it was."""

from msgspec.structs import replace

from addons.dns.kube.changes import describe
from addons.dns.model.records import Alias, Change, RecordSet

WWW = "www.example.com"
A = RecordSet(WWW, "A", 300, ("192.0.2.1",))
AAAA = RecordSet(WWW, "AAAA", 300, ("2001:db8::1",))
ALIAS = RecordSet(WWW, "A", 0, alias=Alias("Z1", "lb.example.net", True))
TEXT = RecordSet("a-www.example.com", "TXT", 300, ('"owner=me"',))


def told(*, before: tuple[RecordSet, ...] = (), after: tuple[RecordSet, ...] = ()) -> str:
    changes = [Change("DELETE", record) for record in before] + [Change("CREATE", record) for record in after]
    return describe(WWW, changes)


def test_what_is_made() -> None:
    assert told(after=(A, TEXT)) == "created A www.example.com -> 192.0.2.1"


def test_what_is_deleted_is_named_whole() -> None:
    deleted = "deleted A www.example.com -> 192.0.2.1; deleted AAAA www.example.com -> 2001:db8::1"
    assert told(before=(A, AAAA, TEXT)) == deleted


def test_an_update_says_what_it_was() -> None:
    new = replace(A, values=("192.0.2.2",))
    assert told(before=(A,), after=(new,)) == "updated A www.example.com -> 192.0.2.2, was 192.0.2.1"


def test_a_type_that_goes_in_an_update_is_named() -> None:
    new = replace(A, values=("192.0.2.2",))
    assert told(before=(A, AAAA), after=(new,)) == (
        "updated A www.example.com -> 192.0.2.2, was 192.0.2.1; deleted AAAA www.example.com -> 2001:db8::1"
    )


def test_what_else_changes_is_told_by_name() -> None:
    weighted = replace(A, ttl=60, routing=(("Weight", "10"),), health_check_id="h")
    heavier = replace(weighted, routing=(("Weight", "20"),), health_check_id="")
    assert told(before=(weighted,), after=(heavier,)) == (
        "updated A www.example.com -> 192.0.2.1, Weight 20 (was 10), health check none (was h)"
    )
    assert told(before=(A,), after=(replace(A, ttl=60),)).endswith("192.0.2.1, TTL 60 (was 300)")


def test_addresses_that_become_an_alias() -> None:
    assert told(before=(A,), after=(ALIAS,)) == (
        "updated A www.example.com -> alias lb.example.net, was 192.0.2.1, TTL none (was 300), "
        "target health evaluated (was none), target zone Z1 (was none)"
    )


def test_another_spelling_of_the_same() -> None:
    same = replace(AAAA, values=("2001:db8:0::1",))
    assert told(before=(same,), after=(AAAA,)).endswith("2001:db8::1, was 2001:db8:0::1")


def test_an_ownership_text_alone_is_told_as_the_text_that_it_is() -> None:
    other = replace(TEXT, values=('"owner=you"',))
    assert told(after=(TEXT,)) == 'created TXT a-www.example.com -> "owner=me"'
    assert (
        told(before=(other,), after=(TEXT,)) == 'updated TXT a-www.example.com -> "owner=me", was "owner=you"'
    )
