# SPDX-License-Identifier: ISC
"""Known good clients: who becomes one, what it spares them, and that they tell when a DNS list goes
wrong. Two distinct hours make one, and what is known of them outlives the daemon: between two of
its lives an hour passes here."""

import time

import pytest

from harness import hours
from harness.dns import wait_probed
from harness.visitor import CLEAN, LISTED, Visit, Visitor, at_once

ZEN = ("dnsbl", "zen.example")


def an_hour_later(gate, dns):
    """The same gate, which knows what it knew."""
    dns.forget()
    hours.pass_hour(gate)
    wait_probed(gate, dns)


def banner_after(gate, client):
    began = time.monotonic()
    with Visitor(gate, client) as smtp:
        took = time.monotonic() - began
        smtp.quit()
    return took


@pytest.mark.slow
def test_who_has_sent_good_mail_in_two_hours_waits_for_nothing(guard, dns, make_backend):
    backend = make_backend(on={"dot": lambda session, _: (
        "550 5.7.1 not wanted" if b"refused@" in session.pending.mail else None)})
    gate = guard({"pregreet": {"wait": "2s"}}, to=backend)
    refused, once, stranger = "198.51.100.8", "198.51.100.9", "198.51.100.10"

    def send(client):
        name = "refused" if client == refused else "sender"
        assert Visit(gate, client, sender=f"{name}@example.net").passed is (name == "sender")
    at_once(send, [CLEAN[4], CLEAN[6], refused, once])
    an_hour_later(gate, dns)
    at_once(send, [CLEAN[4], CLEAN[6], refused])
    waits = at_once(lambda client: banner_after(gate, client),
                    [CLEAN[4], CLEAN[6], refused, once, stranger])
    assert max(waits[:2]) < 0.7 and min(waits[2:]) > 1.7, waits


@pytest.mark.slow
def test_two_messages_in_one_hour_do_not_prove(guard, dns):
    gate = guard({"pregreet": {"wait": "1s", "teaser": False}})
    Visit(gate, CLEAN[4]).accepted()
    Visit(gate, CLEAN[4]).accepted()
    assert banner_after(gate, CLEAN[4]) > 0.8
    an_hour_later(gate, dns)
    Visit(gate, CLEAN[4]).accepted()
    assert banner_after(gate, CLEAN[4]) < 0.5


@pytest.mark.slow
def test_known_clients_are_limited_only_at_a_time(guard, dns):
    gate = guard({"client-limits": {"messages": 2, "connections": 3, "concurrent": 5}})
    Visit(gate, CLEAN[4]).accepted()
    an_hour_later(gate, dns)
    Visit(gate, CLEAN[4]).accepted()
    for _ in range(4):
        Visit(gate, CLEAN[4]).accepted()
    Visit(gate, LISTED[4]).accepted()
    Visit(gate, LISTED[4]).accepted()
    assert Visit(gate, LISTED[4]).mail.code == 450


@pytest.mark.slow
@pytest.mark.parametrize("listed, rests", [(2, False), (3, True)])
def test_a_list_that_lists_a_share_of_known_clients_abstains(guard, dns, listed, rests):
    """Over 10 % of at least 20, in 10 minutes; strangers beside them, all listed, change nothing."""
    zone = dns.zone("zen.example")
    gate = guard({ZEN: {"score": 1}})
    known = [f"198.51.100.{i}" for i in range(1, 21)]
    for client in known:
        Visit(gate, client).accepted()
    an_hour_later(gate, dns)
    for client in known:
        Visit(gate, client).accepted()
    for client in known[:listed]:
        zone.list(client)
    for i in range(1, 11):
        zone.list(f"203.0.113.{i}")
        assert "zen.example" in Visit(gate, f"203.0.113.{i}").accepted().scores()
    for client in known:
        Visit(gate, client).accepted()
    last = Visit(gate, "203.0.113.1").accepted()
    told = [e for e in gate.entries("list-sick") if "zen.example" in e.line]
    assert len(told) == (1 if rests else 0)
    assert ("zen.example" in last.abstained()) is rests
