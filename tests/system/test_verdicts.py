# SPDX-License-Identifier: ISC
"""From findings to a verdict: thresholds, precedence, what outweighs what, what is told to the client
and to the log; and that nothing of all this loosens the relay rule."""

import signal
import subprocess

import pytest

from harness.client import message
from harness.dns import Delay, list_key
from harness.visitor import CLEAN, LISTED, Visit, Visitor
from harness.wait import settle, until

ZEN = ("dnsbl", "zen.example")
OUT = ["203.0.113.0/24", "2001:db8:bad::/48"]  # where LISTED are


@pytest.fixture
def scoring(guard, dns):
    """A gate by which LISTED have the given score, or by default are refused by a rule."""
    def make(score=1, mode="reject", **more):
        dns.zone("zen.example").list(LISTED[4]).list(LISTED[6])
        return guard({ZEN: {"score": score, "mode": mode}, **more.pop("blocks", {})}, **more)
    return make


@pytest.fixture
def doubting(scoring):
    """The same, with the default threshold of suspicion."""
    return lambda score, mode="score", **more: scoring(score, mode, doubts=True, **more)


# Thresholds

@pytest.mark.parametrize("score, verdict, code", [
    (-3, "pass", 250), (1.99, "pass", 250), (2, "suspicious", 250), (5.99, "suspicious", 250),
    (6, "reject", 550), (9.99, "reject", 550)])
@pytest.mark.parametrize("family", [4, 6])
def test_the_default_thresholds_are_at_or_above(doubting, family, score, verdict, code):
    visit = Visit(doubting(score), LISTED[family])
    assert visit.rcpt.code == code
    assert visit.verdict == (verdict, "score") and visit.score == score


@pytest.mark.parametrize("score, verdict, code", [
    (0.99, "pass", 250), (1, "suspicious", 250), (3, "reject", 550)])
def test_thresholds_are_set_by_their_section(doubting, score, verdict, code):
    gate = doubting(score, thresholds={"greylist": 1, "reject": 3, "tarpit": 20})
    visit = Visit(gate, LISTED[4])
    assert (visit.rcpt.code, visit.verdict[0]) == (code, verdict)


def test_a_listener_may_have_its_own(doubting):
    strict = {"proxy-protocol-from": ["127.0.0.0/8"], "greylist-threshold": 0.5,
              "reject-threshold": 3}
    mild = {"proxy-protocol-from": ["127.0.0.0/8"], "greylist-threshold": 50,
            "reject-threshold": 60, "tarpit-threshold": 70}
    gate = doubting(4, listens={"strict": strict, "mild": mild})
    assert Visit(gate, LISTED[4]).accepted().verdict[0] == "suspicious"
    Visit(gate, LISTED[4], listen="strict").refused()
    assert Visit(gate, LISTED[4], listen="mild").accepted().verdict[0] == "pass"
    assert Visit(gate, LISTED[4]).accepted().verdict[0] == "suspicious"


def test_negative_scores_of_one_check_cancel_another(guard, dns):
    dns.zone("zen.example").list(LISTED[4])
    gate = guard({ZEN: {"score": -5}, "helo": {"not-fqdn": 7}})
    assert Visit(gate, LISTED[4], helo="short").accepted().score == 2
    Visit(gate, CLEAN[4], helo="short").refused(enhanced=None)


def test_a_rule_is_not_outweighed(guard, dns):
    """mode = reject refuses alone, whatever the sum."""
    dns.zone("zen.example").list(LISTED[4])
    gate = guard({ZEN: {"score": -50}, "helo": {"mode": "reject", "not-fqdn": 1}})
    visit = Visit(gate, LISTED[4], helo="short")
    visit.refused(enhanced=None)
    assert visit.verdict == ("reject", "rule")


# Precedence

@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("lists, relay, code, verdict", [
    ({"allow": OUT}, [], 250, ("pass", "allow")),
    ({"allow": OUT, "deny": OUT}, [], 250, ("pass", "allow")),
    ({"deny": OUT}, [], 550, ("reject", "deny")),
    ({"deny": OUT}, OUT, 550, ("reject", "deny")),
    ({}, OUT, 250, ("pass", "trust")),
    ({}, [], 550, ("reject", "rule"))],
    ids=["allow", "allow beats deny", "deny", "deny beats trust", "trust beats rules", "rule"])
def test_the_precedence(scoring, family, lists, relay, code, verdict):
    gate = scoring(lists=lists, relay={"networks": relay})
    visit = Visit(gate, LISTED[family])
    assert visit.rcpt.code == code and visit.verdict == verdict
    if code == 550:
        visit.refused()


def test_a_denied_client_is_told_so_and_others_are_not(scoring):
    gate = scoring(1, "score", lists={"deny": ["198.51.100.7", "2001:db8:900d::/48"]})
    for family in (4, 6):
        assert "your address" in Visit(gate, CLEAN[family]).refused().text
        Visit(gate, LISTED[family]).accepted()


def test_allowed_and_denied_clients_are_not_looked_up(scoring, dns):
    gate = scoring(9, lists={"allow": ["203.0.113.5"], "deny": ["2001:db8:bad::/48"]})
    dns.forget()
    Visit(gate, LISTED[4]).accepted()
    Visit(gate, LISTED[6]).refused()
    assert not dns.queries


def test_an_authenticated_client_passes(gatepost, scoring, make_backend, authority):
    backend = make_backend(["AUTH PLAIN", "8BITMIME"])
    gate = scoring(to=backend, tls=True)
    gate.wait_learned(["AUTH"], client=lambda: _secure(gate))
    with _secure(gate) as smtp:
        smtp.ehlo()
        smtp.cmd("AUTH PLAIN AGFsaWNlAHNlY3JldA==", 235)
        smtp.envelope(recipients=["user@example.org", "x@elsewhere.example"])
        smtp.data(message())
        smtp.quit()
        entry = smtp.judged()
    assert (entry.field["verdict"], entry.field["by"]) == ("pass", "trust")


def _secure(gate):
    smtp = Visitor(gate, LISTED[4])
    smtp.ehlo()
    smtp.starttls()
    return smtp


# postmaster and abuse

@pytest.mark.parametrize("name", ["postmaster", "abuse", "PostMaster", "ABUSE"])
@pytest.mark.parametrize("mode", ["score", "reject"])
def test_postmaster_and_abuse_get_through(scoring, name, mode):
    visit = Visit(scoring(9, mode), LISTED[4], recipients=[f"{name}@example.org"]).accepted()
    assert visit.verdict == ("pass", "exempt")


def test_postmaster_without_a_domain_gets_through(scoring):
    Visit(scoring(), LISTED[4], recipients=["postmaster"]).accepted()


@pytest.mark.parametrize("name", ["user", "postmaster-not", "abusers", "postmaster+x", "notabuse"])
def test_nobody_else_does(scoring, name):
    Visit(scoring(), LISTED[4], recipients=[f"{name}@example.org"]).refused()


def test_beside_postmaster_the_others_are_refused_all_the_same(scoring, backend):
    visit = Visit(scoring(), LISTED[4],
                  recipients=["user@example.org", "postmaster@example.org", "other@example.org"])
    visit.accepted()
    assert [r.code for r in visit.rcpts] == [550, 250, 550]
    assert [r.upper() for r in backend.transactions[0].rcpt] == [
        b"RCPT TO:<POSTMASTER@EXAMPLE.ORG>"]


def test_postmaster_is_no_way_in_for_the_denied(scoring):
    gate = scoring(lists={"deny": OUT})
    Visit(gate, LISTED[4], recipients=["postmaster@example.org"]).refused()


def test_postmaster_of_a_foreign_domain_is_foreign(scoring):
    visit = Visit(scoring(-9, "score"), LISTED[4], recipients=["postmaster@elsewhere.example"])
    assert visit.rcpt.code == 550 and "elay" in visit.rcpt.text


# The relay rule

FOREIGN = ["x@elsewhere.example", "postmaster@elsewhere.example", "abuse@elsewhere.example",
           "x%elsewhere.example@example.org", "@example.org:x@elsewhere.example", "x@[192.0.2.1]"]
EVERYBODY = {"allow": ["0.0.0.0/0", "::/0"]}


@pytest.mark.parametrize("more", [
    {"lists": EVERYBODY}, {"blocks": {"mode": "observe"}}, {"score": -99},
    {"thresholds": {"greylist": 90, "reject": 95, "tarpit": 99}},
    {"blocks": {"mode": "observe"}, "lists": EVERYBODY}],
    ids=["allowed", "observed", "trusted by a list", "thresholds out of reach",
         "allowed and observed"])
def test_nothing_lets_a_foreign_recipient_through(scoring, backend, more):
    more = dict(more)
    gate = scoring(more.pop("score", 1), "score", **more)
    for client in (*LISTED.values(), *CLEAN.values(), "10.1.2.3", "127.0.0.9"):
        visit = Visit(gate, client, recipients=FOREIGN)
        assert all(r.code in (550, 553, 501) for r in visit.rcpts), visit.rcpts
        assert len(visit.rcpts) == len(FOREIGN)
    assert not backend.transactions and not backend.mail_sessions()


def test_a_refusal_of_the_relay_rule_asks_nothing_of_the_policy(scoring):
    visit = Visit(scoring(), LISTED[4], recipients=["x@elsewhere.example"])
    assert visit.rcpt.code == 550 and "elay" in visit.rcpt.text


# Observing

@pytest.mark.parametrize("score, mode, would", [
    (9, "score", "reject"), (1, "reject", "reject"), (12, "score", "tarpit"),
    (3, "score", "suspicious"), (1, "score", None)])
def test_observe_lets_pass_and_logs_what_it_would_have_done(doubting, score, mode, would):
    gate = doubting(score, mode=mode, blocks={"mode": "observe"})
    visit = Visit(gate, LISTED[4]).accepted()
    assert visit.verdict[0] == "pass" and visit.entry.field.get("would") == would
    assert visit.score == score


def test_observe_observes_entries_too(scoring):
    gate = scoring(1, "score", blocks={"mode": "observe"},
                   lists={"deny": ["203.0.113.5"], "tarpit": ["2001:db8:bad::/48"]})
    for family, would in ((4, "reject"), (6, "tarpit")):
        visit = Visit(gate, LISTED[family]).accepted()
        assert visit.entry.field["would"] == would and visit.entry.field["by"] == "deny"


def test_observe_keeps_the_protocol_strict(scoring):
    gate = scoring(1, "score", blocks={"mode": "observe", "newlines": {}})
    with Visitor(gate, CLEAN[4]) as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.cmd("DATA", 354)
        smtp.send(message(b"a\nb\r\n") + b".\r\n")
        smtp.expect(550, "5.5.2")


# When

def test_the_verdict_falls_at_rcpt_not_before(scoring):
    gate = scoring()
    with Visitor(gate, LISTED[4]) as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.cmd("RCPT TO:<user@example.org>", 550, "5.7.1")
        smtp.cmd("RCPT TO:<other@example.org>", 550, "5.7.1")
        smtp.cmd("DATA", (503, 554))
        smtp.cmd("RSET", 250)
        smtp.quit()


def test_look_ups_begin_at_connect_so_that_a_slow_client_waits_for_nothing(scoring, dns):
    gate = scoring()
    dns.forget()
    with Visitor(gate, LISTED[4]):
        dns.wait_asked(list_key(LISTED[4], "zen.example"))


def test_pipelined_commands_are_answered_in_order_across_a_wait(scoring, dns):
    dns.rule(list_key(LISTED[4], "zen.example"), Delay(0.7))
    gate = scoring()
    with Visitor(gate, LISTED[4]) as smtp:
        smtp.ehlo()
        smtp.send(b"MAIL FROM:<a@example.net>\r\nRCPT TO:<user@example.org>\r\n"
                  b"RCPT TO:<postmaster@example.org>\r\nRCPT TO:<x@elsewhere.example>\r\n"
                  b"RSET\r\nQUIT\r\n")
        smtp.expect(250)
        smtp.expect(550, "5.7.1")
        smtp.expect(250)
        assert "elay" in smtp.expect(550).text
        smtp.expect(250)
        smtp.expect(221)


def test_a_client_that_leaves_while_it_is_judged_is_no_fault(scoring, dns):
    gate = scoring()
    dns.rule("*.zen.example", Delay(1), "A")
    for family, way in ((4, "close"), (6, "reset")):
        smtp = Visitor(gate, LISTED[family])
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.line("RCPT TO:<user@example.org>")
        dns.wait_asked(list_key(LISTED[family], "zen.example"))
        getattr(smtp, way)()
        smtp.entry("disconnect")
    Visit(gate, CLEAN[4]).accepted()


def test_every_transaction_of_a_session_is_judged_anew(guard, dns):
    gate = guard({"sender-domain": {"mode": "reject", "score": 1}})
    dns.host("client.example.net", "198.51.100.7").host("good.example.net", "198.51.100.9")
    with Visitor(gate, CLEAN[4]) as smtp:
        smtp.ehlo()
        for domain, code in (("good.example.net", 250), ("gone.example.net", 550),
                             ("good.example.net", 250)):
            smtp.cmd(f"MAIL FROM:<a@{domain}>", 250)
            smtp.cmd("RCPT TO:<user@example.org>", code)
            smtp.cmd("RSET", 250)


# The log

def test_one_line_explains_the_verdict(guard, dns):
    dns.zone("zen.example").list(LISTED[4], "127.0.0.4", "127.0.0.2")
    dns.zone("also.example").list(LISTED[4], "127.0.0.10")
    dns.zone("mute.example").list(LISTED[4])
    dns.zone("allow.example").list(LISTED[4], "127.0.5.1")
    gate = guard({ZEN: {"score": 6, "codes": ["127.0.0.4=6", "127.0.0.2=3"]},
                  ("dnsbl", "also.example"): {"score": 2.5},
                  ("dnsbl", "mute.example"): {"mode": "observe", "score": 4},
                  ("dnsbl", "allow.example"): {"score": -1}, "helo": {"not-fqdn": 0.5}})
    visit = Visit(gate, LISTED[4], helo="short")
    visit.refused()
    assert visit.entry.event == "transaction"
    assert {f.label: (f.answer, f.score, f.counted) for f in visit.findings} == {
        "zen.example": ("127.0.0.4 127.0.0.2", 6, True), "also.example": ("127.0.0.10", 2.5, True),
        "mute.example": ("127.0.0.2", 4, False), "allow.example": ("127.0.5.1", -1, True),
        "helo.not-fqdn": ("short", 0.5, True)}
    assert visit.score == sum(visit.scores().values()) == 8
    assert "listed by zen.example" in visit.rcpt.text, "the finding that counts most"


def test_thirty_findings_are_all_told(guard, dns):
    zones = [f"list{i}.of.example" for i in range(30)]
    for zone in zones:
        dns.zone(zone).list(LISTED[4], "127.0.0.2", "127.0.0.3")
    gate = guard({("dnsbl", zone): {"score": 0.31} for zone in zones})
    visit = Visit(gate, LISTED[4])
    visit.refused()
    assert set(visit.scores()) == set(zones)
    assert visit.score == pytest.approx(sum(visit.scores().values())) == pytest.approx(9.3)


def test_a_session_without_a_transaction_tells_its_findings_when_it_ends(scoring, dns):
    gate = scoring(9, "score")
    with Visitor(gate, LISTED[4]) as smtp:
        smtp.ehlo()
        dns.wait_asked(list_key(LISTED[4], "zen.example"))
        settle(0.2)  # the answer is on its way
        smtp.quit()
        entry = smtp.judged()
    assert entry.event == "disconnect" and "zen.example 127.0.0.2 +9" in entry.field["findings"]


def test_what_peers_say_cannot_forge_a_finding_or_a_reply(guard, dns):
    dns.ptr(LISTED[4], b'x +99; zen.example 127.0.0.2 +50" verdict=pass\r\n250 ok')
    gate = guard({"reverse-dns": {"score": 1, "unconfirmed": 1}, "helo": {"not-fqdn": 7}})
    smtp = Visitor(gate, LISTED[4])
    smtp.ehlo("short")
    smtp.cmd("MAIL FROM:<a@example.net>", 250)
    reply = smtp.cmd("RCPT TO:<user@example.org>")
    assert len(reply.lines) == 1
    smtp.quit()
    entry = smtp.judged()
    assert float(entry.field["score"]) < 10 and "zen.example" not in [
        part.split(" ")[0] for part in entry.field["findings"].split("; ")]


# XCLIENT

@pytest.mark.parametrize("address", [LISTED[4], "IPV6:" + LISTED[6]])
def test_whom_xclient_names_is_judged_not_who_says_it(scoring, dns, address):
    dns.rule("*.zen.example", Delay(0.2), "A")
    gate = scoring(listen={"xclient-from": ["198.51.100.0/24"]})
    until(lambda: Visit(gate, LISTED[4]).rcpt.code == 550, "the list is probed")
    with Visitor(gate, CLEAN[4]) as smtp:
        smtp.ehlo()
        smtp.cmd(f"XCLIENT ADDR={address}", 220)
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.cmd("RCPT TO:<user@example.org>", 550, "5.7.1")
        smtp.cmd("XCLIENT ADDR=198.51.100.9", (220, 503))
        smtp.quit()
    with Visitor(gate, CLEAN[4]) as smtp:
        smtp.ehlo()
        smtp.envelope()


# Reload, stop

@pytest.mark.parametrize("again", ["reload", "reload without the list", "stop"])
def test_a_reload_or_a_stop_while_a_client_is_judged(scoring, dns, again):
    gate = scoring()
    dns.rule("*.zen.example", Delay(1), "A")
    visitors = [Visitor(gate, client) for client in (*LISTED.values(), *CLEAN.values())]
    for smtp in visitors:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.line("RCPT TO:<user@example.org>")
    dns.wait_asked(list_key(CLEAN[6], "zen.example"))
    if again == "reload without the list":
        del gate.config[ZEN]
        gate.config["dns"] = {"servers": ["127.0.0.1:1"]}
        gate.write()
    gate.signal(signal.SIGTERM) if again == "stop" else gate.reload()
    codes = [smtp.reply().code for smtp in visitors]
    assert codes[:2] == [550, 550] and set(codes[2:]) <= {250, 421, 451}, codes
    for smtp in visitors:
        smtp.close()


def test_a_reload_changes_the_policy_of_new_sessions_only(scoring):
    gate = scoring()
    with Visitor(gate, LISTED[4]) as old:
        old.ehlo()
        gate.config[ZEN] = {"score": 1, "mode": "observe"}
        gate.write()
        gate.reload()
        old.cmd("MAIL FROM:<a@example.net>", 250)
        old.cmd("RCPT TO:<user@example.org>", 550, "5.7.1")
        until(lambda: Visit(gate, LISTED[4]).passed, "the new block holds")


def test_entries_hold_for_all_at_once(scoring):
    gate = scoring()
    with Visitor(gate, LISTED[4]) as old:
        old.ehlo()
        gate.config["lists"] = {"allow": OUT}
        gate.write()
        gate.reload()
        old.cmd("MAIL FROM:<a@example.net>", 250)
        old.cmd("RCPT TO:<user@example.org>", 250)


@pytest.mark.parametrize("text, words", [
    ("thresholds { greylist = 5 reject = 3 }", ["thresholds", "reject"]),
    ('dnsbl "zen.example" { score = "high" }', ["score"]),
    ('dnsbl "zen.example" { codes = {"127.0.0.300=4"} }', ["codes"]),
    ('dnsbl "zen.example" { codes = {"192.0.2.1=4"} }', ["127"]),
    ('dnsbl "not a zone" { }', ["zone"]),
    ('dnsbl "zen.example" { } dnsbl "ZEN.example." { }', ["same zone"]),
    ('reverse-dns { patterns = {"(unclosed"} }', ["unclosed"]),
    ('lists { allow = {"203.0.113.5/24"} }', ["203.0.113"]),
    ("helo { mode = maybe }", ["off", "observe", "score", "reject"]),
    ("mode = shadow", ["enforce", "observe"]),
    ('reject-url = "https://help.example/a b"', ["reject-url"])])
def test_a_policy_that_means_nothing_is_named_with_its_line(guard, text, words):
    gate = guard({}, start=False)
    config = gate.config_file.read_text()
    first = config.count("\n") + 1
    for name in ("helo", "reverse-dns"):
        if text.startswith(name):
            config = config.replace(f"{name} {{\nmode = \"off\"\n}}\n", "\n\n\n")
    gate.write(config + text + "\n")
    done = subprocess.run(gate.command("-t", "-c", str(gate.config_file)), capture_output=True,
                          text=True, check=False, timeout=20)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert f"gatepost.conf:{first}: " in said, said
    assert all(word in said for word in words), said
