# SPDX-License-Identifier: ISC
"""client-limits: what an address and a network may do, in each mode; who is exempt; and that the
memory of it is bounded and comes to its end."""

import contextlib
import os
import time

import pytest

from harness.client import message
from harness.visitor import CLEAN, LISTED, Visit, Visitor, at_once
from harness.wait import until

FAMILIES = pytest.mark.parametrize("family", [4, 6])
# Generous but for what a test is about.
OPEN = {"concurrent": 1000, "connections": 1000, "messages": 1000, "recipients": 1000,
        "failed-recipients": 1000, "failed-logins": 1000, "interval": "60s", "network-factor": 1000}


@pytest.fixture
def limited(guard):
    """A gate with the limits of the given `client-limits` options alone."""
    def make(blocks=None, **more):
        options = {k.replace("_", "-"): more.pop(k) for k in list(more)
                   if k.replace("_", "-") in OPEN or k in ("mode", "score", "suspicious_divisor",
                                                           "login_interval")}
        return guard({"client-limits": {**OPEN, **options}, **(blocks or {})}, **more)
    return make


def deferred(reply, smtp, code=450):
    assert reply.code == code and reply.enhanced.startswith("4.7."), reply
    assert smtp.id() in reply.text or code == 421, reply
    return reply


def neighbours(family, count, network=0):
    """Addresses of one /24 or /64."""
    return [f"198.51.{100 + network}.{i}" if family == 4 else f"2001:db8:0:{network:x}::{i:x}"
            for i in range(1, count + 1)]


# At a time

@FAMILIES
def test_connections_at_a_time_of_an_address(limited, family):
    gate = limited(concurrent=2)
    with Visitor(gate, CLEAN[family]), Visitor(gate, CLEAN[family]):
        with Visitor(gate, CLEAN[family], banner=False) as third:
            deferred(third.reply(), third, 421)
            third.eof()
        Visit(gate, LISTED[family]).accepted()
    until(lambda: len(gate.entries("disconnect")) == 4, "all have gone")
    Visit(gate, CLEAN[family]).accepted()


@FAMILIES
def test_connections_at_a_time_of_a_network(limited, family):
    gate = limited(concurrent=2, network_factor=2)
    with contextlib.ExitStack() as held:
        for client in neighbours(family, 4):
            held.enter_context(Visitor(gate, client))
        fifth = neighbours(family, 5)[-1]
        with Visitor(gate, fifth, banner=False) as smtp:
            assert "network" in deferred(smtp.reply(), smtp, 421).text
        Visit(gate, neighbours(family, 1, network=1)[0]).accepted()


def test_who_is_one_too_many_costs_no_descriptor(limited):
    """Sessions are counted, and these are none any more: held for as long as the client pleases they
    could be any number."""
    gate = limited(concurrent=1)
    with contextlib.ExitStack() as held:
        held.enter_context(Visitor(gate, CLEAN[4]))
        before = len(os.listdir(f"/proc/{gate.process.pid}/fd"))
        for _ in range(20):
            more = held.enter_context(Visitor(gate, CLEAN[4], banner=False))
            deferred(more.reply(), more, 421)
            more.eof()
        assert len(os.listdir(f"/proc/{gate.process.pid}/fd")) < before + 10


# In an interval

@FAMILIES
def test_connections_in_an_interval(limited, family):
    gate = limited(connections=3)
    for _ in range(3):
        Visit(gate, CLEAN[family]).accepted()
    with Visitor(gate, CLEAN[family], banner=False) as smtp:
        deferred(smtp.reply(), smtp, 421)
        smtp.eof()
    Visit(gate, LISTED[family]).accepted()


@FAMILIES
def test_messages_in_an_interval(limited, family, backend):
    gate = limited(messages=2)
    Visit(gate, CLEAN[family]).accepted()
    with Visitor(gate, CLEAN[family]) as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.data(message())
        assert "messages" in deferred(smtp.cmd("MAIL FROM:<a@example.net>"), smtp).text
        smtp.cmd("RCPT TO:<user@example.org>", 503)
        smtp.quit()
    Visit(gate, LISTED[family]).accepted()
    assert len(backend.transactions) == 3


@FAMILIES
def test_recipients_in_an_interval(limited, family, backend):
    gate = limited(recipients=3)
    with Visitor(gate, CLEAN[family]) as smtp:
        smtp.ehlo()
        smtp.envelope(recipients=["a@example.org", "b@example.org", "c@example.org"])
        assert "recipients" in deferred(smtp.cmd("RCPT TO:<d@example.org>"), smtp).text
        smtp.data(message())  # for those that were accepted
        smtp.quit()
    assert len(backend.transactions[0].rcpt) == 3
    assert Visit(gate, CLEAN[family]).rcpt.code == 450
    Visit(gate, LISTED[family]).accepted()


@FAMILIES
@pytest.mark.parametrize("who", ["the backend", "the recipients file"])
def test_failed_recipients_in_an_interval(limited, make_backend, family, who, folder):
    def rcpt(_, line):
        return "550 5.1.1 nobody" if b"nobody" in line else None
    backend = make_backend(on={"RCPT": rcpt} if who == "the backend" else {})
    more = {}
    if who != "the backend":
        (folder / "recipients").write_text("user@example.org\n", encoding="ascii")
        more = {"relay": {"recipients-file": folder / "recipients"}}
    gate = limited(failed_recipients=3, to=backend, **more)
    with Visitor(gate, CLEAN[family]) as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.cmd("RCPT TO:<user@example.org>", 250)
        for i in range(3):
            smtp.cmd(f"RCPT TO:<nobody{i}@example.org>", 550, "5.1.1")
        for name in ("nobody3", "user"):  # good or bad is no longer told
            deferred(smtp.cmd(f"RCPT TO:<{name}@example.org>"), smtp)
        smtp.data(message())
        smtp.quit()
    assert Visit(gate, CLEAN[family]).rcpt.code == 450
    Visit(gate, LISTED[family]).accepted()


@FAMILIES
def test_failed_logins_in_an_interval(limited, make_backend, family):
    backend = make_backend(["8BITMIME", "AUTH PLAIN"], on={"AUTH": "535 5.7.8 wrong"})
    gate = limited(failed_logins=2, to=backend, listen={"auth": "plain"},
                   limits={"errors-soft": 100, "errors-hard": 100})
    gate.wait_learned(["AUTH"], client=lambda: Visitor(gate, "10.0.0.1"))
    for _ in range(2):
        with Visitor(gate, CLEAN[family]) as smtp:
            smtp.ehlo()
            smtp.cmd("AUTH PLAIN AGpvZQB3cm9uZw==", 535)
    asked = sum(s.verbs.count("AUTH") for s in backend.sessions)
    with Visitor(gate, CLEAN[family]) as smtp:
        smtp.ehlo()
        reply = smtp.cmd("AUTH PLAIN AGpvZQB3cm9uZw==")
        assert reply.code in (421, 450, 454), reply
    assert sum(s.verbs.count("AUTH") for s in backend.sessions) == asked, "asked all the same"
    with Visitor(gate, LISTED[family]) as smtp:
        smtp.ehlo()
        smtp.cmd("AUTH PLAIN AGpvZQB3cm9uZw==", 535)


@FAMILIES
@pytest.mark.parametrize("option", ["connections", "messages", "recipients"])
def test_a_network_may_do_a_multiple(limited, family, option):
    gate = limited(**{option: 2, "network_factor": 2})
    for client in neighbours(family, 4):
        Visit(gate, client).accepted()
    visit = Visit(gate, neighbours(family, 5)[-1])
    reply = [r for r in (visit.banner, visit.mail, visit.rcpt) if r is not None][-1]
    assert reply.code in (421, 450) and "network" in reply.text
    Visit(gate, neighbours(family, 1, network=1)[0]).accepted()


def test_an_interval_ends(limited):
    gate = limited(messages=2, interval="1s")
    for _ in range(2):
        Visit(gate, CLEAN[4]).accepted()
    assert Visit(gate, CLEAN[4]).mail.code == 450
    # Slowly: what is refused counts, too.
    until(lambda: Visit(gate, CLEAN[4]).passed, "the client may again", interval=1.1)


@FAMILIES
def test_suspicious_clients_may_do_less(limited, dns, family):
    dns.zone("zen.example").list(LISTED[family])
    gate = limited(blocks={("dnsbl", "zen.example"): {"score": 3}}, recipients=8,
                   suspicious_divisor=4, doubts=True)
    with Visitor(gate, LISTED[family]) as smtp:
        smtp.ehlo()
        smtp.envelope(recipients=["a@example.org", "b@example.org"])
        deferred(smtp.cmd("RCPT TO:<c@example.org>"), smtp)
    Visit(gate, CLEAN[family], recipients=[f"u{i}@example.org" for i in range(8)]).accepted()


# Modes

@FAMILIES
@pytest.mark.parametrize("option", ["concurrent", "connections", "messages", "recipients"])
@pytest.mark.parametrize("mode", ["off", "observe", "score"])
def test_limits_that_do_not_refuse(limited, family, option, mode):
    gate = limited(**{option: 1, "mode": mode, "score": 3})
    with Visitor(gate, CLEAN[family]) as first:
        first.ehlo()
        first.envelope()
        first.data(message())
        visit = Visit(gate, CLEAN[family], recipients=["a@example.org", "b@example.org"]).accepted()
    assert [r.code for r in visit.rcpts] == [250, 250] and visit.verdict == ("pass", "score")
    assert ("client-limits" in visit.found) is (mode != "off")
    assert visit.score == (3 if mode == "score" else 0)


def test_a_limit_that_scores_may_reject(limited):
    gate = limited(messages=1, mode="score", score=6)

    def come(family):
        Visit(gate, CLEAN[family]).accepted()
        visit = Visit(gate, CLEAN[family])
        assert "messages" in visit.refused().text and visit.verdict == ("reject", "score")
    at_once(come, (4, 6))


@pytest.mark.parametrize("option, most", [("messages", 1), ("connections", 1), ("recipients", 1)])
def test_observe_lets_pass_and_tells_that_it_would_have_deferred(limited, option, most):
    gate = limited(blocks={"mode": "observe"}, **{option: most})
    assert Visit(gate, CLEAN[4]).accepted().entry.field.get("would") is None
    visit = Visit(gate, CLEAN[4]).accepted()
    assert visit.verdict[0] == "pass" and visit.entry.field["would"] == "defer"
    assert option in visit.found["client-limits"].answer


def test_observe_does_not_let_guess_passwords(limited, make_backend):
    backend = make_backend(["8BITMIME", "AUTH PLAIN"], on={"AUTH": "535 5.7.8 wrong"})
    gate = limited(failed_logins=2, to=backend, listen={"auth": "plain"},
                   blocks={"mode": "observe"})
    gate.wait_learned(["AUTH"], client=lambda: Visitor(gate, "10.0.0.1"))
    codes = []
    for _ in range(3):
        with Visitor(gate, CLEAN[4]) as smtp:
            smtp.ehlo()
            codes.append(smtp.cmd("AUTH PLAIN AGpvZQB3cm9uZw==").code)
    assert codes[:2] == [535, 535] and codes[2] in (421, 450, 454), codes


# Exempt

@pytest.mark.parametrize("client, more", [
    ("203.0.113.5", {"lists": {"allow": ["203.0.113.0/24"]}}),
    ("2001:db8:bad::5", {"lists": {"allow": ["2001:db8:bad::/48"]}}),
    ("203.0.113.5", {"relay": {"networks": ["203.0.113.0/24"]}}), ("10.1.2.3", {}), ("::1", {}),
    ("127.0.0.9", {})],
    ids=["allowed", "allowed IPv6", "trusted", "private", "loopback IPv6", "loopback"])
def test_who_is_not_limited(limited, client, more):
    gate = limited(concurrent=1, connections=1, messages=1, recipients=1, **more)
    with Visitor(gate, client):
        for _ in range(3):
            Visit(gate, client, recipients=["a@example.org", "b@example.org"]).accepted()


def test_a_denied_client_is_refused_for_that_not_for_its_number(limited):
    gate = limited(messages=1, recipients=1, lists={"deny": ["203.0.113.0/24"]})
    for _ in range(3):
        Visit(gate, LISTED[4]).refused()


# Bounds

def test_counts_outlive_a_reload(limited):
    gate = limited(messages=2)
    Visit(gate, CLEAN[4]).accepted()
    gate.reload()
    Visit(gate, CLEAN[4]).accepted()
    assert Visit(gate, CLEAN[4]).mail.code == 450


def test_connections_are_given_back_however_they_end(limited):
    gate = limited(concurrent=1)
    for i in range(12):
        smtp = Visitor(gate, CLEAN[4], banner=i % 2 == 0)
        if i % 3 == 0:
            smtp.ehlo() if i % 2 == 0 else smtp.send(b"EHLO x\r\n")
        (smtp.reset if i % 4 == 0 else smtp.close)()
        smtp.entry("disconnect")
    Visit(gate, CLEAN[4]).accepted()


@pytest.mark.slow
def test_a_flood_of_addresses_does_not_grow_it(limited):
    """Far from the bound, so this only shows that a record is small; peer_table_test shows that
    the bound holds."""
    gate = limited(messages=5)

    def resident():
        with open(f"/proc/{gate.process.pid}/smaps_rollup", encoding="ascii") as file:
            return int(next(li for li in file if li.startswith("Rss")).split()[1])
    began, count = None, 0
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with Visitor(gate, f"2001:db8:{count // 60000:x}:{count % 60000:x}::1") as smtp:
            smtp.quit()
        count += 1
        if count == 200:
            began = resident()
    grown = (resident() - began) * 1024
    assert count > 400 and grown < 4096 * (count - 200) + (1 << 20), (count, grown)
