# SPDX-License-Identifier: ISC
"""The tarpit: who is taken and when, and who never; what it says and how slowly; its bounds; and that
it takes nothing from good clients. The clock of these tests is the tarpit's: 0.1 s a byte."""

import contextlib
import re
import time

import pytest

from harness.client import any_certificate, message
from harness.dns import Delay, Records, list_key
from harness.visitor import CLEAN, LISTED, Visit, Visitor, at_once
from harness.wait import settle, until

ZEN, ALLOW = ("dnsbl", "zen.example"), ("dnsbl", "allow.example")
FAMILIES = pytest.mark.parametrize("family", [4, 6])
FAST = {"interval": "100ms", "time": "10s"}
SLOW_PIT = {"interval": "1s", "time": "10m"}
ENTRY = {"tarpit": ["203.0.113.0/24", "2001:db8:bad::/48"]}


@pytest.fixture
def pit(guard, dns):
    """A gate with a fast tarpit, before which LISTED have `score`."""
    def make(score=12, blocks=None, tarpit=None, **more):
        dns.zone("zen.example").list(LISTED[4]).list(LISTED[6])
        return guard({ZEN: {"score": score}, "tarpit": {**FAST, **(tarpit or {})},
                      **(blocks or {})}, **more)
    return make


def taken(smtp):
    """The line that says so, when it comes."""
    return smtp.entry("tarpit")


def arrivals(smtp, count):
    """The next `count` octets, and when each piece came."""
    data, pieces = smtp.buffer, []
    smtp.buffer = b""
    while len(data) < count:
        piece = smtp.sock.recv(65536)
        assert piece, f"closed after {data!r}"
        data += piece
        pieces.append((time.monotonic(), piece))
    return data, pieces


def never_taken(gate):
    assert not gate.entries("tarpit")


# When

@FAMILIES
def test_an_entry_takes_before_the_banner(pit, dns, family):
    gate = pit(score=1, lists=ENTRY)
    dns.forget()
    with Visitor(gate, LISTED[family], banner=False) as smtp:
        entry = taken(smtp)
        assert LISTED[family] in entry.line
        data, _ = arrivals(smtp, 6)
        assert data.startswith(b"220")
    assert not dns.asked(list_key(LISTED[family], "zen.example"))
    Visit(gate, CLEAN[family]).accepted()


@FAMILIES
def test_the_score_takes_before_the_banner(pit, dns, family):
    gate = pit(blocks={"pregreet": {"wait": "6s", "teaser": False}})
    dns.rule("*.zen.example", Delay(0.3), "A")
    with Visitor(gate, LISTED[family], banner=False) as smtp:
        entry = taken(smtp)
        assert "zen.example 127.0.0.2 +12" in entry.field["findings"], entry
        data, _ = arrivals(smtp, 4)
        assert data.startswith(b"220")


@FAMILIES
def test_the_score_takes_at_ehlo(pit, dns, family):
    gate = pit()
    with Visitor(gate, LISTED[family]) as smtp:
        dns.wait_asked(list_key(LISTED[family], "zen.example"))
        settle(0.1)  # the answer is on its way
        smtp.line("EHLO client.example.net")
        taken(smtp)
        data, _ = arrivals(smtp, 5)
        assert data.startswith(b"250")


@FAMILIES
def test_the_score_takes_at_rcpt(pit, dns, family):
    gate = pit()
    dns.rule(list_key(LISTED[family], "zen.example"), Delay(1))
    with Visitor(gate, LISTED[family]) as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.line("RCPT TO:<user@example.org>")
        taken(smtp)
        data, _ = arrivals(smtp, 5)
        assert data.startswith(b"550-") or data.startswith(b"550 ")


def test_talking_first_may_take(pit):
    gate = pit(score=1, blocks={"pregreet": {"score": 12, "wait": "6s"}})
    with Visitor(gate, CLEAN[4], first=b"EHLO client.example.net\r\n", banner=False) as smtp:
        assert "pregreet" in taken(smtp).field["findings"]


@pytest.mark.parametrize("score, gone", [(9.99, False), (10, True)])
def test_the_threshold_is_at_or_above(pit, dns, score, gone):
    gate = pit(score=score)
    dns.rule(list_key(LISTED[4], "zen.example"), Delay(0.5))
    with Visitor(gate, LISTED[4]) as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.line("RCPT TO:<user@example.org>")
        if gone:
            taken(smtp)
        else:
            smtp.expect(550, "5.7.1")
            never_taken(gate)


def test_the_verdict_stands_in_the_log(pit, dns):
    gate = pit()
    dns.rule(list_key(LISTED[4], "zen.example"), Delay(0.5))
    with Visitor(gate, LISTED[4]) as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.line("RCPT TO:<user@example.org>")
        entry = taken(smtp)
    assert entry.field["verdict"] == "tarpit" and entry.field["by"] == "score"
    assert float(entry.field["score"]) == 12 and "zen.example 127.0.0.2 +12" in entry.line


# When an allow zone may still speak

def test_it_waits_for_every_allow_zone(pit, dns):
    allow = dns.zone("allow.example").list(LISTED[4], "127.0.5.3")
    dns.rule(allow.key(LISTED[4]), Delay(1, Records("127.0.5.3")))
    gate = pit(blocks={ALLOW: {"score": -11}})
    visit = Visit(gate, LISTED[4]).accepted()
    assert visit.score == 1
    never_taken(gate)


def test_an_allow_zone_that_stays_silent_does_not_save_for_ever(pit, dns):
    allow = dns.zone("allow.example")
    dns.rule(allow.key(LISTED[4]), Delay(6))
    gate = pit(blocks={ALLOW: {"score": -11}},
               resolver={"query-timeout": "500ms", "timeout": "1s"})
    with Visitor(gate, LISTED[4]) as smtp:
        smtp.ehlo()
        never_taken(gate)
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.line("RCPT TO:<user@example.org>")
        assert "allow.example ?" in taken(smtp).field["findings"]


def test_an_observed_allow_zone_is_not_waited_for(pit, dns):
    allow = dns.zone("allow.example")
    dns.rule(allow.key(LISTED[4]), Delay(6))
    gate = pit(blocks={ALLOW: {"score": -11, "mode": "observe"}})
    with Visitor(gate, LISTED[4]) as smtp:
        dns.wait_asked(list_key(LISTED[4], "zen.example"))
        settle(0.1)
        smtp.line("EHLO client.example.net")
        taken(smtp)


# Who never

def test_never_after_starttls(pit, dns):
    dns.rule(list_key(LISTED[4], "zen.example"), Delay(0.7))
    gate = pit(tls=True)
    with Visitor(gate, LISTED[4]) as smtp:
        smtp.ehlo()
        smtp.starttls()
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.cmd("RCPT TO:<user@example.org>", 550, "5.7.1")
        smtp.ehlo()
        smtp.quit()
        assert smtp.judged().field["verdict"] == "tarpit"
    never_taken(gate)


def test_never_under_implicit_tls(pit):
    gate = pit(tls=True, listens={"tls": {"implicit-tls": True}}, lists={"tarpit": ["127.0.0.9"]})
    with gate.client("tls", source="127.0.0.9", tls=any_certificate()) as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.cmd("RCPT TO:<user@example.org>", 550, "5.7.1")
    never_taken(gate)


def test_never_once_a_recipient_was_accepted(pit, dns, backend):
    dns.rule(list_key(LISTED[4], "zen.example"), Delay(0.7))
    gate = pit()
    with Visitor(gate, LISTED[4]) as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.cmd("RCPT TO:<postmaster@example.org>", 250)
        smtp.cmd("RCPT TO:<user@example.org>", 550, "5.7.1")
        smtp.data(message())
        smtp.quit()
    never_taken(gate)
    assert len(backend.transactions) == 1


def test_never_the_authenticated(pit, make_backend, dns):
    dns.rule(list_key(LISTED[4], "zen.example"), Delay(0.7))
    gate = pit(to=make_backend(["8BITMIME", "AUTH PLAIN"]), listen={"auth": "plain"})
    gate.wait_learned(["AUTH"], client=lambda: Visitor(gate, "10.0.0.1"))
    with Visitor(gate, LISTED[4]) as smtp:
        smtp.ehlo()
        smtp.cmd("AUTH PLAIN AGpvZQBzZWNyZXQ=", 235)
        smtp.envelope(recipients=["user@example.org", "x@elsewhere.example"])
        smtp.data(message())
    never_taken(gate)


@pytest.mark.parametrize("more", [
    {"lists": {**ENTRY, "allow": ["203.0.113.5"]}}, {"relay": {"networks": ["203.0.113.0/24"]}},
    {"blocks": {"mode": "observe"}}, {"blocks": {"mode": "observe"}, "lists": ENTRY}],
    ids=["allowed", "trusted", "observing a score", "observing an entry"])
def test_never_these(pit, more):
    gate = pit(**more)
    Visit(gate, LISTED[4]).accepted()
    never_taken(gate)


@FAMILIES
def test_a_tarpit_of_no_size_rejects_instead(pit, family):
    gate = pit(tarpit={"connections": 0}, lists=ENTRY)
    Visit(gate, LISTED[family]).refused()
    never_taken(gate)


# What it says

def test_one_byte_an_interval(pit):
    gate = pit(tarpit=SLOW_PIT, lists=ENTRY)
    with Visitor(gate, LISTED[4], banner=False) as smtp:
        began = time.monotonic()
        _, pieces = arrivals(smtp, 4)
    assert [len(piece) for _, piece in pieces] == [1] * 4
    assert all(after[0] - before[0] > 0.7 for before, after in zip(pieces, pieces[1:])), pieces
    assert pieces[-1][0] - began < 9


def draw_out(gate, code):
    """The whole dialogue with a patient client."""
    began = time.monotonic()
    with Visitor(gate, LISTED[4], banner=False, timeout=30) as smtp:
        smtp.expect(220)
        keywords = smtp.ehlo()
        assert not {"STARTTLS", "PIPELINING", "CHUNKING", "AUTH"} & set(keywords), keywords
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        reply = smtp.cmd("RCPT TO:<user@example.org>", code)
        assert smtp.id() in reply.text
        smtp.eof()
    assert 5 < time.monotonic() - began < 20
    end = gate.wait_log(rf" {smtp.id()} tarpit-end ")
    assert int(end.field["octets"]) > 50


def sit_out(gate, _):
    """With a client that says nothing."""
    with Visitor(gate, LISTED[6], banner=False, timeout=30) as smtp:
        began = time.monotonic()
        while smtp.more():
            pass
        assert 8 < time.monotonic() - began < 15
    gate.wait_log(rf" {smtp.id()} tarpit-end ")


@pytest.mark.slow
def test_the_dialogue_is_drawn_out_valid_bounded_and_ends_in_a_refusal(pit, backend):
    reject = pit(lists=ENTRY, tls=True)
    defer = pit(lists=ENTRY, tls=True, tarpit={"last-word": "defer"})
    at_once(lambda what: what[0](what[1], what[2]),
            [(draw_out, reject, 550), (draw_out, defer, 450), (sit_out, reject, 0)])
    assert not backend.mail_sessions()


def test_whatever_is_said_there_no_mail_gets_through(pit, backend):
    gate = pit(lists=ENTRY, tarpit={"interval": "100ms"})
    with Visitor(gate, LISTED[4], banner=False) as smtp:
        taken(smtp)
        smtp.send(b"EHLO x.example.net\r\nMAIL FROM:<a@example.net>\r\n"
                  b"RCPT TO:<user@example.org>\r\nDATA\r\n" + message() + b".\r\nQUIT\r\n")
        smtp.send(b"\0\xff" * 20000)
        data, _ = arrivals(smtp, 20)
        assert data.startswith(b"220")
    gate.wait_log(r" tarpit-end ")
    assert not backend.mail_sessions() and not backend.transactions


def test_the_receive_window_is_small(pit):
    """Who pours data in soon stands."""
    gate = pit(tarpit=SLOW_PIT, lists=ENTRY)
    with Visitor(gate, LISTED[4], banner=False) as smtp:
        taken(smtp)
        smtp.sock.settimeout(0.5)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 64 << 20:
                sent += smtp.sock.send(b"x" * 65536)
        assert sent < 16 << 20, sent


def test_a_client_that_leaves_is_noticed(pit):
    gate = pit(lists=ENTRY)
    for way in ("close", "reset"):
        smtp = Visitor(gate, LISTED[4], banner=False)
        session = taken(smtp).session
        getattr(smtp, way)()
        gate.wait_log(rf" {session} tarpit-end ")


# Bounds

@contextlib.contextmanager
def crowd(gate, count, together=1000):
    """So many clients in the tarpit, of which as many as `together` may be sessions before."""
    with contextlib.ExitStack() as held:
        clients = []
        for i in range(count):
            clients.append(held.enter_context(Visitor(gate, f"203.0.113.{i + 1}", banner=False)))
            if (i + 1) % together == 0 or i + 1 == count:
                until(lambda: len(gate.entries("disconnect")) >= len(clients),
                      f"{len(clients)} in the tarpit")
        assert len(gate.entries("tarpit")) == count
        yield clients


def test_beyond_its_size_the_oldest_leave(pit):
    gate = pit(lists=ENTRY, tarpit={**SLOW_PIT, "connections": 3}, workers=1)
    with crowd(gate, 5) as clients:
        until(lambda: len(gate.entries("tarpit-end")) == 2, "two have left")
        gone = {e.session for e in gate.entries("tarpit-end")}
        assert gone == {c.id() for c in clients[:2]}
        for smtp in clients[:2]:  # not without a word
            while smtp.more():
                pass
            assert re.search(rb"^(421|450|550)[ -]", smtp.buffer, re.M), smtp.buffer


def test_it_takes_no_place_from_good_clients(pit):
    gate = pit(lists=ENTRY, tarpit=SLOW_PIT, limits={"sessions": 3})
    with crowd(gate, 12, together=3):
        with Visitor(gate, CLEAN[4]), Visitor(gate, CLEAN[6]):
            Visit(gate, CLEAN[4]).accepted()


@pytest.mark.slow
def test_good_mail_flows_beside_it(pit, backend):
    gate = pit(lists=ENTRY, tarpit=SLOW_PIT)
    with crowd(gate, 200):
        for i in range(20):
            began = time.monotonic()
            Visit(gate, CLEAN[(4, 6)[i % 2]]).accepted()
            assert time.monotonic() - began < 2
    assert len(backend.transactions) == 20


def test_a_stop_does_not_wait_for_it(pit):
    gate = pit(lists=ENTRY, tarpit=SLOW_PIT)
    with crowd(gate, 5):
        began = time.monotonic()
        gate.stop()
        assert time.monotonic() - began < 5
    assert gate.lines()


def test_a_reload_keeps_who_is_there(pit):
    gate = pit(lists=ENTRY)
    with Visitor(gate, LISTED[4], banner=False) as smtp:
        taken(smtp)
        arrivals(smtp, 3)
        gate.config["lists"] = {"allow": ["0.0.0.0/0"]}
        gate.write()
        gate.reload()
        data, _ = arrivals(smtp, 10)
        assert data
        until(lambda: Visit(gate, LISTED[4]).passed, "the entry is gone")
