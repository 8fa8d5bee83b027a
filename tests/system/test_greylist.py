# SPDX-License-Identifier: ISC
"""The greylist, spamtraps and list entries on the wire: a client that never comes again, Postfix that
does by its own queue, a pool that comes again from elsewhere, a trap that is hit, entries that are in
force at once, and what a restart remembers."""

import re
import time

import pytest

from harness.client import message
from harness.postfix import below_received
from harness.visitor import CLEAN, LISTED, Visit, Visitor
from harness.wait import until

DELAY = 3
GREY = {"mode": "all", "delay": f"{DELAY}s"}
WAIT = re.compile(r"4\.7\.1 Greylisted, please try again in (\d+) seconds \(\w+\)$")


def greylisted(visit):
    """The seconds it was told to wait."""
    assert visit.rcpt.code == 451 and not visit.passed, visit.rcpt
    match = WAIT.search(visit.rcpt.text)
    assert match, visit.rcpt.text
    return int(match[1])


@pytest.fixture
def grey(guard):
    def make(**more):
        blocks = {"greylist": GREY, **more.pop("blocks", {})}
        return guard(blocks, probed=False, **more)
    return make


def test_who_never_comes_again_never_gets_through(grey, backend):
    gate = grey()
    for sender in ("a", "b", "c"):
        visit = Visit(gate, CLEAN[4], sender=f"{sender}@example.net")
        assert greylisted(visit) == DELAY
        assert visit.entry.field["greylist"] == "new" and visit.entry.field["wait"] == str(DELAY)
    assert greylisted(Visit(gate, CLEAN[4], sender="a@example.net")) <= DELAY
    assert not backend.accepted()


@pytest.mark.parametrize("family", [4, 6])
def test_who_comes_again_in_time_passes_and_stays_white(grey, family):
    gate = grey()
    greylisted(Visit(gate, CLEAN[family]))
    early = Visit(gate, CLEAN[family])
    greylisted(early)
    assert early.entry.field["greylist"] == "early"
    time.sleep(DELAY + 1)
    visit = Visit(gate, CLEAN[family])
    assert visit.passed and visit.entry.field["greylist"] == "passed"
    visit = Visit(gate, CLEAN[family])
    assert visit.passed and visit.entry.field["greylist"] == "white"
    greylisted(Visit(gate, CLEAN[family], sender="another@example.net"))


def test_a_restart_remembers(grey):
    gate = grey()
    greylisted(Visit(gate, CLEAN[4]))
    gate.stop()
    time.sleep(DELAY + 1)
    gate.start()
    assert Visit(gate, CLEAN[4]).passed
    gate.stop()
    gate.start()
    assert Visit(gate, CLEAN[4]).entry.field["greylist"] == "white"


def test_a_pool_that_comes_again_from_elsewhere_is_one_sender(grey, dns):
    pool = ["198.51.100.7", "203.0.113.77", "192.0.2.99"]
    for number, address in enumerate(pool):
        dns.client(address, f"out{'abc'[number]}.mail.pool.example")
    gate = grey(blocks={"reverse-dns": {"mode": "score"}})
    greylisted(Visit(gate, pool[0], sender="bounce-17-user=example.org@pool.example"))
    time.sleep(DELAY + 1)
    for number, address in enumerate(pool[1:]):
        visit = Visit(gate, address, sender=f"bounce-{18 + number}-user=example.org@pool.example")
        assert visit.passed, visit.rcpt
    greylisted(Visit(gate, CLEAN[6], sender="bounce-20-user=example.org@pool.example"))


def test_only_the_suspicious_wait_by_default(guard, dns):
    dns.zone("zen.example").list(LISTED[4], "127.0.0.4")
    gate = guard({("dnsbl", "zen.example"): {"score": 3}, "greylist": {"delay": f"{DELAY}s"}},
                 doubts=True)
    assert Visit(gate, CLEAN[4]).passed
    visit = Visit(gate, LISTED[4])
    greylisted(visit)
    assert visit.entry.field["by"] == "greylist" and visit.entry.field["score"] == "3"


def test_postmaster_hears_from_everybody_at_once(grey):
    visit = Visit(grey(), CLEAN[4], recipients=["user@example.org", "postmaster@example.org"])
    assert [r.code for r in visit.rcpts] == [451, 250] and visit.passed


def test_observe_mode_says_what_it_would_do(grey):
    visit = Visit(grey(mode="observe"), CLEAN[4])
    assert visit.passed
    assert visit.entry.field["would"] == "greylist" and visit.entry.field["verdict"] == "pass"


@pytest.mark.slow
def test_postfix_comes_again_by_its_own_queue(gatepost, backend, postfix):
    gate = gatepost(backend, greylist=GREY)
    client = postfix(settings={
        "transport_maps": f"static:smtp:[127.0.0.1]:{gate.port}", "queue_run_delay": "2s",
        "minimal_backoff_time": "2s", "maximal_backoff_time": "4s"})
    sent = message(b"by its own queue\r\n")
    offset = gate.mark()
    client.sendmail(sent.replace(b"\r\n", b"\n"), "-f", "sender@example.net", "user@example.org")
    client.wait_log("4.7.1 Greylisted, please try again in")
    (delivered,) = backend.wait_transactions(1, 60)
    assert below_received(delivered.data).endswith(b"by its own queue\r\n")
    states = [e.field.get("greylist") for e in gate.entries("transaction", offset)]
    assert states[0] == "new" and states[-1] == "passed", states


def test_a_trap_is_answered_as_nobody_and_bans(grey, backend):
    gate = grey(blocks={"greylist": {"mode": "off"}})
    gate.ctl("trap", "add", "bait@example.org")
    with Visitor(gate, CLEAN[4]) as smtp:
        smtp.cmd("EHLO client.example.net", 250)
        smtp.cmd("MAIL FROM:<sender@example.net>", 250)
        answer = smtp.cmd("RCPT TO:<bait@example.org>", 550).text
        assert "5.1.1 No such recipient here (" in answer
        smtp.cmd("RSET", 250)
        smtp.cmd("QUIT", 221)
    banned = until(lambda: [e for e in gate.ctl("deny", "list", json=True)
                            if e["key"] == CLEAN[4]], "the ban is in the store")
    assert [(e["origin"], e["action"], e["reason"]) for e in banned] == [
        ("automatic", "tarpit", "spamtrap bait@example.org")]
    offset = gate.mark()
    with Visitor(gate, CLEAN[4], banner=False):
        gate.wait_log(r" tarpit .*by=deny|taken to the tarpit", offset)
    gate.ctl("deny", "del", CLEAN[4])
    assert Visit(gate, CLEAN[4]).passed
    assert len(backend.accepted()) == 1


def test_a_bounce_to_a_trap_bans_nobody(grey):
    gate = grey(blocks={"greylist": {"mode": "off"}})
    gate.ctl("trap", "add", "bait@example.org")
    visit = Visit(gate, CLEAN[4], sender="", recipients=["bait@example.org"])
    assert visit.rcpt.code == 550
    assert visit.visitor.entry("transaction").field["spamtrap"] == "bait@example.org"
    assert Visit(gate, CLEAN[4]).passed


def test_a_triplet_can_be_passed_by_hand(grey):
    gate = grey(blocks={"greylist": {"mode": "all", "delay": "300s"}})
    assert greylisted(Visit(gate, CLEAN[4])) == 300
    (item,) = gate.ctl("greylist", "list", "--recipient", "user@example.org", json=True)
    assert item["state"] == "waiting" and 0 < item["left"] <= 300
    assert item["identity"] == "198.51.100.0/24" and item["sender"] == "sender@example.net"
    gate.ctl("greylist", "pass", "--recipient", "user@example.org")
    assert Visit(gate, CLEAN[4]).passed


def test_an_allow_entry_by_recipient_lets_in_who_is_denied(grey):
    gate = grey(blocks={"greylist": {"mode": "off"}, "lists": {"deny": ["198.51.100.0/24"]}})
    assert Visit(gate, CLEAN[4]).rcpt.code == 550
    gate.ctl("allow", "add", "recipient:open@example.org")
    visit = Visit(gate, CLEAN[4], recipients=["user@example.org", "open@example.org"])
    assert [r.code for r in visit.rcpts] == [550, 250] and visit.passed
    assert visit.entry.field["by"] == "allow"
