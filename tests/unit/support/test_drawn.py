"""The draw of cases: the same seed and test have the same cases, and nothing is left out on demand."""

from tests.support.drawn import Draw

CASES = list(range(50))


def test_a_seed_draws_the_same_cases_in_their_order_again() -> None:
    drawn = Draw(7, "test", takes_all=False).some(CASES, 5)
    assert drawn == Draw(7, "test", takes_all=False).some(CASES, 5) == sorted(set(drawn))
    assert len(drawn) == 5


def test_seeds_and_tests_draw_differently() -> None:
    draws = [Draw(seed, test, takes_all=False).some(CASES, 5) for seed in (1, 2) for test in "ab"]
    assert len(set(map(tuple, draws))) == 4


def test_all_cases_are_all_cases() -> None:
    draw = Draw(7, "test", takes_all=True)
    assert (draw.some(CASES, 5), draw.rounds(10, of=100)) == (CASES, 100)
