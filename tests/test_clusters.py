"""Where workers come from, and what is said when they cannot."""

import asyncio
import os
import socket
import tempfile
import time
from multiprocessing import spawn

import psutil
import pytest
from distributed import Client, LocalCluster

import carbonflows.clusters
from carbonflows.clusters import existing, local, require_same_versions
from carbonflows.errors import WorkersError


def refused(scheduler, message: str) -> None:
    with pytest.raises(WorkersError, match=message), existing(scheduler):
        pass


def test_local_processes_leave_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    environment, preparation = dict(os.environ), spawn.get_preparation_data
    with local(2) as client:
        assert client.nthreads() == dict.fromkeys(client.nthreads(), 1)
        assert len(client.nthreads()) == 2
        settings = client.run(lambda: [os.environ[f"{x}_NUM_THREADS"] for x in ("OMP", "OPENBLAS")])
        assert list(settings.values()) == [["1", "1"]] * 2
        workers = psutil.Process().children(recursive=True)
        listening = {
            connection.laddr.ip
            for process in [psutil.Process(), *workers]
            for connection in process.net_connections()
            if connection.status == psutil.CONN_LISTEN
        }
        assert listening == {"127.0.0.1"}
        assert os.listdir(tmp_path)
    assert os.listdir(tmp_path) == []
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert [
        process.cmdline()[-1] for process in alive if "tracker" not in str(process.cmdline())
    ] == []
    assert dict(os.environ) == environment
    assert spawn.get_preparation_data is preparation


@pytest.fixture(scope="module")
def scheduler():
    """A scheduler without workers."""
    quiet = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(n_workers=0, processes=True, scheduler_kwargs=quiet) as cluster:
        yield cluster


def test_scheduler_that_is_not_there(monkeypatch, capfd):
    monkeypatch.setattr(carbonflows.clusters, "_CONNECT", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    start = time.monotonic()
    refused(address, rf"scheduler '{address}' does not answer \(.*\): start it .* tcp://host:8786$")
    assert time.monotonic() - start < 3
    assert capfd.readouterr() == ("", "")


def test_something_else_that_listens(monkeypatch, capfd):
    monkeypatch.setattr(carbonflows.clusters, "_CONNECT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        refused(address, f"scheduler '{address}' does not answer")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("address", ["nonsense", "", "tcp://", "http://127.0.0.1:8786"])
def test_what_is_no_address(address, monkeypatch):
    monkeypatch.setattr(carbonflows.clusters, "_CONNECT", 0.5)
    refused(address, f"scheduler '{address}' does not answer")


def test_what_dask_says_is_quoted_whole(monkeypatch):
    monkeypatch.setattr(carbonflows.clusters, "_CONNECT", 0.5)
    refused(
        "foo",
        r"^scheduler 'foo' does not answer \(missing port number in address 'foo'\): start it ",
    )


def test_what_is_no_scheduler():
    refused(8786, "'8786' is no scheduler: give its address")


def test_scheduler_without_workers(scheduler, monkeypatch):
    monkeypatch.setattr(carbonflows.clusters, "_ARRIVE", 0.2)
    address = scheduler.scheduler_address
    refused(address, rf"scheduler {address} has no workers: start some \(dask worker {address}\)$")


def test_client_that_is_closed_or_asynchronous(scheduler):
    with Client(scheduler, set_as_default=False) as client:
        pass
    refused(client, "is closed or asynchronous: give one that is open")

    async def asked() -> None:
        async with Client(
            scheduler.scheduler_address, asynchronous=True, set_as_default=False
        ) as waiting:
            refused(waiting, "is closed or asynchronous")

    asyncio.run(asked())


SAME = {"python": "3.11.7", "numpy": "2.4.6", "carbonflows": "0.1.0"}


def test_same_versions_pass():
    require_same_versions({"here": SAME, "the scheduler": SAME, "worker a": dict(SAME)})


def test_every_other_version_is_named_with_its_place():
    with pytest.raises(WorkersError) as caught:
        require_same_versions(
            {
                "here": SAME,
                "the scheduler": {**SAME, "numpy": "1.26.4"},
                "worker tcp://a:1": {**SAME, "carbonflows": None},
            }
        )
    assert str(caught.value) == (
        "the scheduler has numpy 1.26.4 (here 2.4.6), worker tcp://a:1 has no carbonflows (here "
        "0.1.0): install the same versions there, or work with processes=N"
    )
    assert caught.value.found["here"] == SAME
