# SPDX-License-Identifier: ISC
"""gatepostctl and gatepostd: lists, greylist and decisions, each command against its documented JSON
(gatepost-control(5)). What concerns the daemon itself is in test_control.py."""

import concurrent.futures
import json
import re
import time

import pytest

from harness.control import run_ctl
from harness.visitor import Visit
from harness.wait import until

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z"
ENTRY = {"list", "kind", "key", "action", "origin", "unproven", "reason", "author", "created",
         "expires"}
TRIPLET = {"identity", "sender", "recipient", "state", "first", "last", "count", "left"}
DECISION = {"number", "time", "id", "client", "sender", "recipient", "verdict", "proven", "record"}
RECORD = {"id", "time", "stage", "client", "mode", "thresholds", "findings", "score", "verdict",
          "would", "by"}
CLIENT = "198.51.100.7"


@pytest.fixture
def desk(guard, folder):
    """A gatepostd whose clients come from anywhere; .ctl and .json ask it."""
    def make(blocks=None, **more):
        socket = folder / "control"
        gate = guard(blocks, control={"socket": str(socket)}, **more)
        gate.ctl = lambda *words, **m: run_ctl("--socket", socket, *words, **m)

        def answer(*words, **m):
            done = gate.ctl("--json", *words, **m)
            assert done.returncode == 0, done
            return json.loads(done.stdout)
        gate.json = answer
        return gate
    return make


def recorded(gate, what):
    """Waits until the decision is in the store, which gathers them for a moment."""
    until(lambda: gate.ctl("--json", "explain", what).returncode == 0, f"{what} is explained")


def test_lists_are_edited_and_judge_at_once(desk):
    gate = desk()
    Visit(gate, CLIENT).accepted()
    entry, = gate.json("deny", "add", "198.51.100.0/24", "--for", "7d", "--reason", "r")
    assert set(entry) == ENTRY
    assert re.fullmatch(TIME, entry["created"]) and re.fullmatch(TIME, entry["expires"])
    Visit(gate, CLIENT).refused()
    assert gate.json("deny", "list") == [entry]
    assert gate.json("deny", "show", CLIENT) == [entry]
    gate.json("allow", "add", CLIENT)
    Visit(gate, CLIENT).accepted()
    assert gate.json("allow", "del", CLIENT) == {"deleted": 1}
    Visit(gate, CLIENT).refused()
    text = gate.ctl("deny", "export").stdout
    assert gate.json("deny", "del", "198.51.100.0/24") == {"deleted": 1}
    assert gate.json("deny", "import", text=text)["imported"] == 1
    Visit(gate, CLIENT).refused()
    assert gate.ctl("trap", "add", "trap@example.org").returncode == 0


def test_an_import_of_thousands_is_in_force(desk):
    gate = desk()
    many = "".join(f"10.{i >> 8}.{i & 255}.0/24\n" for i in range(5000))
    assert gate.json("deny", "import", text=many + CLIENT + "\n")["imported"] == 5001
    assert len(gate.json("deny", "list")) == 5001
    Visit(gate, CLIENT).refused()


def test_a_triplet_is_listed_passed_and_forgotten(desk):
    gate = desk({"greylist": {"mode": "all"}})
    whom = ["--sender", "sender@example.net", "--recipient", "user@example.org"]
    assert gate.json("greylist", "list") == []
    assert gate.ctl("greylist", "show", *whom).returncode == 1
    assert Visit(gate, CLIENT).rcpt.code == 451
    triplets = gate.json("greylist", "list")
    assert triplets and all(set(t) == TRIPLET for t in triplets)
    assert {t["state"] for t in triplets} == {"waiting"}
    lefts = [t["left"] for t in triplets]
    assert all(0 < left <= 301 for left in lefts), lefts
    assert gate.json("greylist", "show", "user@example.org") == triplets
    assert "user@example.org" in gate.ctl("greylist", "list").stdout
    assert gate.json("greylist", "pass", *whom)["changed"] >= 1
    Visit(gate, CLIENT).accepted()
    assert gate.json("greylist", "list", "--state", "waiting") == []
    assert gate.json("greylist", "del", *whom)["changed"] >= 1
    assert gate.json("greylist", "list", *whom) == []
    assert Visit(gate, CLIENT).rcpt.code == 451


def test_explain_knows_the_id_of_the_reply(desk):
    gate = desk()
    gate.json("deny", "add", CLIENT)
    visit = Visit(gate, CLIENT)
    visit.refused()
    recorded(gate, visit.id)
    for words in ([visit.id], [CLIENT], ["--from", "sender@example.net"],
                  ["--to", "user@example.org"]):
        explained = gate.json("explain", *words)
        assert {e["record"]["id"] for e in explained} == {visit.id}, words
        assert set(explained[0]) == {"record", "flips"}
        assert RECORD <= set(explained[0]["record"])
        assert explained[0]["record"]["list"]["key"] == CLIENT
    assert [flip["kind"] for flip in explained[0]["flips"]] == ["unlist", "list"]
    text = gate.ctl("explain", visit.id).stdout
    assert visit.id in text and CLIENT in text and "reject" in text
    assert gate.ctl("explain", "nobody").returncode == 1


def test_test_judges_as_a_session_would(desk):
    gate = desk()
    words = ["test", "--client", CLIENT, "--helo", "client.example.net", "--from",
             "sender@example.net", "--to", "user@example.org"]
    passed = gate.json(*words)
    assert set(passed) == {"record", "flips"} and RECORD <= set(passed["record"])
    assert passed["record"]["verdict"] == "pass"
    gate.json("deny", "add", CLIENT)
    assert gate.json(*words)["record"]["verdict"] == "reject"
    assert "reject" in gate.ctl(*words).stdout
    assert gate.ctl("explain", CLIENT).returncode == 1, "a test leaves nothing behind"


def test_lookup_names_every_zone(desk):
    gate = desk({("dnsbl", "zen.example"): {"score": 6}}, probed=False)
    items = gate.json("lookup", CLIENT)
    assert [set(item) for item in items] == [{"zone", "answer", "meaning", "score", "ms"}]
    assert items[0]["zone"] == "zen.example"
    assert "zen.example" in gate.ctl("lookup", CLIENT).stdout


def test_replay_judges_what_was_recorded(desk, folder):
    gate = desk()
    gate.json("deny", "add", CLIENT)
    Visit(gate, CLIENT).refused()
    recorded(gate, CLIENT)
    answer = gate.json("replay", gate.config_file)
    assert answer["changes"] == [] and answer["unread"] == 0
    assert sum(answer["summary"][who]["records"] for who in ("proven", "unproven")) >= 1


def test_replay_splits_what_another_configuration_decides_by_proof(desk, folder):
    gate = desk({"reverse-dns": {"mode": "score"}})
    visit = Visit(gate, CLIENT)
    visit.accepted()
    recorded(gate, visit.id)
    stricter = folder / "stricter.conf"
    was = gate.config_file.read_text()
    stricter.write_text(re.sub(r"(reverse-dns \{\s*mode = )\"?score\"?", r"\1reject", was))
    assert stricter.read_text() != was
    answer = gate.json("replay", stricter)
    change, = answer["changes"]
    assert (change["id"], change["before"], change["after"]) == (visit.id, "pass", "reject")
    assert change["by"] == "rule" and change["proven"] is False
    assert answer["summary"]["unproven"]["refused"] == 1
    assert answer["summary"]["proven"]["records"] == 0
    text = gate.ctl("replay", stricter).stdout
    assert visit.id in text and "unproven" in text and "NOW REFUSED" in text
    assert gate.json("replay", gate.config_file)["changes"] == []


def test_test_takes_the_suspicious_for_new_to_the_greylist(desk):
    gate = desk({"greylist": {"mode": "all"}})
    words = ["test", "--client", CLIENT, "--from", "sender@example.net", "--to", "user@example.org"]
    record = gate.json(*words)["record"]
    assert record["verdict"] == "greylist"
    assert record["greylist"] == {"state": "new", "wait": 300, "all": True,
                                  "identity": ["198.51.100.0/24"]}
    assert "198.51.100.0/24" in gate.ctl(*words).stdout
    assert gate.json("greylist", "list") == [], "nothing was stored"


@pytest.mark.slow
def test_a_million_entries_are_imported_while_mail_flows(desk, folder):
    gate = desk()
    many = folder / "many"
    with many.open("w", encoding="ascii") as file:
        for i in range(1000000):
            file.write(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}\n")
        file.write(CLIENT + "\n")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        done = pool.submit(gate.json, "deny", "import", many, timeout=300)
        mails, slowest = 0, 0.0
        while not done.done():
            begun = time.monotonic()
            Visit(gate, "192.0.2.77").accepted()
            slowest = max(slowest, time.monotonic() - begun)
            mails += 1
        assert done.result()["imported"] == 1000001
    assert mails >= 5 and slowest < 5, (mails, slowest)
    Visit(gate, CLIENT).refused()
    assert gate.json("status")["lists"]["deny"] == 1000001


def test_privacy_export_and_forget(desk):
    gate = desk({"greylist": {"mode": "all"}})
    Visit(gate, CLIENT)
    recorded(gate, CLIENT)
    all_of_it = gate.json("privacy", "export", "sender@example.net")
    assert set(all_of_it) == {"address", "decisions", "greylist", "entries"}
    assert all_of_it["greylist"] and all_of_it["decisions"]
    assert all(set(d) == DECISION for d in all_of_it["decisions"])
    deleted = gate.json("privacy", "forget", "sender@example.net")["deleted"]
    left = gate.json("privacy", "export", "sender@example.net")
    assert (left["decisions"], left["greylist"]) == ([], [])
    assert deleted >= 2, all_of_it
