# SPDX-License-Identifier: ISC
"""Known good clients: who becomes one, what it spares them, and that they tell when a DNS list goes
wrong. Two distinct hours make one, so here a full hour strikes soon after the start."""

import time

import pytest

from harness import hours
from harness.visitor import CLEAN, LISTED, Visit, Visitor, at_once

ZEN = ("dnsbl", "zen.example")


@pytest.fixture
def over_the_hour(guard):
    """A gate and its full hour, `seconds` after the start."""
    why = hours.missing()
    if why:
        pytest.skip(why)

    def make(blocks, seconds=6, **more):
        hour = hours.FullHour(seconds)
        return guard(blocks, wrap=hour.wrap, **more), hour
    return make


def banner_after(gate, client):
    began = time.monotonic()
    with Visitor(gate, client) as smtp:
        took = time.monotonic() - began
        smtp.quit()
    return took


@pytest.mark.slow
def test_who_has_sent_good_mail_in_two_hours_waits_for_nothing(over_the_hour, make_backend):
    backend = make_backend(on={"dot": lambda session, _: (
        "550 5.7.1 not wanted" if b"refused@" in session.pending.mail else None)})
    gate, hour = over_the_hour({"pregreet": {"wait": "2s"}}, 5, to=backend)
    refused, once, stranger = "198.51.100.8", "198.51.100.9", "198.51.100.10"

    def send(client):
        name = "refused" if client == refused else "sender"
        assert Visit(gate, client, sender=f"{name}@example.net").passed is (name == "sender")
    at_once(send, [CLEAN[4], CLEAN[6], refused, once])
    hour.wait()
    at_once(send, [CLEAN[4], CLEAN[6], refused])
    waits = at_once(lambda client: banner_after(gate, client),
                    [CLEAN[4], CLEAN[6], refused, once, stranger])
    assert max(waits[:2]) < 0.7 and min(waits[2:]) > 1.7, waits


@pytest.mark.slow
def test_two_messages_in_one_hour_do_not_prove(over_the_hour):
    gate, hour = over_the_hour({"pregreet": {"wait": "1s", "teaser": False}}, 5)
    Visit(gate, CLEAN[4]).accepted()
    Visit(gate, CLEAN[4]).accepted()
    assert banner_after(gate, CLEAN[4]) > 0.8
    hour.wait()
    Visit(gate, CLEAN[4]).accepted()
    assert banner_after(gate, CLEAN[4]) < 0.5


@pytest.mark.slow
def test_known_clients_are_limited_only_at_a_time(over_the_hour):
    gate, hour = over_the_hour({"client-limits": {"messages": 2, "connections": 3,
                                                  "concurrent": 5}}, 3)
    Visit(gate, CLEAN[4]).accepted()
    hour.wait()
    Visit(gate, CLEAN[4]).accepted()
    for _ in range(4):
        Visit(gate, CLEAN[4]).accepted()
    Visit(gate, LISTED[4]).accepted()
    Visit(gate, LISTED[4]).accepted()
    assert Visit(gate, LISTED[4]).mail.code == 450


@pytest.mark.slow
@pytest.mark.parametrize("listed, rests", [(2, False), (3, True)])
def test_a_list_that_lists_a_share_of_known_clients_abstains(over_the_hour, dns, listed, rests):
    """Over 10 % of at least 20, in 10 minutes; strangers beside them, all listed, change nothing."""
    zone = dns.zone("zen.example")
    gate, hour = over_the_hour({ZEN: {"score": 1}}, 5)
    known = [f"198.51.100.{i}" for i in range(1, 21)]
    for client in known:
        Visit(gate, client).accepted()
    hour.wait()
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
