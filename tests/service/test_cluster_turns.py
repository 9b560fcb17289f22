"""Whose chunk goes out next, without a cluster."""

from collections import Counter

import numpy as np

from oasis_kernel.dispatch.waiting import Patience, WaitingChunks
from oasis_kernel.model.work import Chunk, TaskReference
from oasis_kernel.service.cluster_runs import ClusterRun, Turns


def run(name: str, owner: str, count: int, priority: int = 0) -> ClusterRun:
    found = [Chunk(number, np.array([number + 1], np.int32), 1, 1) for number in range(count)]
    waiting = WaitingChunks(found, Patience(keep_going=True))
    return ClusterRun(name, owner, priority, 1, TaskReference("a:b", {}, "trial"), waiting)


def dealt(runs: list[ClusterRun], turns: int, slots: int = 4) -> list[str]:
    """The names of the runs that got the next turns, while so many tasks are in flight and end in order."""
    taken: list[str] = []
    flying: list[str] = []
    turn = Turns()
    for _ in range(turns):
        if len(flying) == slots:
            flying.pop(0)
        chosen = turn.next(runs, Counter(flying).__getitem__)
        if chosen is None:
            break
        chosen.waiting.take()
        flying.append(chosen.run_id)
        taken.append(chosen.run_id)
    return taken


def test_a_small_run_of_another_user_is_done_after_twice_its_chunks():
    taken = dealt([run("large", "ann", 200), run("small", "bob", 10)], 40)
    assert taken[:20].count("small") == 10


def test_users_share_alike_whatever_the_number_of_their_runs():
    taken = dealt([run("a1", "ann", 50), run("a2", "ann", 50), run("a3", "ann", 50), run("b1", "bob", 50)], 60)
    counts = Counter(name[0] for name in taken)
    assert abs(counts["a"] - counts["b"]) <= 2
    assert max(Counter(taken)[name] for name in ("a1", "a2", "a3")) <= 12


def test_the_highest_priority_goes_first_until_it_has_nothing_that_waits():
    taken = dealt([run("plain", "ann", 20), run("urgent", "bob", 6, priority=1)], 20)
    assert taken[:6] == ["urgent"] * 6
    assert set(taken[6:]) == {"plain"}


def test_a_run_alone_takes_every_turn_and_nothing_waits_in_the_end():
    assert dealt([run("only", "ann", 5)], 20) == ["only"] * 5
