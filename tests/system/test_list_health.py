# SPDX-License-Identifier: ISC
"""The health of DNS lists: canaries at start and later, what makes a list sick, that it abstains
then, is told once, and comes back by itself. A reload probes at once; else a sick list is probed
every minute."""

import pytest

from harness.dns import Delay, Drop, Rcode, Records, list_key
from harness.visitor import CLEAN, LISTED, Visit, at_once
from harness.wait import settle, until

ZEN, ALLOW, NAMES = ("dnsbl", "zen.example"), ("dnsbl", "allow.example"), ("rhsbl", "names.example")
POSITIVE, NEGATIVE = (list_key(c, "zen.example") for c in ("127.0.0.2", "127.0.0.1"))


def sick(gate, zone="zen.example"):
    """The line that tells it, when it comes."""
    return gate.wait_log(rf" list-sick .*{zone}", timeout=15)


def told(gate, event, zone="zen.example"):
    return [e for e in gate.entries(event) if zone in e.line]


# What makes it sick

FAULTS = {
    "lists the world": ("*.zen.example", Records("127.0.0.2"), "A"),
    "an error code for everyone": ("*.zen.example", Records("127.255.255.254"), "A"),
    "an address of an advertiser for everyone": ("*.zen.example", Records("192.0.2.80"), "A"),
    "127.0.0.1 for everyone": ("*.zen.example", Records("127.0.0.1"), "A"),
    "SERVFAIL": ("*.zen.example", Rcode("SERVFAIL"), None),
    "REFUSED": ("*.zen.example", Rcode("REFUSED"), None),
    "empty": ("*.zen.example", Rcode("NXDOMAIN"), None),
    "gone: the positive canary": (POSITIVE, Rcode("NXDOMAIN"), None),
    "the negative canary alone": (NEGATIVE, Records("127.0.0.2"), "A"),
    "SERVFAIL for the negative canary": (NEGATIVE, Rcode("SERVFAIL"), None),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_list_that_fails_its_canaries_abstains_and_is_told_once(guard, dns, fault):
    dns.zone("zen.example").list(LISTED[4], "127.0.0.2").list(LISTED[6], "127.0.0.2")
    dns.rule(*FAULTS[fault])
    gate = guard({ZEN: {"mode": "reject", "score": 1}})
    sick(gate)
    for family in (4, 6):  # IPv4's canaries judge both
        visit = Visit(gate, LISTED[family]).accepted()
        assert visit.score == 0 and "zen.example" in visit.abstained(), visit.entry
    assert len(told(gate, "list-sick")) == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_an_allow_list_that_fails_its_canaries_gives_no_trust(guard, dns, fault):
    pattern, action, kind = FAULTS[fault]
    dns.zone("bad.example").list(LISTED[4])
    dns.zone("zen.example").list(LISTED[4], "127.0.5.3")
    dns.rule(pattern, action, kind)
    gate = guard({("dnsbl", "bad.example"): {"score": 5}, ZEN: {"score": -5}})
    sick(gate)
    visit = Visit(gate, LISTED[4]).accepted()
    assert visit.score == 5 and "zen.example" in visit.abstained()


@pytest.mark.parametrize("fault", [("test.names.example", Rcode("NXDOMAIN")),
                                   ("*.names.example", Records("127.0.1.2"))],
                         ids=["empty", "lists the world"])
def test_lists_of_names_have_canaries_that_are_names(guard, dns, fault):
    dns.zone("names.example").list("client.example.net", "127.0.1.2")
    dns.rule(*fault, "A")
    gate = guard({NAMES: {"mode": "reject", "score": 1}})
    sick(gate, "names.example")
    Visit(gate, CLEAN[4]).accepted()


@pytest.mark.slow
def test_a_list_that_does_not_answer_its_canaries_is_sick(guard, dns):
    dns.zone("zen.example").list(LISTED[4])
    dns.rule(POSITIVE, Drop())
    gate = guard({ZEN: {"mode": "reject", "score": 1}})
    sick(gate)
    assert "zen.example" in Visit(gate, LISTED[4]).accepted().abstained()


# Before the first answer, and after the last

def test_until_its_canaries_are_answered_it_abstains(guard, dns):
    dns.zone("zen.example").list(LISTED[4])
    dns.rule(POSITIVE, Delay(2))
    gate = guard({ZEN: {"mode": "reject", "score": 1}}, probed=False)
    dns.wait_asked(POSITIVE)
    assert "zen.example" in Visit(gate, LISTED[4]).accepted().abstained()
    until(lambda: Visit(gate, LISTED[4]).rcpt.code == 550, "its canary is answered", interval=0.2)
    assert not gate.entries("list-sick")


def test_it_comes_back_by_itself_and_that_is_told_once(guard, dns):
    zone = dns.zone("zen.example").list(LISTED[4])
    lie = zone.lie("127.0.0.2")
    gate = guard({ZEN: {"mode": "reject", "score": 1}})
    sick(gate)
    Visit(gate, LISTED[4]).accepted()
    dns.drop_rule(lie)
    gate.reload()
    gate.wait_log(r" list-well .*zen\.example")
    Visit(gate, LISTED[4]).refused()
    Visit(gate, CLEAN[4]).accepted()
    assert len(told(gate, "list-sick")) == len(told(gate, "list-well")) == 1


def test_a_probe_is_not_answered_from_what_was_answered_before(guard, dns):
    dns.ttl = 3600
    zone = dns.zone("zen.example").list(LISTED[4])
    lie = zone.lie("127.0.0.2")
    gate = guard({ZEN: {"score": 6}})
    sick(gate)
    dns.drop_rule(lie)
    gate.reload()
    gate.wait_log(r" list-well .*zen\.example")
    dns.rule(POSITIVE, Rcode("NXDOMAIN"))
    before = gate.mark()
    gate.reload()
    gate.wait_log(r" list-sick .*zen\.example", before)


@pytest.mark.slow
def test_a_sick_list_is_probed_every_minute(guard, dns):
    """Seen from the outside without waiting for it: the probe goes on while nobody asks."""
    zone = dns.zone("zen.example").list(LISTED[4])
    zone.lie("127.0.0.2")
    gate = guard({ZEN: {"score": 6}})
    sick(gate)
    assert len(dns.asked(NEGATIVE)) == 1, "asked again at once: a list that fails is not hammered"


def test_its_health_outlives_a_reload(guard, dns):
    zone = dns.zone("zen.example").list(LISTED[4])
    gate = guard({ZEN: {"mode": "reject", "score": 1}})
    Visit(gate, LISTED[4]).refused()
    dns.rule(POSITIVE, Delay(3))
    dns.rule(NEGATIVE, Delay(3))
    gate.reload()
    Visit(gate, LISTED[4]).refused()
    assert not gate.entries("list-sick") and zone


# Canaries of its own, and none

def test_canaries_can_be_set(guard, dns):
    dns.zone("zen.example", canaries=False).list(LISTED[4]).list("127.0.0.9").list("127.0.0.1")
    gate = guard({ZEN: {"mode": "reject", "score": 1, "listed": "127.0.0.9",
                        "clean": "127.0.0.8"}})
    Visit(gate, LISTED[4]).refused()
    Visit(gate, CLEAN[4]).accepted()
    assert not gate.entries("list-sick")
    assert not dns.asked(POSITIVE) and not dns.asked(NEGATIVE)


def test_canaries_can_be_off(guard, dns):
    dns.zone("zen.example", canaries=False).list(LISTED[4])
    gate = guard({ZEN: {"mode": "reject", "score": 1, "listed": "off", "clean": "off"}})
    Visit(gate, LISTED[4]).refused()
    Visit(gate, CLEAN[4]).accepted()
    assert not gate.entries("list-sick")
    assert not dns.asked(POSITIVE) and not dns.asked(NEGATIVE)


def test_only_one_prober_whatever_the_number_of_workers(guard, dns):
    dns.zone("zen.example")
    guard({ZEN: {"score": 6}}, workers=4)
    settle(0.2)
    assert len(dns.asked(POSITIVE)) == len(dns.asked(NEGATIVE)) == 1


# Look-ups

def crowd(gate, count, network="203.0.113"):
    return at_once(lambda i: Visit(gate, f"{network}.{i}"), range(1, count + 1))


def test_any_number_of_listed_strangers_never_trips_it(guard, dns):
    zone = dns.zone("zen.example")
    for i in range(1, 61):
        zone.list(f"203.0.113.{i}")
    gate = guard({ZEN: {"mode": "reject", "score": 1}})
    for visit in crowd(gate, 60):
        visit.refused()
    assert not gate.entries("list-sick")


@pytest.mark.slow
def test_a_list_that_times_out_past_a_share_abstains_at_once(guard, dns):
    dns.zone("zen.example").list(LISTED[4])
    dns.rule("*.113.0.203.zen.example", Drop())
    gate = guard({ZEN: {"score": 6}}, resolver={"query-timeout": "500ms", "timeout": "1s"})
    for visit in crowd(gate, 30, "203.0.113"):
        visit.accepted()
        assert "zen.example" in visit.abstained()
    sick(gate)
    dns.forget()
    visit = Visit(gate, "203.0.113.200").accepted()
    assert "zen.example" in visit.abstained()
    assert not dns.asked(list_key("203.0.113.200", "zen.example")), "asked though it is sick"
    assert len(told(gate, "list-sick")) == 1


def test_one_sick_list_does_not_silence_another(guard, dns):
    dns.zone("zen.example").lie("127.0.0.2")
    dns.zone("also.example").list(LISTED[4])
    gate = guard({ZEN: {"score": 1}, ("dnsbl", "also.example"): {"score": 5}})
    sick(gate)
    visit = Visit(gate, LISTED[4]).accepted()
    assert visit.score == 5
