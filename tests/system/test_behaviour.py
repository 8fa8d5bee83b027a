# SPDX-License-Identifier: ISC
"""What clients do on the wire: talking before the banner, hurrying, saying what is not SMTP, bare
newlines, leaving without QUIT; seen in the very session that is then handed through. And delays."""

import time

import pytest

from harness.client import message
from harness.visitor import CLEAN, LISTED, Visit, Visitor, at_once, v1, v2
from harness.wait import settle

FAMILIES = pytest.mark.parametrize("family", [4, 6])
MODES = pytest.mark.parametrize("mode, score, by", [
    ("off", 6, None), ("observe", 6, None), ("score", 6, "score"), ("score", 1, None),
    ("reject", 1, "rule")])
EHLO = b"EHLO client.example.net\r\n"


def outcome(smtp, label, mode, score, by):
    """The rest of the session, from MAIL on, and what its line says."""
    smtp.cmd("MAIL FROM:<sender@example.net>", 250)
    smtp.cmd("RCPT TO:<user@example.org>", 550 if by else 250)
    if not by:
        smtp.data(message())
    smtp.quit()
    judged(smtp, label, mode, score, by)


def judged(smtp, label, mode, score, by):
    entry = smtp.judged()
    text = entry.field.get("findings", "")
    if mode == "off":
        assert label not in text
        return
    assert text.startswith(label) and f"+{score}" in text, entry
    assert text.endswith("(observed)") is (mode == "observe")
    assert float(entry.field["score"]) == (0 if mode == "observe" else score)
    wanted = ("reject", by) if by else ("pass", "score")
    assert (entry.field["verdict"], entry.field["by"]) == wanted


# Talking before the banner

@MODES
def test_talking_first_in_each_mode(guard, mode, score, by):
    gate = guard({"pregreet": {"mode": mode, "score": score, "wait": "1s"}})

    def talk(family):
        with Visitor(gate, CLEAN[family], first=EHLO) as smtp:
            smtp.expect(250)  # what came early is answered all the same, behind the banner
            outcome(smtp, "pregreet", mode, score, by)
    at_once(talk, (4, 6))


def test_a_client_that_waits_is_handed_through_in_the_same_session(guard, backend):
    gate = guard({"pregreet": {"wait": "1s"}})

    def come(how):
        began = time.monotonic()
        visit = Visit(gate, CLEAN[how[0]], header=how[1]).accepted()
        assert time.monotonic() - began >= 0.9 and not visit.findings
    at_once(come, [(4, v1), (4, v2), (6, v1), (6, v2)])
    assert len(backend.transactions) == len(gate.entries("connect")) == 4


def test_the_teaser_comes_at_once_and_the_rest_later(guard):
    gate = guard({"pregreet": {"wait": "1s"}})
    began = time.monotonic()
    with Visitor(gate, CLEAN[4], banner=False) as smtp:
        while b"\r\n" not in smtp.buffer:
            assert smtp.more()
        assert time.monotonic() - began < 0.7
        assert smtp.buffer.startswith(b"220-mx.example.org") and smtp.buffer.count(b"\n") == 1
        reply = smtp.expect(220)
        assert time.monotonic() - began > 0.9
        assert len(reply.lines) == 2 and all(li.startswith("mx.example.org") for li in reply.lines)


def test_a_client_that_takes_the_teaser_for_the_banner_is_found(guard):
    gate = guard({"pregreet": {"score": 6, "wait": "1s"}})
    with Visitor(gate, CLEAN[4], banner=False) as smtp:
        while b"\r\n" not in smtp.buffer:
            assert smtp.more()
        smtp.send(EHLO)
        smtp.expect(220)
        smtp.expect(250)
        outcome(smtp, "pregreet", "score", 6, "score")


def test_without_a_teaser_nothing_comes_before_the_banner(guard):
    gate = guard({"pregreet": {"wait": "1s", "teaser": False}})
    began = time.monotonic()
    with Visitor(gate, CLEAN[4], banner=False) as smtp:
        assert smtp.more() and time.monotonic() - began > 0.9
        assert len(smtp.expect(220).lines) == 1


@pytest.mark.slow
def test_the_wait_is_six_seconds_unless_told_otherwise(guard):
    began = time.monotonic()
    with Visitor(guard({"pregreet": {}}), CLEAN[4]):
        assert 5.5 < time.monotonic() - began < 8


@pytest.mark.parametrize("client, more", [
    ("203.0.113.5", {"lists": {"allow": ["203.0.113.0/24"]}}),
    ("2001:db8:bad::5", {"lists": {"allow": ["2001:db8::/32"]}}),
    ("203.0.113.5", {"relay": {"networks": ["203.0.113.0/24"]}}), ("10.1.2.3", {}),
    ("127.0.0.9", {}), ("fd00::1", {}), ("203.0.113.5", {"blocks": {"mode": "observe"}})],
    ids=["allowed", "allowed IPv6", "trusted", "private", "loopback", "private IPv6", "observe"])
def test_who_waits_for_nothing(guard, client, more):
    blocks = {"pregreet": {"mode": "reject", "wait": "6s"}, **more.pop("blocks", {})}
    gate = guard(blocks, **more)
    began = time.monotonic()
    Visit(gate, client).accepted()
    assert time.monotonic() - began < 2


def test_no_wait_is_no_wait(guard):
    gate = guard({"pregreet": {"wait": "0s"}})
    began = time.monotonic()
    Visit(gate, CLEAN[4]).accepted()
    assert time.monotonic() - began < 1


def test_clients_that_leave_during_the_wait_are_no_fault(guard):
    gate = guard({"pregreet": {"wait": "1s"}})
    for way in ("close", "reset"):
        smtp = Visitor(gate, CLEAN[4], banner=False)
        smtp.more()
        getattr(smtp, way)()
        smtp.entry("disconnect")
    assert not [e for e in gate.entries() if e.level in ("warning", "error")
                and e.event != "config-warning"]


def test_a_drain_does_not_wait_for_greetings(guard):
    gate = guard({"pregreet": {"wait": "6s"}})
    with Visitor(gate, CLEAN[4], banner=False) as smtp:
        smtp.more()
        began = time.monotonic()
        gate.stop()
        assert time.monotonic() - began < 3


# Hurrying

@MODES
def test_sending_on_behind_ehlo_in_each_mode(guard, mode, score, by):
    gate = guard({"pipelining": {"mode": mode, "score": score}})

    def hurry(family):
        with Visitor(gate, CLEAN[family]) as smtp:
            smtp.send(EHLO + b"NOOP\r\n")
            smtp.expect(250)
            smtp.expect(250)
            outcome(smtp, "pipelining", mode, score, by)
    at_once(hurry, (4, 6))


@pytest.mark.parametrize("early", [
    EHLO + b"MAIL FROM:<a@example.net>\r\n", b"HELO client.example.net\r\nNOOP\r\n",
    b"HELO client.example.net\r\n|MAIL FROM:<a@example.net>\r\nRCPT TO:<user@example.org>\r\n"],
    ids=["behind EHLO", "behind HELO", "after HELO"])
def test_where_there_is_no_pipelining(guard, early):
    gate = guard({"pipelining": {"score": 1}})
    with Visitor(gate, CLEAN[4]) as smtp:
        for part in early.split(b"|"):
            smtp.send(part)
            for _ in range(part.count(b"\n")):
                smtp.reply()
        smtp.cmd("QUIT", 221)
        assert "pipelining" in smtp.judged().field["findings"]


@pytest.mark.parametrize("group", [
    [b"MAIL FROM:<a@example.net>\r\nRCPT TO:<user@example.org>\r\nDATA\r\n"],
    [b"RSET\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<user@example.org>\r\nQUIT\r\n"],
    [b"NOOP\r\n", b"MAIL FROM:<a@example.net>\r\n", b"RCPT TO:<user@example.org>\r\nRSET\r\n"],
    [b"MAIL FROM:<a@exa", b"mple.net>\r\nRC", b"PT TO:<user@example.org>\r\n"]])
def test_pipelining_as_offered_is_no_fault(guard, group):
    gate = guard({"pipelining": {"mode": "reject"}})
    with Visitor(gate, CLEAN[4]) as smtp:
        assert "PIPELINING" in smtp.ehlo()
        for part in group:
            smtp.send(part)
        replies = [smtp.reply().code for _ in range(b"".join(group).count(b"\n"))]
        assert 550 not in replies, replies
        if replies[-1] == 354:
            smtp.send(message() + b".\r\n")
            smtp.expect(250)
        smtp.close()
    assert "pipelining" not in smtp.judged().field.get("findings", "")


@pytest.mark.parametrize("mode, score, code", [
    ("off", 9, 250), ("observe", 9, 250), ("score", 1, 250), ("score", 6, 550), ("reject", 1, 550)])
def test_a_message_sent_before_354_is_judged_at_its_end(guard, backend, mode, score, code):
    gate = guard({"pipelining": {"mode": mode, "score": score}})
    with Visitor(gate, CLEAN[4]) as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.send(b"DATA\r\n" + message() + b".\r\n")
        smtp.expect(354)
        reply = smtp.expect(code)
        smtp.quit()
        if code == 550:
            assert reply.enhanced == "5.7.1" and smtp.id() in reply.text
    assert len(backend.transactions) == (code == 250)


def test_authenticated_and_trusted_clients_may_hurry(guard):
    gate = guard({"pipelining": {"mode": "reject"}, "pregreet": {"mode": "reject"},
                  "commands": {"mode": "reject"}}, relay={"networks": ["203.0.113.0/24"]})
    with Visitor(gate, LISTED[4], first=EHLO + b"HELP\r\nFOO\r\n") as smtp:
        smtp.expect(250)
        smtp.reply()
        smtp.reply()
        smtp.envelope(recipients=["x@elsewhere.example"])
        smtp.data(message())


# What is not SMTP

@FAMILIES
@pytest.mark.parametrize("mode", ["off", "observe", "score", "reject"])
def test_what_is_not_smtp_in_each_mode(guard, backend, family, mode):
    """The session ends there in any case, so no verdict follows, but the log tells."""
    gate = guard({"commands": {"mode": mode, "score": 6}})
    with Visitor(gate, CLEAN[family]) as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.line("GET / HTTP/1.1")
        smtp.expect(554, "5.5.1")
        smtp.eof()
        wanted = {"off": None, "observe": "commands GET / HTTP/1.1 +6 (observed)"}
        entry = smtp.entry("disconnect")
        found = [e.field["findings"] for e in smtp.entries() if "findings" in e.field]
        assert found[-1:] == [t for t in [wanted.get(mode, "commands GET / HTTP/1.1 +6")] if t], \
            entry
    assert not backend.transactions


@pytest.mark.parametrize("line", ["POST /x HTTP/1.0", "CONNECT 192.0.2.1:25 HTTP/1.0",
                                  "Host: mx.example.org", "Subject: hello"])
def test_lines_that_no_mail_server_says(guard, line):
    gate = guard({"commands": {"score": 1}})
    with Visitor(gate, CLEAN[4]) as smtp:
        smtp.cmd(line, 554)
        smtp.eof()
        assert smtp.judged().field["findings"].startswith("commands ")


@pytest.mark.parametrize("line", ["VRFY user", "EXPN list", "HELP", "NOOP some words", "noop",
                                  "RSET", "MAIL FROM:<broken", "RCPT TO:<user@example.org>",
                                  "EHLO again.example.net", "AUTH PLAIN", "STARTTLS", "BDAT 0",
                                  "XUNKNOWN", "ETRN example.org", "TURN", "SEND FROM:<a@b.c>"])
def test_commands_that_are_smtp_are_no_fault_even_where_refused(guard, line):
    gate = guard({"commands": {"mode": "reject"}})
    with Visitor(gate, CLEAN[4]) as smtp:
        smtp.ehlo()
        smtp.cmd(line)
        smtp.cmd("RSET")
        smtp.close()
        assert "commands" not in smtp.judged().field.get("findings", "")


# Bare newlines

@FAMILIES
@MODES
def test_a_bare_newline_in_a_message_in_each_mode(guard, family, mode, score, by):
    gate = guard({"newlines": {"mode": mode, "score": score}}, bare_newline="normalize")
    with Visitor(gate, CLEAN[family]) as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.data(message(b"a\nb\r\n"), 550 if by else 250)
        smtp.quit()
        if mode != "off":
            assert "newlines" in smtp.judged().field["findings"]


def test_a_bare_newline_behind_a_command(guard):
    gate = guard({"newlines": {"score": 6}}, bare_newline="normalize")
    with Visitor(gate, CLEAN[4]) as smtp:
        smtp.send(b"EHLO client.example.net\n")
        smtp.expect(250)
        outcome(smtp, "newlines", "score", 6, "score")


def test_a_message_with_honest_newlines_is_no_fault(guard):
    gate = guard({"newlines": {"mode": "reject"}}, bare_newline="normalize")
    Visit(gate, CLEAN[4], body=b"a\r\n\r\n.b\r\n").accepted()


# Leaving without QUIT

def leave(gate, client, quit_first=False):
    with Visitor(gate, client) as smtp:
        smtp.ehlo()
        if quit_first:
            smtp.cmd("QUIT", 221)
    smtp.entry("disconnect")


@FAMILIES
@MODES
def test_leaving_without_quit_counts_at_the_next_connection(guard, family, mode, score, by):
    gate = guard({"hangup": {"mode": mode, "score": score, "least": 2}})
    leave(gate, CLEAN[family])
    leave(gate, CLEAN[family], quit_first=True)
    with Visitor(gate, CLEAN[family]) as smtp:
        assert "hangup" not in str(smtp.entries())
        smtp.ehlo()
    smtp.entry("disconnect")  # the second time
    with Visitor(gate, CLEAN[family]) as smtp:
        smtp.ehlo()
        outcome(smtp, "hangup", mode, score, by)
    Visit(gate, LISTED[family]).accepted()  # another client is not to blame


def test_leaving_with_quit_is_never_counted(guard):
    gate = guard({"hangup": {"mode": "reject", "least": 1}})
    for _ in range(3):
        leave(gate, CLEAN[4], quit_first=True)
    Visit(gate, CLEAN[4]).accepted()


# Delays

def delays(smtp, lines):
    out = []
    for line in lines:
        began = time.monotonic()
        smtp.cmd(line)
        out.append(time.monotonic() - began)
    return out


@pytest.mark.slow
def test_a_suspicious_client_that_errs_waits_longer_step_by_step(guard, dns):
    dns.zone("zen.example").list(LISTED[4])
    gate = guard({("dnsbl", "zen.example"): {"score": 3}}, doubts=True)
    with Visitor(gate, LISTED[4]) as smtp:
        smtp.ehlo()
        settle(0.2)
        took = delays(smtp, ["FOO", "BAR"])
    assert took[0] >= 0.9 and took[1] >= took[0] + 0.5 and max(took) < 6, took


def test_a_client_that_errs_a_little_does_not_wait(guard):
    gate = guard({})
    with Visitor(gate, CLEAN[4]) as smtp:
        smtp.ehlo()
        assert max(delays(smtp, ["FOO", "BAR", "RCPT TO:<x>"])) < 0.5


def test_allowed_clients_do_not_wait(guard, dns):
    dns.zone("zen.example").list(LISTED[4])
    gate = guard({("dnsbl", "zen.example"): {"score": 3}}, doubts=True, lists={"allow": ["203.0.113.0/24"]})
    with Visitor(gate, LISTED[4]) as smtp:
        smtp.ehlo()
        assert max(delays(smtp, ["FOO", "BAR", "BAZ"])) < 0.5


@pytest.mark.slow
def test_a_client_that_hurries_waits(guard):
    gate = guard({"pipelining": {"score": 1}})
    with Visitor(gate, CLEAN[4]) as smtp:
        began = time.monotonic()
        smtp.send(EHLO + b"NOOP\r\n")
        smtp.expect(250)
        smtp.expect(250)
        assert 0.9 < time.monotonic() - began < 6
