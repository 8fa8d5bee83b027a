# SPDX-License-Identifier: ISC
"""The daemon as administrators see it: gatepostctl and a real gatepostd. What it shows of itself,
what it is told to do, and a database that is taken from under it while mail flows."""

import contextlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import threading

import pytest

from harness import SLOW
from harness.client import message
from harness.control import ctl_command
from harness.process import Process
from harness.visitor import CLEAN, FROM_HERE, LISTED, Visit, Visitor
from harness.wait import until

ZEN = ("dnsbl", "zen.example")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a file system")


def deliver(gate, recipient="user@example.org"):
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope(recipients=(recipient,))
        smtp.data(message())
        smtp.quit()


# What it shows

def test_status_tells_what_runs(gate):
    gate.ctl("deny", "add", "203.0.113.0/24", "--reason", "test")
    gate.ctl("trap", "add", "nobody@example.org")
    with gate.client() as smtp:
        smtp.ehlo()
        status = gate.ctl("status", json=True)
    assert status["state"] == "running" and status["mode"] == "enforce", status
    assert status["pid"] == gate.process.pid and status["workers"] == 2, status
    assert status["config"] == str(gate.config_file) and status["sessions"] == 1, status
    assert status["lists"] == {"allow": 0, "deny": 1, "trap": 1}, status
    assert status["store"]["state"] == "good" and status["store"]["size"] > 0, status
    assert [b["state"] for b in status["backends"]] == ["good"], status
    table = gate.ctl("status")
    assert "running" in table and str(gate.config_file) in table


def test_sessions_shows_who_is_connected_and_kill_ends_one(gate):
    with gate.client() as one, gate.client() as other:
        one.ehlo("one.example.net")
        one.cmd("MAIL FROM:<a@example.net>", 250)
        other.ehlo("other.example.net")
        shown = {s["helo"]: s for s in gate.ctl("sessions", json=True)}
        assert set(shown) == {"one.example.net", "other.example.net"}, shown
        mine = shown["one.example.net"]
        assert mine["sender"] == "a@example.net" and mine["state"] == "command", mine
        assert mine["client"].startswith("127.0.0.1:") and mine["listener"] == "mx", mine
        assert shown["other.example.net"]["sender"] is None
        gate.ctl("kill", mine["id"])
        one.expect(421)
        one.eof()
        other.cmd("NOOP", 250)
        assert "no session has that id" in gate.ctl("kill", mine["id"], status=1)
        gate.wait_log(rf"{mine['id']} disconnect .*ended by an administrator")


def test_top_counts_sessions(guard):
    gate = guard()
    with contextlib.ExitStack() as clients:
        for address in ("198.51.100.1", "198.51.100.1", "198.51.100.2"):
            clients.enter_context(Visitor(gate, address)).ehlo("same.example.net")
        assert gate.ctl("top", json=True) == [
            {"client": "198.51.100.1", "sessions": 2, "messages": 0, "errors": 0},
            {"client": "198.51.100.2", "sessions": 1, "messages": 0, "errors": 0}]
        [network] = gate.ctl("top", "--by", "network", json=True)
        assert network["network"] == "198.51.100.0/24" and network["sessions"] == 3
        [helo] = gate.ctl("top", "--by", "helo", "--most", 1, json=True)
        assert helo["helo"] == "same.example.net"


@pytest.mark.slow
def test_many_sessions_are_listed_whole_while_others_talk(gatepost, backend):
    gate = gatepost(backend, learn=True, client_limits={"mode": "off"})
    with contextlib.ExitStack() as clients:
        for _ in range(700):
            clients.enter_context(gate.client(banner=False))
        until(lambda: gate.ctl("status", json=True)["sessions"] == 700, "all are in")
        shown = gate.ctl("sessions", json=True)
        assert len({s["id"] for s in shown}) == 700
        deliver(gate)


def test_a_client_in_the_tarpit_can_be_let_go(guard):
    gate = guard(lists={"tarpit": [f"{LISTED[4]}/32"]})
    with Visitor(gate, LISTED[4], banner=False) as smtp:
        entry = smtp.entry("tarpit")
        assert gate.ctl("status", json=True)["tarpit"] == 1
        gate.ctl("kill", entry.session)
        gate.wait_log(rf"{entry.session} tarpit-end .*ended by an administrator")
        assert gate.ctl("status", json=True)["tarpit"] == 0


def test_stats_count_and_outlive_the_daemon(guard):
    gate = guard()
    Visit(gate, CLEAN[4]).accepted()
    Visit(gate, CLEAN[4], recipients=("x@foreign.example",))
    first = gate.ctl("stats", json=True)
    start = first["since-start"]
    assert start["connections"] >= 2 and start["transactions.delivered"] == 1, start
    assert start["recipients.accepted"] == 1 and start["recipients.relay"] == 1, start
    assert start["verdicts.pass"] == 2 and start["records"] == 2, start  # RCPT and the message
    assert start["octets"] > 0 and first["in-all"] == start, first
    gate.stop()
    gate.start()
    again = gate.ctl("stats", json=True)
    assert again["since-start"]["transactions.delivered"] == 0, again
    assert again["in-all"]["transactions.delivered"] == 1, again
    assert again["in-all"]["octets"] == start["octets"], again


def test_stats_count_what_the_greylist_says(guard):
    gate = guard({"greylist": {"mode": "all", "delay": "1s"}})
    assert Visit(gate, CLEAN[4]).rcpt.code == 451
    until(lambda: Visit(gate, CLEAN[4]).passed, "it has waited")
    Visit(gate, CLEAN[4]).accepted()
    start = gate.ctl("stats", json=True)["since-start"]
    assert (start["greylist.new"], start["greylist.passed"], start["greylist.white"]) == (1, 1, 1)
    assert start["verdicts.greylist"] == 1 + start["greylist.early"], start


def test_dns_lists_tells_health_and_latency(guard, rbldnsd):
    server = rbldnsd(("zen.example", "ip4set", ["127.0.0.2", LISTED[4]]))
    gate = guard({ZEN: {"score": 6}, ("dnsbl", "dead.example"): {"score": 6}}, dns=server,
                 probed=False)
    until(lambda: all(z["state"] != "unprobed" for z in gate.ctl("dns-lists", json=True)),
          "both are probed")
    Visit(gate, LISTED[4]).refused()
    Visit(gate, CLEAN[4]).accepted()
    zones = {z["list"]: z for z in gate.ctl("dns-lists", json=True)}
    good, dead = zones["zen.example"], zones["dead.example"]
    assert good["state"] == "well" and good["why"] is None and good["kind"] == "dnsbl", good
    assert good["asked"] == 2 and good["listed"] == 1 and good["recent"] == 2, good
    assert good["failed"] == 0 and good["timeouts"] == 0, good
    assert dead["state"] == "sick" and dead["why"] and dead["asked"] == 0, dead
    assert "zen.example" in gate.ctl("dns-lists")


@contextlib.contextmanager
def tailing(gate, folder):
    """The records that `gatepostctl tail` has printed."""
    out = folder / "tail.out"
    process = Process(ctl_command("-c", gate.config_file, "--json", "tail"), out)
    until(lambda: gate.ctl("status", json=True)["listening"] == 1, "it listens")

    def records():
        text = out.read_text(encoding="utf-8")
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]
    try:
        yield records
    finally:
        process.stop()
    until(lambda: gate.ctl("status", json=True)["listening"] == 0, "it has left")


def test_tail_shows_each_verdict_as_it_falls(guard, dns, folder):
    dns.zone("zen.example").list(LISTED[4])
    gate = guard({ZEN: {"score": 7}})
    with tailing(gate, folder) as records:
        refused = Visit(gate, LISTED[4])
        refused.refused()
        until(lambda: len(records()) >= 1, "the refusal is told")
        accepted = Visit(gate, CLEAN[4]).accepted()
        until(lambda: len(records()) >= 2, "the delivery is told")
        no, yes = records()
    assert no["id"] == refused.id and no["verdict"] == "reject" and no["stage"] == "rcpt", no
    assert no["findings"][0]["label"] == "zen.example" and no["score"] == 7, no
    assert no["recipients"] == ["user@example.org"] and no["reply"].startswith("550 5.7.1"), no
    assert yes["id"] == accepted.id and yes["verdict"] == "pass" and yes["stage"] == "message", yes
    assert yes["reply"].startswith("250"), yes


def test_decisions_are_kept_whether_or_not_somebody_listens(guard):
    gate = guard()
    visit = Visit(gate, CLEAN[4], recipients=("user@example.org", "x@foreign.example"))
    kept = until(lambda: len(found := asked(gate, "decisions", id=visit.id)) == 2 and found,
                 "both records are there")
    stages = {(d["record"]["stage"], d["record"].get("refused")) for d in kept}
    assert stages == {("rcpt", "relay"), ("message", None)}, kept


def asked(gate, command, **args):
    """The items of one request at the socket itself."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(20 * SLOW)
        peer.connect(str(gate.socket))
        peer.sendall(json.dumps({"command": command, "args": args}).encode() + b"\n")
        items = []
        for line in peer.makefile("rb"):
            answer = json.loads(line)
            if "item" not in answer:
                assert answer["ok"], answer
                return items
            items.append(answer["item"])
    raise AssertionError("no last line")


@pytest.mark.parametrize("setting,kept", [("refused", ["rcpt"]), ("off", [])])
def test_decisions_are_kept_as_configured(guard, setting, kept):
    gate = guard(decisions={"record": setting})
    Visit(gate, CLEAN[4], recipients=("user@example.org", "x@foreign.example"))
    assert gate.ctl("stats", json=True)["since-start"]["records"] == len(kept)
    until(lambda: [d["record"]["stage"] for d in asked(gate, "decisions")] == kept,
          "what is configured is there")


# What it is told

def test_reload_waits_for_the_outcome(gate):
    gate.config["mode"] = "observe"
    gate.write()
    gate.ctl("reload")
    assert gate.ctl("status", json=True)["mode"] == "observe"
    gate.config["mode"] = "nonsense"
    gate.write()
    said = gate.ctl("reload", status=1)
    assert "nonsense" in said and "old configuration stays in force" in said, said
    assert gate.ctl("status", json=True)["mode"] == "observe"
    assert len(gate.entries("reload-failed")) == 1


def test_drain_lets_a_transaction_end_and_then_the_daemon(gate):
    with gate.client() as busy, gate.client() as idle:
        busy.ehlo()
        busy.envelope()
        idle.ehlo()
        gate.ctl("drain")
        idle.expect(421)
        assert gate.ctl("status", json=True)["state"] == "stopping"
        assert "is stopping" in gate.ctl("reload", status=1)
        busy.data(message())
        busy.expect(421)
    until(lambda: not gate.process.alive(), "it ends")
    assert gate.entries("stopped")


def test_a_backup_is_a_database_of_all_there_is(gate, folder):
    gate.ctl("deny", "add", "203.0.113.7")
    file = folder / "copy.db"
    gate.ctl("backup", file)
    with contextlib.closing(sqlite3.connect(file)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    gate.ctl("backup", file, status=1)


def test_entries_are_in_force_at_once_and_after_a_restart(guard):
    gate = guard()
    Visit(gate, LISTED[4]).accepted()
    gate.ctl("deny", "add", LISTED[4], "--reason", "no more")
    Visit(gate, LISTED[4]).refused()
    gate.stop()
    gate.start()
    assert gate.ctl("status", json=True)["lists"]["deny"] == 1
    Visit(gate, LISTED[4]).refused()
    gate.ctl("deny", "del", LISTED[4])
    Visit(gate, LISTED[4]).accepted()


def test_two_daemons_do_not_share_a_database(gatepost, backend):
    first = gatepost(backend, learn=True)
    second = gatepost(backend, start=False)
    second.config["state-dir"] = first.state
    second.write()
    second.expect_exit = 1
    second.start(ready=False)
    line = second.wait_log(" start-failed ")
    assert str(first.process.pid) in line.line, line
    until(lambda: not second.process.alive(), "it ends")
    deliver(first)


def test_without_a_socket_mail_flows_all_the_same(gatepost, backend, folder):
    (folder / "control").mkdir()  # in the way
    gate = gatepost(backend, learn=True)
    gate.wait_log(" control-fault ")
    deliver(gate)
    gate.config["control"] = {"socket": "off"}
    gate.write()
    gate.reload()
    deliver(gate)


# The database is taken away while mail flows

class Flow:
    """Mail without end, of which every one must be delivered."""

    def __init__(self, gate):
        self.gate, self.count, self.fault = gate, 0, None
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            while not self.ends.is_set():
                deliver(self.gate)
                self.count += 1
        except (AssertionError, OSError) as fault:
            self.fault = fault

    def goes_on(self, mails=5):
        until_count = self.count + mails
        until(lambda: self.fault or self.count >= until_count, "mail flows")
        assert self.fault is None, self.fault

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.thread.join()
        assert self.fault is None, self.fault


def store(gate):
    return gate.ctl("status", json=True)["store"]


def wait_state(gate, state):
    return until(lambda: (now := store(gate))["state"] == state and now,
                 lambda: f"the store is {state}, not {store(gate)}", 30)


def recovers(gate, flow, corrupted=0):
    """It is whole again by itself, and a new entry is on disk."""
    now = wait_state(gate, "good")
    assert now["corrupted"] == corrupted, now
    flow.goes_on()
    gate.ctl("deny", "add", "203.0.113.99")
    with contextlib.closing(sqlite3.connect(f"file:{gate.state}/gatepost.db?mode=ro",
                                            uri=True)) as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert base.execute("SELECT count(*) FROM entry").fetchone()[0] >= 1


def files(gate):
    return [gate.state / f"gatepost.db{end}" for end in ("", "-wal", "-shm")]


@pytest.fixture
def small(stack, folder):
    """A file system of its own for the state directory."""
    path = folder / "state"
    path.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=777", "tmpfs", str(path)],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    stack.callback(subprocess.run, ["umount", "-l", str(path)], check=False)
    return path


def fill(path):
    with contextlib.suppress(OSError), open(path / "filler", "wb", buffering=0) as filler:
        while filler.write(bytes(4096)):
            pass


@pytest.mark.slow
def test_a_deleted_database_is_begun_anew_and_lists_stay_in_force(gate):
    gate.ctl("deny", "add", "helo:banned.example.net")
    with Flow(gate) as flow:
        flow.goes_on()
        for file in files(gate):
            file.unlink(missing_ok=True)
        gate.wait_log(" store-degraded ", timeout=30)
        recovers(gate, flow)
        with gate.client() as smtp:
            smtp.ehlo("banned.example.net")
            smtp.cmd("MAIL FROM:<a@example.net>", 250)
            smtp.cmd("RCPT TO:<user@example.org>", 550)
    assert len(gate.entries("store-degraded")) == len(gate.entries("store-recovered")) == 1


@pytest.mark.slow
def test_another_database_in_its_place_is_used_with_its_entries(gate, folder):
    gate.ctl("deny", "add", "helo:banned.example.net")
    copy = folder / "copy.db"
    gate.ctl("backup", copy)
    gate.ctl("deny", "del", "helo:banned.example.net")
    with Flow(gate) as flow:
        flow.goes_on()
        shutil.copy(copy, gate.state / "new.db")
        os.replace(gate.state / "new.db", gate.state / "gatepost.db")
        gate.wait_log(" store-degraded ", timeout=30)
        recovers(gate, flow)
        until(lambda: gate.ctl("status", json=True)["lists"]["deny"] == 2, "its entries are read")


@pytest.mark.slow
def test_a_corrupt_database_is_set_aside_and_never_overwritten(gate):
    gate.ctl("deny", "add", "203.0.113.5")
    with Flow(gate) as flow:
        flow.goes_on()
        for end in ("", "-wal"):
            with open(gate.state / f"gatepost.db{end}", "r+b") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(0)
                file.write(os.urandom(size))
        with contextlib.suppress(AssertionError):
            asked(gate, "decisions")  # the writer may have all it needs in memory
        recovers(gate, flow, corrupted=1)
    assert list(gate.state.glob("gatepost.db.corrupt-*"))


@pytest.mark.slow
def test_a_daemon_starts_on_a_corrupt_database(gatepost, backend):
    gate = gatepost(backend, start=False)
    (gate.state / "gatepost.db").write_bytes(os.urandom(65536))
    gate.start()
    gate.wait_learned()
    deliver(gate)
    wait_state(gate, "good")
    assert list(gate.state.glob("gatepost.db.corrupt-*"))


@needs_root
@pytest.mark.slow
def test_a_database_that_may_not_be_written_degrades_until_it_may(gatepost, backend):
    gate = gatepost(backend, start=False, user="nobody")
    gate.socket = gate.state / "control"
    gate.config["control"] = {"socket": str(gate.socket), "group": "nogroup"}
    gate.write()
    shutil.chown(gate.state, "nobody")
    gate.start()
    gate.wait_learned()
    gate.ctl("deny", "add", "203.0.113.5")
    gate.stop()
    mine = files(gate)[0]
    os.chown(mine, 0, 0)
    mine.chmod(0o444)
    gate.start()
    with Flow(gate) as flow:
        now = wait_state(gate, "degraded")
        assert now["why"] and now["since"], now
        flow.goes_on()
        assert gate.ctl("deny", "add", "203.0.113.6", status=1)
        shutil.chown(mine, "nobody")
        mine.chmod(0o600)
        recovers(gate, flow)
        until(lambda: gate.ctl("status", json=True)["lists"]["deny"] == 2, "its entry is read")
    assert len(gate.entries("store-degraded")) == len(gate.entries("store-recovered")) == 1


@needs_root
@pytest.mark.slow
def test_a_full_file_system_degrades_and_comes_back(small, gate):
    with Flow(gate) as flow:
        flow.goes_on()
        fill(small)
        wait_state(gate, "degraded")
        flow.goes_on()
        (small / "filler").unlink()
        recovers(gate, flow)


@needs_root
@pytest.mark.slow
def test_greylisting_lets_pass_while_the_store_is_down(gatepost, backend, small):
    gate = gatepost(backend, learn=True, listen={"proxy-protocol-from": FROM_HERE},
                    greylist={"mode": "all"})
    numbers = iter(range(1, 250))

    def code():  # of somebody who was never here
        return Visit(gate, f"198.51.{next(numbers)}.1").rcpt.code
    assert code() == 451
    fill(small)
    until(lambda: code() == 250, "it lets pass", 30)
    (small / "filler").unlink()
    wait_state(gate, "good")
    until(lambda: code() == 451, "it greylists again")
