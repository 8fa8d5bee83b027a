# SPDX-License-Identifier: ISC
"""DNS lists: in each mode, by codes and sums, block and allow zones, of addresses and of names; what
is an error and never a listing; who is never looked up; and that a query key stays secret."""

import subprocess
import time

import pytest

from harness.client import message
from harness.control import run_ctl
from harness.dns import Delay, Forward, Rcode, Records, list_key
from harness.visitor import CLEAN, LISTED, Visit, Visitor, at_once
from harness.wait import until

ZEN, ALSO, ALLOW = ("dnsbl", "zen.example"), ("dnsbl", "also.example"), ("dnsbl", "allow.example")
NAMES = ("rhsbl", "names.example")
FAMILIES = pytest.mark.parametrize("family", [4, 6])


# Modes

@FAMILIES
@pytest.mark.parametrize("mode, score, by", [
    ("observe", 6, None), ("score", 6, "score"), ("score", 5.99, None), ("reject", 1, "rule")])
def test_a_listed_client_in_each_mode(guard, dns, family, mode, score, by):
    dns.zone("zen.example").list(LISTED[family], "127.0.0.4")
    gate = guard({ZEN: {"mode": mode, "score": score}})
    visit = Visit(gate, LISTED[family])
    assert visit.found["zen.example"].answer == "127.0.0.4"
    if by:
        assert "listed by zen.example" in visit.refused().text
        assert visit.verdict == ("reject", by)
    else:
        visit.accepted()
    seen = visit.observed() if mode == "observe" else visit.scores()
    assert seen == {"zen.example": score}
    assert visit.score == (0 if mode == "observe" else score)


@FAMILIES
@pytest.mark.parametrize("mode", ["observe", "score", "reject"])
def test_a_clean_client_passes_in_each_mode(guard, dns, family, mode):
    zone = dns.zone("zen.example").list(LISTED[family])
    visit = Visit(guard({ZEN: {"mode": mode, "score": 6}}), CLEAN[family]).accepted()
    assert zone.asked(CLEAN[family])
    assert visit.score == 0 and not visit.findings


@FAMILIES
def test_a_zone_that_is_off_is_never_asked(guard, dns, family):
    dns.zone("zen.example").list(LISTED[family])
    Visit(guard({ZEN: {"mode": "off", "score": 6}}), LISTED[family]).accepted()
    assert not dns.asked("*.zen.example")


# The reply

def test_the_reply_names_the_reason_the_session_and_the_url(guard, dns):
    dns.zone("zen.example").list(LISTED[4])
    gate = guard({ZEN: {"mode": "reject", "score": 1}}, reject_url="https://help.example/%i")
    visit = Visit(gate, LISTED[4])
    assert visit.rcpt.raw.decode() == (
        f"550 5.7.1 Refused: listed by zen.example ({visit.id}, https://help.example/{visit.id})"
        "\r\n")


# Codes

CODES = ["127.0.0.2-127.0.0.3=4", "127.0.0.4-127.0.0.7=6", "127.0.0.10=2.5"]


def test_the_highest_code_counts_and_codes_not_named_count_nothing(guard, dns):
    zone = dns.zone("zen.example")
    gate = guard({ZEN: {"score": 9, "codes": CODES}, "thresholds": {"reject": 50, "tarpit": 99}})
    for i, (answer, score) in enumerate([
            (["127.0.0.2"], 4), (["127.0.0.3"], 4), (["127.0.0.7"], 6), (["127.0.0.10"], 2.5),
            (["127.0.0.3", "127.0.0.10"], 4), (["127.0.0.10", "127.0.0.4", "127.0.0.2"], 6),
            (["127.0.0.8"], 0), (["127.0.1.2"], 0), (["127.0.0.8", "127.0.0.10"], 2.5)]):
        zone.list(f"203.0.113.{i}", *answer)
        assert Visit(gate, f"203.0.113.{i}").accepted().score == score, answer


def test_without_codes_any_code_counts_the_score_once(guard, dns):
    dns.zone("zen.example").list(LISTED[4], "127.0.0.9", "127.0.1.77", "127.3.2.1")
    assert Visit(guard({ZEN: {"score": 3}}), LISTED[4]).accepted().score == 3


@pytest.mark.parametrize("factor, score", [(1, 6), (0.5, 3), (0, 0)])
def test_a_listed_ipv6_client_counts_by_the_factor_an_ipv4_client_does_not(guard, dns, factor,
                                                                        score):
    dns.zone("zen.example").list(LISTED[4]).list(LISTED[6])
    gate = guard({ZEN: {"score": 6, "ipv6-factor": factor},
                  "thresholds": {"reject": 50, "tarpit": 99}})
    assert Visit(gate, LISTED[6]).accepted().score == score
    assert Visit(gate, LISTED[4]).accepted().score == 6


# Sums

def test_zones_sum(guard, dns):
    dns.zone("zen.example").list(LISTED[4]).list("203.0.113.6")
    dns.zone("also.example").list(LISTED[4]).list("203.0.113.7")
    gate = guard({ZEN: {"score": 3.5}, ALSO: {"score": 2.5}})
    visit = Visit(gate, LISTED[4])
    visit.refused()
    assert visit.score == 6
    assert visit.scores() == {"zen.example": 3.5, "also.example": 2.5}
    for single in ("203.0.113.6", "203.0.113.7"):
        Visit(gate, single).accepted()


@FAMILIES
def test_an_allow_zone_cancels(guard, dns, family):
    dns.zone("zen.example").list(LISTED[family])
    dns.zone("allow.example").list(LISTED[family], "127.0.5.2")
    visit = Visit(guard({ZEN: {"score": 6}, ALLOW: {"score": -4.5}}), LISTED[family]).accepted()
    assert visit.score == 1.5 and visit.verdict == ("pass", "score")


def test_an_allow_zones_codes_tell_how_far_it_trusts(guard, dns):
    dns.zone("zen.example").list(LISTED[4]).list("203.0.113.6")
    dns.zone("allow.example").list(LISTED[4], "127.0.5.0").list("203.0.113.6", "127.0.5.3")
    gate = guard({ZEN: {"score": 8},
                  ALLOW: {"score": -1, "codes": ["127.0.5.0=-1", "127.0.5.3=-6"]}})
    Visit(gate, LISTED[4]).refused()
    assert Visit(gate, "203.0.113.6").accepted().score == 2


def test_all_zones_are_asked_in_parallel(guard, dns):
    zones = [f"list{i}.example" for i in range(8)]
    for zone in zones:
        dns.zone(zone).list(LISTED[4])
        dns.rule(list_key(LISTED[4], zone), Delay(1.5))
    gate = guard({("dnsbl", zone): {"score": 1} for zone in zones})
    began = time.monotonic()
    visit = Visit(gate, LISTED[4])
    visit.refused()
    assert time.monotonic() - began < 6 and visit.score == 8


# Errors

ERRORS = ["127.255.255.252", "127.255.255.254", "127.255.255.255", "127.255.255.1", "127.0.0.1",
          "192.0.2.1", "10.0.0.2", "128.0.0.2", "0.0.0.0"]


def test_an_error_code_is_never_a_listing(guard, dns):
    zone = dns.zone("zen.example")
    gate = guard({ZEN: {"mode": "reject", "score": 9}})
    for i, answer in enumerate(ERRORS):
        zone.list(f"203.0.113.{i}", answer)
        visit = Visit(gate, f"203.0.113.{i}").accepted()
        assert visit.score == 0 and answer in visit.abstained()["zen.example"], visit.entry


def test_an_error_code_is_never_trust(guard, dns):
    zone, allow = dns.zone("zen.example"), dns.zone("allow.example")
    gate = guard({ZEN: {"score": 6}, ALLOW: {"score": -6}})
    answers = ["127.0.0.255", "127.0.10.3", "127.0.10.0", *ERRORS]
    for i, answer in enumerate(answers):
        zone.list(f"203.0.113.{i}")
        allow.list(f"203.0.113.{i}", answer)
    visits = at_once(lambda i: Visit(gate, f"203.0.113.{i}"), range(len(answers)))
    for answer, visit in zip(answers, visits):
        visit.refused()
        assert visit.score == 6 and answer in visit.abstained()["allow.example"], visit.entry


def test_an_error_beside_a_listing_is_an_error(guard, dns):
    dns.zone("zen.example").list(LISTED[4], "127.0.0.2", "127.255.255.255")
    assert Visit(guard({ZEN: {"score": 9}}), LISTED[4]).accepted().score == 0


def test_a_zone_that_fails_abstains(guard, dns):
    zone, also = dns.zone("zen.example"), dns.zone("also.example")
    gate = guard({ZEN: {"score": 6}, ALSO: {"score": 2}})
    for i, rcode in enumerate(("SERVFAIL", "REFUSED", "FORMERR", "NOTIMP", "NOTAUTH")):
        zone.list(f"203.0.113.{i}")
        also.list(f"203.0.113.{i}")
        dns.rule(zone.key(f"203.0.113.{i}"), Rcode(rcode))
        visit = Visit(gate, f"203.0.113.{i}").accepted()
        assert visit.score == 2 and "zen.example" in visit.abstained(), rcode


def test_no_address_under_a_listed_name_is_not_listed(guard, dns):
    zone = dns.zone("zen.example")
    dns.add(zone.key(LISTED[4]), "TXT", "a text alone is no listing")
    visit = Visit(guard({ZEN: {"score": 9}}), LISTED[4]).accepted()
    assert not visit.findings


# Who is never looked up

def test_private_and_loopback_clients_are_never_looked_up(guard, dns):
    zone = dns.zone("zen.example")
    gate = guard({ZEN: {"score": 9}, NAMES: {"score": 9, "listed": "off", "clean": "off"},
                  "reverse-dns": {}, "helo": {}, "sender-domain": {}})
    zone.lie("127.0.0.2")
    dns.forget()
    for client in ("10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.1.1",
                   "127.0.0.9", "::1", "fe80::1", "fd00::1", "fc00::1", "::ffff:10.0.0.1"):
        visit = Visit(gate, client).accepted()
        assert not dns.queries, (client, dns.queries)
        assert visit.score == 0


def test_trusted_networks_are_never_looked_up(guard, dns):
    zone = dns.zone("zen.example")
    gate = guard({ZEN: {"score": 9}, "reverse-dns": {}, "helo": {}, "sender-domain": {}},
                 relay={"networks": ["203.0.113.0/24", "2001:db8:bad::/48"]})
    zone.lie("127.0.0.2")
    dns.forget()
    for family in (4, 6):
        Visit(gate, LISTED[family], recipients=["x@elsewhere.example"]).accepted()
    assert not dns.queries, dns.queries


# Lists of names

@pytest.mark.parametrize("what", ["helo", "sender", "reverse"])
@pytest.mark.parametrize("mode, score, by", [
    ("observe", 6, None), ("score", 6, "score"), ("score", 2, None), ("reject", 1, "rule")])
@FAMILIES
def test_a_listed_name_in_each_mode(guard, dns, what, mode, score, by, family):
    dns.zone("names.example").list("bad.example.net", "127.0.1.2")
    if what == "reverse":
        dns.client(LISTED[family], "bad.example.net")
    gate = guard({NAMES: {"mode": mode, "score": score}, "reverse-dns": {}})
    words = {"helo": {"helo": "bad.example.net"},
             "sender": {"sender": "someone@Bad.Example.NET"}, "reverse": {}}[what]
    visit = Visit(gate, LISTED[family], **words)
    if by:
        assert "names.example" in visit.refused().text
        assert visit.verdict == ("reject", by)
    else:
        visit.accepted()
    assert any("127.0.1.2" in f.text for f in visit.findings if "names.example" in f.text)
    assert Visit(gate, CLEAN[family]).accepted()


def test_a_list_that_has_several_names_of_a_client_counts_once(guard, dns):
    dns.zone("names.example").list("bad.example.net", "127.0.1.2").list("worse.example.net",
                                                                        "127.0.1.4")
    dns.client(LISTED[4], "bad.example.net")
    gate = guard({NAMES: {"score": 3, "codes": ["127.0.1.2", "127.0.1.4=4"]}, "reverse-dns": {}})
    visit = Visit(gate, LISTED[4], helo="bad.example.net", sender="a@worse.example.net").accepted()
    assert visit.score == 4 and visit.scores() == {"names.example": 4}
    assert len([f for f in visit.findings if "(counted once)" in f.text]) == 2


def test_a_list_of_names_is_never_asked_for_addresses(guard, dns):
    zone = dns.zone("names.example")
    gate = guard({NAMES: {"score": 9}})
    zone.lie("127.0.1.2")
    dns.forget()
    for helo in ("[203.0.113.5]", "[IPv6:2001:db8::5]", "203.0.113.5"):
        Visit(gate, LISTED[4], helo=helo, sender="").accepted()
    for name in ("a@[203.0.113.5]", "a@[IPv6:2001:db8::5]"):
        with Visitor(gate, LISTED[4]) as smtp:
            smtp.ehlo("[203.0.113.5]")
            smtp.cmd(f"MAIL FROM:<{name}>")
    assert not dns.asked("*.names.example"), dns.queries


def test_another_sender_is_another_question(guard, dns):
    dns.zone("names.example").list("bad.example.net")
    gate = guard({NAMES: {"mode": "reject", "score": 1}})
    with Visitor(gate, CLEAN[4]) as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@bad.example.net>", 250)
        smtp.cmd("RCPT TO:<user@example.org>", 550, "5.7.1")
        smtp.cmd("RSET", 250)
        smtp.cmd("MAIL FROM:<a@good.example.net>", 250)
        smtp.cmd("RCPT TO:<user@example.org>", 250)


# The key

KEY = "k3yofth1s1nstallation"


def test_a_query_key_never_shows(guard, dns):
    zone = f"{KEY}.zen.dq.example"
    dns.zone(zone).list(LISTED[4])
    gate = guard({("dnsbl", zone): {"mode": "reject", "score": 1, "name": "zen.dq.example"},
                  ("rhsbl", f"{KEY}.dbl.dq.example"): {"score": 1, "name": "dbl.dq.example"}},
                 resolver={"query-timeout": "500ms", "timeout": "1s"})
    visit = Visit(gate, LISTED[4])
    assert "listed by zen.dq.example" in visit.refused().text
    dns.dead()  # faults and sickness are told by the name, too
    Visit(gate, CLEAN[4], helo="other.example.net").accepted()
    until(lambda: run_ctl("--socket", gate.socket, "explain", CLEAN[4]).returncode == 0,
          "the last record in the store")
    told = [gate.ctl(*words, json=json) for json in (False, True)
            for words in (["explain", LISTED[4]], ["explain", CLEAN[4]], ["lookup", LISTED[4]],
                          ["test", "--client", LISTED[4], "--to", "user@example.org"],
                          ["dns-lists"], ["status"], ["stats"])]
    gate.stop()
    assert "zen.dq.example" in told[0]
    assert KEY not in str(told)
    assert KEY not in visit.rcpt.text
    assert KEY not in gate.log_file.read_text()
    for file in gate.state.iterdir():
        assert KEY.encode() not in file.read_bytes(), file


def test_a_key_is_masked_without_being_told(guard, dns):
    zone = f"{KEY}.zen.dq.spamhaus.net"
    dns.zone(zone).list(LISTED[4])
    gate = guard({("dnsbl", zone): {"mode": "reject", "score": 1}})
    visit = Visit(gate, LISTED[4])
    assert "zen.dq.spamhaus.net" in visit.refused().text
    gate.stop()
    assert KEY not in visit.rcpt.text + gate.log_file.read_text()


# The cache

def test_answers_are_kept_for_their_ttl_negative_ones_too(guard, make_dns):
    dns = make_dns(ttl=300)
    zone = dns.zone("zen.example").list(LISTED[4])
    gate = guard({ZEN: {"mode": "reject", "score": 1}}, dns=dns, workers=1)
    for _ in range(3):
        Visit(gate, LISTED[4]).refused()
        Visit(gate, CLEAN[4]).accepted()
    assert len(zone.asked(LISTED[4])) == len(zone.asked(CLEAN[4])) == 1


def test_an_answer_is_not_kept_beyond_its_ttl(guard, make_dns):
    dns = make_dns(ttl=1)
    zone = dns.zone("zen.example").list(LISTED[4])
    gate = guard({ZEN: {"mode": "reject", "score": 1}}, dns=dns, workers=1)
    Visit(gate, LISTED[4]).refused()
    zone.unlist(LISTED[4])
    until(lambda: Visit(gate, LISTED[4]).passed, "the client is off the list", interval=0.2)


def test_identical_questions_in_flight_are_asked_once(guard, dns):
    zone = dns.zone("zen.example")
    dns.rule(zone.key(LISTED[4]), Delay(1, Records("127.0.0.2")), "A")
    gate = guard({ZEN: {"mode": "reject", "score": 1}}, workers=1)
    visitors = [Visitor(gate, LISTED[4]) for _ in range(10)]
    for smtp in visitors:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.line("RCPT TO:<user@example.org>")
    for smtp in visitors:
        smtp.expect(550, "5.7.1")
        smtp.close()
    assert len(zone.asked(LISTED[4])) == 1


def test_questions_carry_edns(guard, dns):
    dns.zone("zen.example")
    Visit(guard({ZEN: {"score": 6}}), CLEAN[4]).accepted()
    assert dns.queries and all(q.edns for q in dns.queries)


# Real parts

REAL = [("bl.example", "ip4set", [":127.0.0.4:XBL", "127.0.0.2", "203.0.113.0/24",
                                  ":127.0.0.2:SBL", "198.51.100.66"]),
        ("bl.example", "ip6trie", [":127.0.0.4:XBL", "::ffff:7f00:2", "2001:db8:bad::/48"]),
        ("wl.example", "ip4set", [":127.0.5.3:trusted", "127.0.0.2", "203.0.113.9"]),
        ("rh.example", "dnset", [":127.0.1.2:spam", "test", ".bad.example.net"])]
REAL_BLOCKS = {("dnsbl", "bl.example"): {"score": 6, "codes": ["127.0.0.2=3", "127.0.0.4=6"]},
               ("dnsbl", "wl.example"): {"score": -5}, ("rhsbl", "rh.example"): {"score": 6}}


@pytest.fixture
def real(rbldnsd, dns):
    """rbldnsd's zones in the world's DNS."""
    server = rbldnsd(*REAL)
    for zone in ("bl.example", "wl.example", "rh.example"):
        dns.rule("*." + zone, Forward(server))
    return server


def test_rbldnsds_zones_decide(guard, real):
    gate = guard(REAL_BLOCKS)
    cases = [("203.0.113.5", {}, 550, 6), ("2001:db8:bad::5", {}, 550, 6),
             ("198.51.100.66", {}, 250, 3), ("203.0.113.9", {}, 250, 1),
             ("198.51.100.7", {}, 250, 0), ("2001:db8:900d::7", {}, 250, 0),
             ("198.51.100.7", {"helo": "mail.bad.example.net"}, 550, 6),
             ("198.51.100.7", {"sender": "x@bad.example.net"}, 550, 6)]
    visits = at_once(lambda case: Visit(gate, case[0], **case[1]), cases)
    for visit, (_, _, code, score) in zip(visits, cases):
        assert (visit.rcpt.code, visit.score) == (code, score), visit.entry


def test_rbldnsd_alone_as_the_only_server(guard, rbldnsd):
    """It refuses to answer for other names: those questions abstain."""
    server = rbldnsd(*REAL)
    gate = guard({**REAL_BLOCKS, "reverse-dns": {}, "helo": {}, "sender-domain": {}}, dns=server,
                 probed=False)
    until(lambda: Visit(gate, "203.0.113.5").rcpt.code == 550, "the lists are probed")
    visit = Visit(gate, "198.51.100.7").accepted()
    assert visit.score == 0 and visit.abstained()


def swaks(gate, version, client, wanted):
    kind, server = ("6", "2001:db8::fa") if ":" in client else ("4", "192.0.2.250")
    words = ["--proxy-family", f"TCP{kind}" if version == 1 else f"AF_INET{kind.strip('4')}"]
    if version == 2:
        words += ["--proxy-version", "2", "--proxy-protocol", "STREAM"]
    done = subprocess.run(
        ["swaks", "--server", "127.0.0.1", "--port", str(gate.port), "--from", "a@example.net",
         "--to", "user@example.org", "--helo", "client.example.net", "--timeout", "10", *words,
         "--proxy-source", client, "--proxy-source-port", "4321", "--proxy-dest", server,
         "--proxy-dest-port", "25"], capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, timeout=30)
    assert done.returncode == wanted, done.stdout + done.stderr
    if wanted:
        assert "550 5.7.1 Refused: listed by bl.example" in done.stdout


@pytest.mark.parametrize("version", [1, 2])
def test_swaks_as_the_client(guard, real, version):
    gate = guard(REAL_BLOCKS)
    at_once(lambda case: swaks(gate, version, *case),
            [("203.0.113.5", 24), ("198.51.100.7", 0), ("2001:db8:bad::5", 24),
             ("2001:db8:900d::7", 0)])


def test_postfix_as_the_client_delivers_with_all_checks_on(guard, real, postfix, dns, backend):
    """From 127.0.0.1, so through a listener without a balancer: exempt from look-ups, and what it
    says is no fault of behaviour."""
    gate = guard({**REAL_BLOCKS, **{name: {"mode": "score"} for name in (
        "reverse-dns", "helo", "sender-domain", "pregreet", "pipelining", "commands", "newlines",
        "hangup", "client-limits")}}, listens={"direct": {}})
    client = postfix(settings={
        "transport_maps": "static:smtp:[127.0.0.1]:%d" % gate.addresses["direct"][1],
        "relay_domains": "", "default_transport": "smtp"})
    for i in range(3):
        client.sendmail(message(b"number %d\r\n" % i), "-f", "sender@example.net",
                        "user@example.org")
    backend.wait_transactions(3)
    until(lambda: len(gate.entries("transaction")) == 3, "three lines")
    for entry in gate.entries("transaction"):
        assert entry.field["verdict"] == "pass" and float(entry.field["score"]) == 0, entry
