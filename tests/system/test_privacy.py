# SPDX-License-Identifier: ISC
"""Pseudonyms in place of addresses: neither what is stored nor the log nor a decision shows a local
part or a client's address, and yet what was asked by address is found, over a restart, too."""

import json
import os
import re
import time

import pytest

from harness.control import run_ctl
from harness.visitor import CLEAN, Visitor
from harness.wait import until

DELAY = 2
SENDER, RECIPIENT = "Secret.Person@example.net", "user@example.org"
KEYS = "pseudonym.keys"


@pytest.fixture
def discreet(guard, folder):
    """A gatepostd with pseudonyms; .json asks it."""
    def make(pseudonyms="all", **more):
        socket = folder / "control"
        gate = guard({"privacy": {"pseudonyms": pseudonyms},
                      "greylist": {"mode": "all", "delay": f"{DELAY}s"}},
                     probed=False, control={"socket": str(socket)}, **more)

        def answer(*words):
            done = run_ctl("--json", "--socket", socket, *words)
            assert done.returncode == 0, done
            return json.loads(done.stdout)
        gate.json = answer
        return gate
    return make


def deliver(gate, address):
    """The reply to RCPT; the message is sent where that is 250."""
    with Visitor(gate, address) as smtp:
        smtp.ehlo(f"[{'IPv6:' if ':' in address else ''}{address}]")
        smtp.cmd(f"MAIL FROM:<{SENDER}>", 250)
        rcpt = smtp.cmd(f"RCPT TO:<{RECIPIENT}>")
        if rcpt.code == 250:
            smtp.cmd("DATA", 354)
            smtp.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
            assert smtp.reply().code == 250
        smtp.cmd("QUIT", 221)
    return rcpt


def decisions(gate, *words):
    """Those of an address, when there are any."""
    return until(lambda: gate.json("privacy", "export", *words)["decisions"],
                 f"a decision of {words}")


def stored(gate):
    """All octets of the database's files."""
    return b"".join(f.read_bytes() for f in gate.state.iterdir() if f.name != KEYS).lower()


@pytest.mark.parametrize("family", [4, 6])
def test_no_trace_is_left_and_all_is_found(discreet, family):
    gate = discreet()
    client = CLEAN[family]
    assert deliver(gate, client).code == 451
    found = decisions(gate, SENDER)
    ident = found[0]["id"]
    time.sleep(DELAY + 1)
    gate.stop()
    gate.start()
    assert deliver(gate, client).code == 250  # the greylist goes on, under the same keys
    until(lambda: len(gate.json("privacy", "export", SENDER)["decisions"]) >= 2, "both decisions")
    shown = json.dumps([gate.json("privacy", "export", a) for a in (SENDER, RECIPIENT, client)])
    for word in (SENDER, RECIPIENT, client):
        shown = shown.replace(f'"address": "{word}"', "")
    log = gate.log_file.read_text()
    assert "@example.net" in log and "@example.net" in shown  # domains stay
    for secret in ("secret.person", "user@", client):
        assert secret not in log.lower(), secret
        assert secret not in shown.lower(), secret
        assert secret.encode() not in stored(gate), secret

    assert gate.json("explain", ident)
    assert gate.json("explain", client)
    assert gate.json("explain", "--from", SENDER, "--to", RECIPIENT)
    assert gate.json("explain", found[0]["client"])  # as it is shown
    assert gate.json("greylist", "list", "--recipient", RECIPIENT)
    assert gate.json("greylist", "list", "--sender", SENDER)[0]["state"] == "white"

    assert gate.json("--yes", "privacy", "forget", SENDER)["deleted"] >= 3
    left = gate.json("privacy", "export", SENDER)
    assert (left["decisions"], left["greylist"]) == ([], [])


def test_what_is_only_stored_leaves_the_log_alone(discreet):
    gate = discreet("stored")
    deliver(gate, CLEAN[4])
    assert decisions(gate, CLEAN[4])[0]["client"].startswith("100::")
    assert SENDER in gate.log_file.read_text()
    gate.stop()
    assert b"secret.person" not in stored(gate) and CLEAN[4].encode() not in stored(gate)
    assert os.stat(gate.state / KEYS).st_mode & 0o777 == 0o600


def test_what_was_stored_before_is_found_and_forgotten(discreet):
    gate = discreet("off")
    deliver(gate, CLEAN[4])
    decisions(gate, SENDER)
    assert not (gate.state / KEYS).exists()
    text = re.sub(r"(pseudonyms = )\W?off\W?$", r"\1stored", gate.config_file.read_text(), flags=re.M)
    gate.config_file.write_text(text)
    gate.reload()
    deliver(gate, CLEAN[4])
    found = until(lambda: (lambda d: len(d) >= 2 and d)(
        gate.json("privacy", "export", SENDER)["decisions"]), "both")
    assert {d["sender"] == SENDER for d in found} == {True, False}
    assert found[0]["sender"] != SENDER  # the newest first
    gate.json("--yes", "privacy", "forget", SENDER)
    assert gate.json("privacy", "export", SENDER)["decisions"] == []
    assert SENDER.lower().encode() not in json.dumps(gate.json("greylist", "list")).encode()
