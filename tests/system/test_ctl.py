# SPDX-License-Identifier: ISC
"""gatepostctl's other end of the control socket: what it asks, what it shows, how it ends. The
daemon is a table here; test_ctl_local.py has the lists without a daemon."""

import json
import os
import pty
import re
import select
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest

from harness import SLOW
from harness.control import FakeControl, ctl_command, run_ctl
from harness.process import Process

ENTRY = {"list": "deny", "kind": "client", "key": "192.0.2.1", "action": "reject",
         "origin": "manual", "unproven": False, "reason": "spam", "author": "root",
         "created": "2026-11-22T17:00:00Z", "expires": None}
TRIPLET = {"identity": "192.0.2.0/24", "sender": "a@example.net", "recipient": "b@example.org",
           "state": "waiting", "first": "2026-11-22T17:00:00Z", "last": "2026-11-22T17:01:00Z",
           "count": 2, "left": 240}
RECORD = {"id": "ABC", "time": "2026-11-22T17:00:00.000Z", "stage": "rcpt", "client": "192.0.2.1",
          "helo": "h.example", "sender": "a@example.net", "recipients": ["b@example.org"],
          "listener": "mx", "mode": "enforce", "thresholds": {"greylist": 2, "reject": 6,
                                                              "tarpit": 10},
          "findings": [{"check": "dnsbl", "zone": "zen.example", "label": "zen.example",
                        "at": "connect",
                        "answer": "127.0.0.4", "score": 7.5, "mode": "score", "ms": 12,
                        "counted": True}],
          "score": 7.5, "verdict": "reject", "would": "reject", "by": "score",
          "reply": "550 5.7.1 no"}
DECISION = {"number": 1, "time": RECORD["time"], "id": "ABC", "client": "192.0.2.1",
            "sender": "a@example.net", "recipient": "b@example.org", "verdict": "reject",
            "proven": False, "record": RECORD}


@pytest.fixture
def control(folder, stack):
    def make(**answers):
        server = FakeControl(folder / "control", **answers)
        stack.callback(server.stop)
        return server
    return make


def ask(server, *words, **more):
    return run_ctl("--socket", server.path, *words, **more)


# words -> the request that is made, and what is answered
SIMPLE = {
    "status": (["status"], ("status", {}), {"version": "1", "store": {"state": "ok"}}),
    "stats": (["stats"], ("stats", {}), {"sessions": 5}),
    "sessions": (["sessions"], ("sessions", {}), [{"id": "ABC", "client": "192.0.2.1"}]),
    "kill": (["kill", "ABC"], ("kill", {"id": "ABC"}), {}),
    "top": (["top", "--by", "client", "--most", "3"], ("top", {"by": "client", "most": 3}),
            [{"client": "192.0.2.1", "sessions": 7}]),
    "dns-lists": (["dns-lists"], ("dns-lists", {}), [{"list": "zen.example", "state": "well"}]),
    "reload": (["reload"], ("reload", {}), {}),
    "drain": (["drain"], ("drain", {}), {}),
    "backup": (["backup", "/x/copy.db"], ("backup", {"file": "/x/copy.db"}),
               {"file": "/x/copy.db"}),
    "lookup": (["lookup", "192.0.2.1"], ("lookup", {"client": "192.0.2.1"}),
               [{"zone": "zen.example", "answer": "127.0.0.4", "meaning": "listed", "score": 3,
                 "ms": 12}]),
    "test": (["test", "--client", "192.0.2.1", "--helo", "h", "--from", "a@example.net", "--to",
              "b@example.org"],
             ("test", {"client": "192.0.2.1", "helo": "h", "sender": "a@example.net",
                       "recipient": "b@example.org"}), {"record": RECORD, "flips": []}),
    "greylist list": (["greylist", "list"], ("greylist-list", {}), [TRIPLET]),
    "greylist list of a client": (["greylist", "list", "192.0.2.1", "--state", "white"],
                                  ("greylist-list", {"client": "192.0.2.1", "state": "white"}),
                                  [TRIPLET]),
    "greylist show": (["greylist", "show", "b@example.org"],
                      ("greylist-list", {"recipient": "b@example.org"}), [TRIPLET]),
    "greylist pass": (["greylist", "pass", "--sender", "a@example.net"],
                      ("greylist-pass", {"sender": "a@example.net"}), {"changed": 1}),
    "greylist del": (["greylist", "del", "--client", "192.0.2.1"],
                     ("greylist-delete", {"client": "192.0.2.1"}), {"changed": 2}),
    "privacy forget": (["privacy", "forget", "a@example.net"],
                       ("forget", {"address": "a@example.net"}), {"deleted": 3}),
    "deny list": (["deny", "list", "--kind", "client"],
                  ("entry-list", {"list": "deny", "kind": "client"}), [ENTRY]),
    "deny show": (["deny", "show", "192.0.2.1"],
                  ("entry-show", {"list": "deny", "key": "192.0.2.1"}), [ENTRY]),
}


@pytest.mark.parametrize("name", SIMPLE)
def test_json_is_what_the_daemon_said(control, name):
    words, request, answer = SIMPLE[name]
    server = control(**{request[0].replace("-", "_"): answer})
    done = ask(server, "--json", *words)
    assert done.returncode == 0, done
    assert server.asked == [request]
    assert json.loads(done.stdout) == answer
    assert done.stderr == ""


@pytest.mark.parametrize("name", SIMPLE)
def test_people_see_what_is_in_it_and_no_colour_in_a_pipe(control, name):
    words, request, answer = SIMPLE[name]
    server = control(**{request[0].replace("-", "_"): answer})
    done = ask(server, *words)
    assert done.returncode == 0, done
    assert "\033" not in done.stdout + done.stderr
    assert done.stdout.strip(), done
    for item in answer if isinstance(answer, list) else [answer]:
        for value in item.get("record", item).values():
            if isinstance(value, str) and value not in ("deny", "client", "enforce"):
                assert value in done.stdout, (value, done.stdout)


def test_add_puts_each_key_with_its_options(control):
    server = control(entry_add=lambda peer, r: {**ENTRY, "key": r["args"]["key"]})
    done = ask(server, "--json", "deny", "add", "192.0.2.1", "192.0.2.2", "--for", "7d",
               "--reason", "spam", "--action", "tarpit")
    assert done.returncode == 0, done
    common = {"list": "deny", "for": 604800, "reason": "spam", "action": "tarpit"}
    assert server.asked == [("entry-add", {**common, "key": "192.0.2.1"}),
                            ("entry-add", {**common, "key": "192.0.2.2"})]
    assert [e["key"] for e in json.loads(done.stdout)] == ["192.0.2.1", "192.0.2.2"]


@pytest.mark.parametrize("words, kind, noted", [
    (["allow", "add", "sender:a.example"], "sender", True),
    (["allow", "add", "sender:a.example", "--unproven"], "sender", False),
    (["allow", "add", "reverse:a.example"], "reverse", False),
    (["deny", "add", "sender:a.example"], "sender", False)])
def test_an_allow_entry_that_needs_proof_says_so(control, words, kind, noted):
    server = control(entry_add={**ENTRY, "list": words[0], "kind": kind, "key": "a.example"})
    done = ask(server, *words)
    assert done.returncode == 0 and ("--unproven" in done.stderr) == noted
    assert ask(server, "--json", *words).stderr == ""


def test_a_slip_in_the_last_key_changes_nothing(control):
    server = control()
    done = ask(server, "deny", "add", "192.0.2.1", "192.0.2.300/24")
    assert done.returncode == 2 and server.asked == [], done
    assert "192.0.2.300/24" in done.stderr


def imports(server):
    """An import command that takes all; what came in as (list, key) -> entry."""
    taken = {}

    def take(_, request):
        args = request["args"]
        assert 0 < len(args["entries"]) <= 1000
        for entry in args["entries"]:
            taken[args["list"], entry["key"]] = {**args, **entry}
        return {"imported": len(args["entries"]), "faults": []}
    server.answers["entry-import"] = take
    return taken


def test_import_sends_a_file_in_requests_of_a_thousand(control, folder):
    server = control()
    taken = imports(server)
    source = folder / "list"
    source.write_text("".join(f"10.{i >> 8}.{i & 255}.0/24\n" for i in range(2500)))
    done = ask(server, "--json", "deny", "import", source, "--for", "7d", "--reason", "r",
               "--action", "tarpit")
    assert done.returncode == 0, done
    assert json.loads(done.stdout) == {"imported": 2500, "faults": []}
    assert len(server.asked) == 3 and len(taken) == 2500
    entry = taken["deny", "10.0.1.0/24"]
    assert (entry["for"], entry["reason"], entry["action"]) == (604800, "r", "tarpit")


@pytest.mark.parametrize("skip", [False, True])
def test_nothing_of_a_file_with_faults_is_imported_unless_they_are_to_be_skipped(control, skip):
    server = control()
    taken = imports(server)
    words = ["--json", "deny", "import", *(["--skip-faults"] if skip else [])]
    done = ask(server, *words, text="192.0.2.0/24\nnonsense\n192.0.2.300\n198.51.100.1\n")
    answer = json.loads(done.stdout)
    assert [fault.split(": ")[0] for fault in answer["faults"]] == ["standard input:2",
                                                                   "standard input:3"]
    assert (done.returncode, len(taken), answer["imported"]) == ((0, 2, 2) if skip else (1, 0, 0))
    for words in (["deny", "import", "-"], ["deny", "import"]):
        done = ask(server, *words, text="nonsense\n")
        assert done.returncode == 1 and "standard input:1: " in done.stderr, done


def test_a_line_that_says_where_it_belongs_goes_there(control):
    server = control()
    taken = imports(server)
    done = ask(server, "deny", "import", "--format", "postscreen",
               text="192.0.2.1/32 permit\n192.0.2.0/24 reject\n")
    assert done.returncode == 0, done
    assert set(taken) == {("allow", "192.0.2.1"), ("deny", "192.0.2.0/24")}


def test_an_import_that_breaks_off_says_how_far_it_came(control):
    server = control()
    imports(server)
    take, count = server.answers["entry-import"], []

    def stop(peer, request):
        count.append(1)
        return take(peer, request) if len(count) == 1 else {"ok": False, "error": "disk full"}
    server.answers["entry-import"] = stop
    done = ask(server, "deny", "import",
               text="".join(f"10.{i >> 8}.{i & 255}.0/24\n" for i in range(2500)))
    assert done.returncode == 1 and done.stdout == "imported: 1000\n", done
    assert "disk full" in done.stderr


def test_export_writes_what_import_reads(control, folder):
    entries = [{**ENTRY, "key": "192.0.2.0/24", "reason": "two words", "action": "defer"},
               {**ENTRY, "key": "192.0.2.1", "expires": "2099-11-22T17:00:00Z"},
               {**ENTRY, "kind": "helo", "key": "friend.example", "action": "tarpit",
                "reason": ""}]
    server = control(entry_list=entries)
    taken = imports(server)
    done = ask(server, "deny", "export")
    assert done.returncode == 0 and server.asked[-1] == ("entry-list", {"list": "deny"}), done
    (folder / "list").write_text(done.stdout)
    done = ask(server, "deny", "import", folder / "list")
    assert done.returncode == 0, done
    assert set(taken) == {("deny", "192.0.2.0/24"), ("deny", "192.0.2.1"),
                          ("deny", "helo:friend.example")}
    assert taken["deny", "192.0.2.0/24"]["reason"] == "two words"
    assert taken["deny", "192.0.2.0/24"]["action"] == "defer"
    assert taken["deny", "192.0.2.1"]["for"] > 1e9
    done = ask(server, "deny", "export", "--format", "cidr")
    assert "192.0.2.0/24" in done.stdout and "helo" not in done.stdout
    assert "1 entries cannot be said" in done.stderr
    assert "192.0.2.0/24 ; two words" in ask(server, "deny", "export", "--format", "drop").stdout
    assert ask(server, "deny", "export", "--format", "nonsense").returncode == 2
    assert json.loads(ask(server, "--json", "deny", "export").stdout) == entries


def test_deleting_what_is_not_there_is_exit_1(control):
    server = control(entry_delete={"deleted": 0})
    done = ask(server, "deny", "del", "192.0.2.1")
    assert done.returncode == 1 and "no deny entry 192.0.2.1" in done.stderr, done
    server.answers["entry-delete"] = {"deleted": 2}
    done = ask(server, "--json", "deny", "del", "192.0.2.1")
    assert done.returncode == 0 and json.loads(done.stdout) == {"deleted": 2}, done


@pytest.mark.parametrize("words, command", [
    (["deny", "show", "192.0.2.1"], "entry-show"), (["greylist", "show", "b@example.org"], "greylist-list"),
    (["explain", "ABC"], "decisions")])
def test_what_is_not_there_is_exit_1_and_an_empty_array(control, words, command):
    server = control(**{command.replace("-", "_"): []})
    done = ask(server, *words)
    assert done.returncode == 1 and done.stdout == "" and done.stderr, done
    done = ask(server, "--json", *words)
    assert done.returncode == 1 and json.loads(done.stdout) == [], done


@pytest.mark.parametrize("words, args", [
    (["explain", "ABC"], {"id": "ABC", "most": 100}),
    (["explain", "192.0.2.1"], {"client": "192.0.2.1", "most": 1}),
    (["explain", "2001:db8::1"], {"client": "2001:db8::1", "most": 1}),
    (["explain", "--from", "a@example.net", "--to", "b@example.org", "--most", "5"],
     {"sender": "a@example.net", "recipient": "b@example.org", "most": 5})])
def test_explain_asks_for_an_id_an_address_or_sender_and_recipient(control, words, args):
    second = {**DECISION, "number": 2, "recipient": "c@example.org"}
    server = control(decisions=[DECISION, second])
    done = ask(server, "--json", *words)
    assert done.returncode == 0 and server.asked == [("decisions", args)], done
    shown = json.loads(done.stdout)
    assert len(shown) == 1, "one record, though there is a row for each recipient"
    assert shown[0]["record"] == RECORD
    assert [flip["kind"] for flip in shown[0]["flips"]], "a single change had been enough"


def test_explain_shows_people_each_check_and_the_verdict(control):
    done = ask(control(decisions=[DECISION]), "explain", "ABC")
    assert done.returncode == 0, done
    for word in ("zen.example", "127.0.0.4", "7.5", "12", "reject", "192.0.2.1", "550 5.7.1 no"):
        assert word in done.stdout, (word, done.stdout)


def test_a_record_of_another_version_is_shown_as_it_is(control):
    strange = {**RECORD, "stage": "dream"}
    server = control(decisions=[{**DECISION, "record": strange}])
    assert "dream" in ask(server, "explain", "ABC").stdout
    assert json.loads(ask(server, "--json", "explain", "ABC").stdout) == [
        {"record": strange, "flips": []}]


def new_config(folder, more):
    path = folder / "new.conf"
    path.write_text('hostname = "mx.example.org"\n'
                    f'state-dir = "{folder}"\n'
                    'listen "mx" { address = {"127.0.0.1:1"} }\n'
                    'backend "main" { address = {"127.0.0.1:2"} client-address = none }\n'
                    'dnsbl "zen.example" { score = 7.5 }\n' + more)
    return path


def replayed(number, **more):
    record = {**RECORD, "id": f"R{number}", **more}
    return {**DECISION, "number": number, "id": record["id"], "record": record}


def test_replay_shows_whose_verdict_would_change(control, folder):
    server = control(decisions=[replayed(2), replayed(1, proven=True)])
    same = ask(server, "--json", "replay", new_config(folder, ""))
    assert same.returncode == 0, same
    answer = json.loads(same.stdout)
    assert answer["changes"] == [] and answer["unread"] == 0
    assert answer["summary"]["proven"]["records"] == 1
    assert answer["summary"]["unproven"]["records"] == 1
    (command, args), = server.asked
    assert command == "decisions" and args["most"] == 1000000
    assert abs(args["since"] / 1000 - (time.time() - 7 * 86400)) < 60
    other = new_config(folder, "thresholds { reject = 9 tarpit = 12 }\n")
    answer = json.loads(ask(server, "--json", "replay", other, "--days", "1").stdout)
    assert {c["id"] for c in answer["changes"]} == {"R1", "R2"}
    assert {c["before"] for c in answer["changes"]} == {"reject"}
    assert abs(server.asked[-1][1]["since"] / 1000 - (time.time() - 86400)) < 60
    text = ask(server, "replay", other).stdout
    assert "R1" in text and "R2" in text and "unproven" in text


def test_replay_needs_a_good_configuration(control, folder):
    server = control()
    done = ask(server, "replay", new_config(folder, "nonsense = 1\n"))
    assert done.returncode == 1 and "new.conf:6: " in done.stderr and server.asked == [], done


def test_replay_counts_what_it_cannot_read(control, folder):
    server = control(decisions=[replayed(1, stage="dream"), replayed(2)])
    done = ask(server, "--json", "replay", new_config(folder, ""))
    assert json.loads(done.stdout)["unread"] == 1


def test_privacy_export_is_one_object_of_all_there_is(control):
    server = control(decisions=[DECISION], greylist_list=[TRIPLET], entry_show=[ENTRY])
    done = ask(server, "privacy", "export", "192.0.2.1")
    assert done.returncode == 0, done
    assert json.loads(done.stdout) == {"address": "192.0.2.1", "decisions": [DECISION],
                                       "greylist": [TRIPLET], "entries": [ENTRY]}
    server.asked.clear()
    assert ask(server, "privacy", "export", "a@example.net").returncode == 0
    assert ("decisions", {"sender": "a@example.net", "most": 1000000}) in server.asked
    assert ("decisions", {"recipient": "a@example.net", "most": 1000000}) in server.asked


def test_what_the_daemon_refuses_is_said_and_told_by_the_status(control):
    server = control(status={"ok": False, "error": "the store is down: disk full"},
                     kill={"ok": False, "error": "there is no session X", "usage": True})
    done = ask(server, "status")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "gatepostctl: the store is down: disk full\n"
    assert ask(server, "--json", "kill", "X").returncode == 2


@pytest.mark.parametrize("answer, why", [
    (b"nonsense\n", "none of gatepostd's"), (b"\n", "none of gatepostd's"),
    (b"{\"ok\": 5}\n", "none of gatepostd's"), (b"[]\n", "none of gatepostd's"),
    (b"{\"ok\": false}\n", "none of gatepostd's"), (b"{\"ok\": tr", "left before"),
    (b"", "left before"), (b"\xff\x00\n", "none of gatepostd's")])
def test_an_answer_that_is_none_is_exit_1(control, answer, why):
    def speak(peer, _):
        peer.sendall(answer)
        peer.shutdown(socket.SHUT_RDWR)
    done = ask(control(status=speak), "status")
    assert done.returncode == 1 and why in done.stderr, done


def test_a_line_without_an_end_is_left(control):
    def speak(peer, _):
        block = b"x" * 1000000
        try:
            while True:
                peer.sendall(block)
        except OSError:
            pass
    done = ask(control(status=speak), "status")
    assert done.returncode == 1 and "too long" in done.stderr, done


def test_bytes_of_peers_cannot_move_the_cursor(control):
    evil = "a\x1b[2J\r\nb\u202e"
    server = control(sessions=[{"id": "ABC", "helo": evil}], status={evil: evil},
                     kill={"ok": False, "error": evil})
    for words in (["sessions"], ["status"], ["kill", "X"], ["--json", "sessions"]):
        done = ask(server, *words)
        text = done.stdout + done.stderr
        assert "\x1b" not in text and "\r" not in text and "\u202e" not in text, (words, text)
    assert "\\x1b[2J" in ask(server, "sessions").stdout


def test_columns_are_as_wide_as_what_is_in_them(control):
    server = control(sessions=[{"id": "A", "helo": "b\u00fccher.example", "n": 5},
                               {"id": "LONGER", "helo": "x", "n": 12345}])
    server.answers["top"] = server.answers["sessions"]
    lines = ask(server, "top").stdout.splitlines()
    assert lines[0].split() == ["ID", "HELO", "N"]
    assert len({len(line) for line in lines}) == 1, lines
    assert lines[1].startswith("A       b") and lines[2].startswith("LONGER  x")


def test_many_items_are_one_array(control):
    items = [{**ENTRY, "key": f"192.0.{i // 256}.{i % 256}"} for i in range(3000)]
    server = control(entry_list=items)
    assert json.loads(ask(server, "--json", "deny", "list").stdout) == items
    assert len(ask(server, "deny", "list").stdout.splitlines()) == 3001


class Terminal:
    """gatepostctl on a terminal of its own."""

    def __init__(self, *words, **environment):
        self.master, slave = pty.openpty()
        env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        self.popen = subprocess.Popen(ctl_command(*words), stdin=slave, stdout=slave, stderr=slave,
                                      env={**env, **environment}, start_new_session=True)
        os.close(slave)
        self.text = ""

    def read(self, until_text=None, timeout=20 * SLOW):
        end = time.monotonic() + timeout
        while time.monotonic() < end and (until_text is None or until_text not in self.text):
            if not select.select([self.master], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(self.master, 4096)
            except OSError:
                break
            if not data:
                break
            self.text += data.decode()
        return self.text

    def end(self):
        self.read()
        code = self.popen.wait(20 * SLOW)
        os.close(self.master)
        return code


def test_colour_on_a_terminal_only_and_never_against_the_wish(control):
    server = control(deny=[], entry_list=[ENTRY])
    words = ["--socket", server.path, "deny", "list"]
    for extra, environment, colour in ([], {}, True), (["--no-color"], {}, False), \
            ([], {"NO_COLOR": "1"}, False), (["--json"], {}, False):
        terminal = Terminal(*words, *extra, **environment)
        assert terminal.end() == 0
        assert ("\033[" in terminal.text) == colour, (extra, environment, terminal.text)


@pytest.mark.parametrize("answer, code", [("y\n", 0), ("n\n", 1), ("\n", 1), ("\x04", 1)])
def test_much_is_deleted_on_a_terminal_only_after_a_yes(control, answer, code):
    server = control(greylist_delete={"changed": 5})
    terminal = Terminal("--socket", server.path, "greylist", "del", "--sender", "example.net")
    assert "[y/N]" in terminal.read("[y/N]")
    os.write(terminal.master, answer.encode())
    assert terminal.end() == code
    assert len(server.asked) == (code == 0)


def test_yes_is_not_asked_back(control):
    server = control(forget={"deleted": 5})
    terminal = Terminal("--socket", server.path, "--yes", "privacy", "forget", "a@example.net")
    assert terminal.end() == 0 and "[y/N]" not in terminal.text


def test_tail_shows_each_verdict_at_once_and_ends_well_at_ctrl_c(control, folder):
    peers = []

    def speak(peer, _):
        peers.append(peer)
        peer.sendall(json.dumps({"item": RECORD}).encode() + b"\n")
    server = control(tail=speak)
    for words, number in (["--json"], signal.SIGINT), ([], signal.SIGTERM):
        log = folder / f"tail{number}.log"
        tail = Process(ctl_command("--socket", server.path, *words, "tail"), log)
        tail.wait_for(lambda: "ABC" in tail.output(), "it showed the first verdict")
        peers[-1].sendall(json.dumps({"item": {**RECORD, "id": "DEF"}}).encode() + b"\n")
        tail.wait_for(lambda: "DEF" in tail.output(), "it showed the second verdict")
        assert tail.stop(number=number) == 0
        if words:
            lines = [json.loads(line) for line in tail.output().splitlines()]
            assert [line["id"] for line in lines] == ["ABC", "DEF"]


def test_tail_shows_recipients_and_what_else_refused(control):
    def speak(peer, _):
        peer.sendall(json.dumps({"item": {**RECORD, "by": "none", "refused": "relay"}}).encode()
                     + b"\n")
        peer.shutdown(socket.SHUT_RDWR)
    done = ask(control(tail=speak), "tail")
    assert "b@example.org" in done.stdout and "relay" in done.stdout


def test_a_paused_pager_does_not_keep_the_daemon_waiting(control):
    """The daemon leaves who does not read for a minute: so all is read, and shown later."""
    told = threading.Event()
    count = 60000  # more than sockets and pipes hold

    def speak(peer, _):
        line = json.dumps({"item": ENTRY}).encode() + b"\n"
        for _ in range(count):
            peer.sendall(line)
        peer.sendall(b'{"ok": true, "result": {}}\n')
        told.set()
    server = control(entry_list=speak)
    pager = subprocess.Popen(ctl_command("--socket", server.path, "--json", "deny", "list"),
                             stdout=subprocess.PIPE)
    assert told.wait(60), "nothing was read while nobody took the output"
    out, _ = pager.communicate(timeout=60)
    assert pager.returncode == 0 and len(json.loads(out)) == count


@pytest.mark.parametrize("words", [["sessions"], ["top"], ["dns-lists"], ["lookup", "192.0.2.1"]])
def test_an_empty_table_says_so_to_people_alone(control, words):
    server = control(**{words[0].replace("-", "_"): []})
    done = ask(server, *words)
    assert done.returncode == 0 and done.stdout == "" and "gatepostctl: no" in done.stderr
    done = ask(server, "--json", *words)
    assert json.loads(done.stdout) == [] and done.stderr == ""


def test_tail_says_that_the_daemon_left(control):
    def speak(peer, _):
        peer.shutdown(socket.SHUT_RDWR)
    done = ask(control(tail=speak), "tail")
    assert done.returncode == 1 and "left" in done.stderr


def test_without_a_daemon_all_but_the_lists_say_so(folder):
    config = folder / "gatepost.conf"
    config.write_text('hostname = "mx.example.org"\n'
                      f'state-dir = "{folder}"\ncontrol {{ socket = "{folder}/none" }}\n'
                      'listen "mx" { address = {"127.0.0.1:1"} }\n'
                      'backend "main" { address = {"127.0.0.1:2"} client-address = none }\n')
    for words in (["status"], ["greylist", "list"], ["kill", "A"], ["explain", "A"], ["tail"],
                  ["lookup", "192.0.2.1"], ["privacy", "forget", "a@example.net"]):
        done = run_ctl("-c", config, *words)
        assert done.returncode == 1 and done.stdout == "", done
        assert done.stderr == ("gatepostctl: gatepostd is not running: nothing listens on "
                               f"{folder}/none\n")


def test_a_socket_that_is_not_for_us_is_named(control, folder):
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    server = control(status={})
    server.path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    done = ask(server, "status", user=65534, group=65534, extra_groups=[])
    assert done.returncode == 1 and "you may not use" in done.stderr, done


@pytest.mark.parametrize("words", [
    [], ["nonsense"], ["deny"], ["deny", "nonsense"], ["status", "extra"], ["status", "--nonsense"],
    ["deny", "add"], ["deny", "add", "not a key"], ["deny", "add", "192.0.2.1", "--for", "x"],
    ["allow", "add", "192.0.2.1", "--action", "tarpit"], ["explain"], ["explain", "a@example.org"],
    ["test"], ["greylist", "pass"], ["greylist", "del"], ["help", "nonsense"],
    ["deny", "import", "--format", "nonsense"],
    ["greylist", "list", "a@example.org", "--recipient", "b@example.org"]])
def test_wrong_usage_is_exit_2_and_one_sentence(words):
    done = run_ctl("--socket", "/nonexistent/socket", *words)
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert re.fullmatch(r"gatepostctl: [^\n]+\n", done.stderr), done.stderr


def test_help_and_version():
    whole = run_ctl("--help")
    assert whole.returncode == 0 and "deny" in whole.stdout and whole.stdout == run_ctl("help").stdout
    assert "--for DURATION" in run_ctl("deny", "add", "--help").stdout
    assert re.fullmatch(r"gatepostctl \S+\n", run_ctl("--version").stdout)
    table = json.loads(run_ctl("--json", "help").stdout)
    assert "kill" in [c["command"] for c in table["commands"]]


def test_check_config_is_the_daemons_own_check(gatepost, backend):
    gate = gatepost(backend, start=False)
    done = run_ctl("-c", gate.config_file, "check-config")
    assert done.returncode == 0 and "good" in done.stdout, done
    done = run_ctl("-c", gate.config_file, "--json", "check-config")
    assert done.returncode == 0 and json.loads(done.stdout)["good"] is True
    gate.write("nonsense = 1\n")
    done = run_ctl("-c", gate.config_file, "check-config")
    assert done.returncode == 1 and "gatepost.conf:1: " in done.stderr, done
    done = run_ctl("-c", gate.config_file, "--json", "check-config")
    answer = json.loads(done.stdout)
    assert done.returncode == 1 and answer["good"] is False
    assert any("nonsense" in line for line in answer["lines"])


def test_a_reader_who_leaves_early_is_no_fault(control):
    items = [{**ENTRY, "reason": "x" * 500} for _ in range(3000)]
    server = control(entry_list=items)
    line = " ".join(map(str, ctl_command("--socket", server.path, "--json", "deny", "list")))
    done = subprocess.run(["sh", "-c", f"{line} | head -n 1"], capture_output=True, text=True,
                          check=False, timeout=60 * SLOW)
    assert done.stdout == "[\n" and done.stderr == "", done


def test_each_fault_that_keeps_a_reload_is_a_line(control):
    server = control(reload={"ok": False, "error": "stays: a.conf:1: bad\na.conf:2: worse"})
    done = ask(server, "reload")
    assert done.returncode == 1
    assert done.stderr == "gatepostctl: stays: a.conf:1: bad\ngatepostctl: a.conf:2: worse\n"


def test_an_answer_in_pieces_is_one_answer(control):
    def speak(peer, _):
        for octet in b'{"ok": true, "result": {"late": true}}\n':
            peer.sendall(bytes([octet]))
    done = ask(control(status=speak), "--json", "status")
    assert json.loads(done.stdout) == {"late": True}
