"""What is remembered from pass to pass: how long to rest, and what is hopeless."""

from addons.albingress.controller.history import History
from addons.albingress.model.groups import GroupId

SHOP = GroupId("shop")


def test_a_group_that_always_has_something_to_do_is_looked_at_ever_more_rarely() -> None:
    history = History()
    pauses = [history.after_work(SHOP) for _ in range(30)]
    assert pauses[:10] == [0.2] * 10
    assert pauses == sorted(pauses)
    assert pauses[-1] == 60


def test_it_is_told_once() -> None:
    history = History()
    told = []
    for _ in range(40):
        history.after_work(SHOP)
        told.append(history.is_hopeless(SHOP))
    assert told.count(True) == 1


def test_a_change_or_a_rest_lets_it_be_looked_at_at_once_again() -> None:
    history = History()
    for _ in range(30):
        history.after_work(SHOP)
    history.rests(SHOP)
    assert history.after_work(SHOP) == 0.2
