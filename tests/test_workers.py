"""The same digits whoever works, and nothing lost when a worker dies."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import carbonflows.clusters
import carbonflows.errors
import carbonflows.workers
import work_tasks
from carbonflows.clusters import local
from carbonflows.errors import CarbonflowsError, WorkersError
from carbonflows.workers import Workers

MATRIX = np.random.default_rng(7).random((300, 300))


@pytest.fixture(scope="module")
def client():
    """A client of two processes that stand for an existing cluster."""
    with local(2) as client:
        yield client


def in_order(workers: Workers, function, shared, items) -> list:
    return [result for _, result in sorted(workers.each(function, shared, items))]


def digits(frames) -> list[bytes]:
    return [frame.to_numpy().tobytes() + repr(frame.attrs).encode() for frame in frames]


def test_same_digits_in_this_process_in_local_ones_and_on_a_cluster(client, monkeypatch):
    items = [20, 30, 40]
    here = digits(in_order(Workers(), work_tasks.solved, MATRIX, items))
    with Workers(scheduler=client) as workers:
        assert digits(in_order(workers, work_tasks.solved, MATRIX, items)) == here
    with Workers(scheduler=client.scheduler.address) as workers:
        assert digits(in_order(workers, work_tasks.solved, MATRIX, items)) == here
    monkeypatch.setattr(carbonflows.workers, "_LONG", 0.0)
    monkeypatch.setattr(carbonflows.workers, "cores", lambda: 2)
    with Workers(processes="auto") as workers:
        assert digits(in_order(workers, work_tasks.solved, MATRIX, items)) == here
        others = in_order(workers, work_tasks.process, None, [0.2] * 4)
        assert os.getpid() not in others
        assert len(set(others)) == 2
    assert client.status == "running"
    assert client.submit(pow, 2, 3).result() == 8


def test_threads_in_every_mode(client):
    with threadpool_limits(2):
        assert set(in_order(Workers(), work_tasks.threads, None, [0])[0]) == {1}
    with Workers(scheduler=client) as workers:
        assert set(in_order(workers, work_tasks.threads, None, [0])[0]) == {1}


def test_short_work_stays_here():
    with Workers(processes="auto") as workers:
        assert set(in_order(workers, work_tasks.process, None, [0, 0, 0])) == {os.getpid()}


def test_items_that_look_like_what_dask_looks_into(client):
    items = [("a", 1), [1, [2]], {"a": (len, 1)}, "key", None, (len, "abc")]
    with Workers(scheduler=client) as workers:
        assert in_order(workers, work_tasks.twice, items, items) == [(items, i) for i in items]


def test_worker_killed_in_mid_run(client, tmp_path):
    values = np.random.default_rng(1).random((12, 50))
    with Workers(scheduler=client) as workers:
        found = in_order(workers, work_tasks.dying_once, (tmp_path, values), range(12))
    assert (tmp_path / "died").exists()
    with Workers() as here:
        assert in_order(here, work_tasks.dying_once, (tmp_path, values), range(12)) == found


def test_all_workers_killed_in_mid_run_and_the_shared_data_with_them(client, tmp_path):
    def kill_all() -> None:
        for worker in set(client.run(os.getpid).values()):
            os.kill(worker, signal.SIGKILL)

    client.wait_for_workers(2, timeout=30)
    with (
        Workers(scheduler=client) as workers,
        closing(workers.each(work_tasks.slow, tmp_path, range(24))) as results,
    ):
        found = [next(results), next(results)]
        threading.Thread(target=kill_all).start()
        found += results
    assert sorted(found) == [(item, item * item) for item in range(24)]
    begun = (tmp_path / "begun").read_text().split("\n")[:-1]
    assert 24 < len(begun) <= 24 + 6  # only what was on the way is done again
    assert len({line.split()[1] for line in begun}) >= 3


def test_leaving_early_takes_back_what_is_not_begun(client, tmp_path):
    client.wait_for_workers(2, timeout=30)
    with Workers(scheduler=client) as workers:
        results = workers.each(work_tasks.slow, tmp_path, range(2000))
        next(results)
        results.close()
        time.sleep(1)
        begun = len((tmp_path / "begun").read_text().split("\n"))
        assert begun < 12
        assert in_order(workers, work_tasks.process, None, [0])


def test_errors_of_items_arrive_as_themselves(client):
    for workers in (Workers(), Workers(scheduler=client)):
        with workers, pytest.raises(CarbonflowsError) as caught:
            in_order(workers, work_tasks.failing, None, range(8))
        assert type(caught.value) is carbonflows.errors.BalanceError
        assert str(caught.value) == "row 2 has no column: give it one"
        assert caught.value.labels == ("CHN", "IND")
        with workers, pytest.raises(ZeroDivisionError, match="item 4"):
            in_order(workers, work_tasks.dividing, None, [4])


def test_errors_with_facts_that_cannot_travel_keep_class_and_message(client):
    with (
        Workers(scheduler=client) as workers,
        pytest.raises(carbonflows.errors.LabelError, match=r"^one: two$"),
    ):
        in_order(workers, work_tasks.failing_with_a_lock, None, [1])


@pytest.mark.parametrize(
    "kind",
    [
        x
        for x in vars(carbonflows.errors).values()
        if isinstance(x, type) and issubclass(x, Exception)
    ],
)
def test_every_error_travels(kind):
    error = pickle.loads(pickle.dumps(kind("one: two", labels=["CHN"], path=Path("a"))))
    assert type(error) is kind
    assert str(error) == "one: two"
    assert error.facts == {"labels": ["CHN"], "path": Path("a")}


def test_a_cluster_that_was_not_entered_is_not_replaced_by_this_process():
    with pytest.raises(WorkersError, match="'tcp://a:1' is not connected to: write with"):
        next(Workers(scheduler="tcp://a:1").each(pow, 2, [1, 2]))


def test_what_cannot_be_sent(client, capfd):
    lock = threading.Lock()
    with Workers(scheduler=client) as workers:
        for function, shared, item in [
            (work_tasks.twice, lock, 1),
            (work_tasks.twice, 1, lock),
            (lock.__class__.acquire.__get__(lock), 1, 1),
        ]:
            with pytest.raises(WorkersError, match=r"cannot be sent .*: use a function of a mod"):
                in_order(workers, function, shared, [item])
        with pytest.raises(
            WorkersError, match=r"<unlocked _thread.lock .* cannot be sent to other"
        ):
            in_order(workers, work_tasks.lock, 1, [1])
        assert in_order(workers, work_tasks.twice, 1, [1]) == [(1, 1)]
    assert capfd.readouterr() == ("", "")


def test_other_versions_on_a_worker(client, monkeypatch):
    found = carbonflows.clusters._versions(client)
    assert len(found) == 4
    assert all(set(versions) == set(carbonflows.clusters._SAME) for versions in found.values())
    worker = next(place for place in found if place.startswith("worker"))
    found[worker] = {**found[worker], "carbonflows": "0.0.9"}
    monkeypatch.setattr(carbonflows.clusters, "_versions", lambda client: found)
    with (
        pytest.raises(WorkersError, match=f"^{worker} has carbonflows 0.0.9 .here 0"),
        Workers(scheduler=client),
    ):
        pass
    assert client.status == "running"


def test_the_address_of_a_worker(client):
    address = next(iter(client.nthreads()))
    with pytest.raises(WorkersError, match="is the address of a Worker: give the scheduler's"):
        Workers(scheduler=address).__enter__()


def test_workers_out_of_memory(capfd, monkeypatch):
    monkeypatch.setattr(carbonflows.clusters, "_FAILURES", 0)
    limit = 500 << 20
    with (
        Workers(processes=2, memory_limit=limit) as workers,
        pytest.raises(
            WorkersError,
            match=r"item '\d+', or one .*\(a worker may take 524 MB\): use fewer",
        ) as caught,
    ):
        in_order(workers, work_tasks.hungry, None, [800, 1, 2])
    assert caught.value.memory_limit == limit
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"processes": 0}, "'0' is no number of processes: give 1 or more, or 'auto'"),
        ({"processes": 1.5}, "'1.5' is no number"),
        ({"processes": True}, "'True' is no number"),
        ({"processes": "many"}, "'many' is no number"),
        ({"scheduler": "tcp://a:1", "processes": 2}, "leave one out"),
        ({"memory_limit": 10}, "give processes=2 or more"),
    ],
)
def test_contradictions(given, message):
    with pytest.raises(WorkersError, match=message):
        Workers(**given)


def test_a_script_without_a_guard_runs_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from carbonflows.workers import Workers\n"
        "print('once', flush=True)\n"
        "def added(shared, item):\n    return shared + item\n"
        "with Workers(processes=2) as workers:\n"
        "    print(sorted(workers.each(added, 1, [1, 2, 3])))\n"
    )
    told = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert (told.stdout, told.stderr) == ("once\n[(0, 2), (1, 3), (2, 4)]\n", "")
