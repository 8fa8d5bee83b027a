# SPDX-License-Identifier: ISC
"""The gate knows who speaks: SPF, DKIM, ARC and DMARC on the wire, by what scripted DNS says of
the domains; what is refused and when, what is marked, what is stamped, and what is left of a message."""

import base64
import email.utils
import re
import signal
import time

import pytest

from harness import SLOW
from harness.client import stuffed
from harness.dns import Drop, Rcode
from harness.gatepost import AUTHENTICATION
from harness.visitor import CLEAN, LISTED, Visitor, findings

cryptography = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")
dkim = pytest.importorskip("dkim")
from cryptography.hazmat.primitives import serialization  # noqa: E402

OURS = "mx.example.org"
FROM = "bank.example"       # who is named in From
ENVELOPE = "sender.example"  # whose SPF passes for CLEAN
IP = CLEAN[4]
FIELD = rb"[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*"


class Key:
    """A key pair of `selector`, published for any domain."""

    def __init__(self):
        self.private = cryptography.generate_private_key(65537, 1024)
        self.pem = self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption())
        public = self.private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.record = "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode()

    def publish(self, dns, domain, selector="s"):
        dns.add(f"{selector}._domainkey.{domain}", "TXT", [self.record[:200], self.record[200:]])

    def sign(self, data, domain=FROM):
        field = dkim.sign(data, b"s", domain.encode(), self.pem,
                          canonicalize=(b"relaxed", b"relaxed"),
                          include_headers=[b"from", b"to", b"subject", b"date", b"message-id"])
        return field + data

    def seal(self, data, domain, results):
        """`data` as a forwarder hands it on that had found `results`."""
        found = f"Authentication-Results: {domain}; {results}\r\n".encode()
        fields = dkim.arc_sign(found + data, b"s", domain.encode(), self.pem, domain.encode(),
                               include_headers=[b"from", b"to", b"subject", b"date"])
        return b"".join(fields) + data


@pytest.fixture(scope="module")
def key():
    return Key()


def mail(author=f"a@{FROM}", body=b"hello\r\n", headers=b""):
    """A message that has all it must have; `author`: what From says, or a list of Froms."""
    froms = b"".join(b"From: " + (a if isinstance(a, bytes) else f"<{a}>".encode()) + b"\r\n"
                     for a in (author if isinstance(author, list) else [author]))
    return (headers + froms + b"To: <user@example.org>\r\nSubject: test\r\nDate: "
            + email.utils.formatdate().encode() + b"\r\nMessage-ID: <1@sender.example>\r\n\r\n"
            + body)


class Sent:
    """One message and all its replies. `mail` ... `data`: replies. `kept`: what the backend has of
    it, or None."""

    def __init__(self, gate, backend, data, client=IP, helo="out.sender.example",
                 sender=f"a@{ENVELOPE}", recipients=("user@example.org",), bdat=None):
        before = len(backend.transactions)
        self.sent, self.data, self.rcpts = data, None, []
        with Visitor(gate, client, timeout=30) as smtp:
            smtp.cmd(f"EHLO {helo}", 250)
            smtp.cmd(f"MAIL FROM:<{sender}>", 250)
            for recipient in recipients:
                self.rcpts.append(smtp.cmd(f"RCPT TO:<{recipient}>"))
            self.rcpt = self.rcpts[0]
            if any(r.code == 250 for r in self.rcpts):
                began = time.monotonic()
                self.data = self._text(smtp, data, bdat)
                self.seconds = time.monotonic() - began
            smtp.cmd("QUIT", 221)
        self.entry = smtp.judged()
        self.id = self.entry.session
        self.findings = {f.label: f for f in findings(self.entry)}
        self.kept = backend.transactions[before] if len(backend.transactions) > before else None

    @staticmethod
    def _text(smtp, data, bdat):
        if bdat is None:
            smtp.cmd("DATA", 354)
            smtp.send(stuffed(data) + b".\r\n")
            return smtp.reply()
        for at in range(0, len(data), bdat):
            smtp.bdat(data[at:at + bdat])
        smtp.send(b"BDAT 0 LAST\r\n")
        return smtp.reply()

    def passed(self):
        assert self.data is not None and self.data.code == 250, (self.rcpts, self.data, self.entry)
        return self

    def refused(self, code=550, enhanced="5.7.1", at="data"):
        reply = self.rcpt if at == "rcpt" else self.data
        assert reply is not None and (reply.code, reply.enhanced) == (code, enhanced), (
            self.rcpts, self.data, self.entry)
        assert self.id in reply.text and self.kept is None, reply
        assert at == "data" or self.data is None
        assert len(reply.raw) <= 512
        return reply.text

    @property
    def results(self):
        """What our Authentication-Results says: {method: [(result, the rest)]}."""
        fields = re.match(FIELD, self.kept.stamp).group(0).decode()
        text = re.sub(r"\r\n[ \t]", " ", fields.removeprefix("Authentication-Results:")).strip()
        identity, *parts = [part.strip() for part in text.split(";")]
        assert identity == OURS, text
        out = {}
        for part in parts:
            match = re.match(r"([a-z-]+)=([a-z]+)(?: (.*))?$", part)
            assert match, part
            out.setdefault(match[1], []).append((match[2], match[3] or ""))
        assert set(out) == {"spf", "dkim", "arc", "dmarc", "iprev", "auth"}, out
        return out

    def result(self, method):
        return self.results[method][0][0]

    def unchanged(self):
        """Of what was sent not an octet differs."""
        assert self.kept.message == self.sent, self.kept.data[:2000]
        return self


@pytest.fixture
def world(guard, backend, dns, key):
    """A gate, and a DNS in which CLEAN is out.sender.example, forward-confirmed, and may send for
    sender.example. world(...) makes the gate; world.send(...) sends."""
    dns.client(IP, "out.sender.example").client(LISTED[4], "out.elsewhere.example")
    dns.add(ENVELOPE, "TXT", f"v=spf1 ip4:{IP} -all")
    key.publish(dns, FROM)

    class World:
        def __init__(self):
            self.dns, self.key, self.gate = dns, key, None

        def __call__(self, **blocks):
            more = {name: blocks.pop(name) for name in ("lists", "mode", "authentication", "limits")
                    if name in blocks}
            blocks = {name.replace("_", "-"): block for name, block in blocks.items()}
            on = {name: {} for name in AUTHENTICATION}
            self.gate = guard({"reverse-dns": {"mode": "score"}, **on, **blocks}, probed=False,
                              **more)
            return self

        def send(self, data=None, **more):
            return Sent(self.gate, backend, mail() if data is None else data, **more)

        def dmarc(self, policy, domain=FROM):
            dns.add(f"_dmarc.{domain}", "TXT", f"v=DMARC1; p={policy}")
            return self

        def closed(self, domain, *more):
            """Its own record says that nobody sends for it (but `more`)."""
            dns.add(domain, "TXT", " ".join(["v=spf1", *more, "-all"]))
            return self
    return World()


# SPF

def test_a_domain_s_own_no_is_refused_at_rcpt_in_its_words(world):
    world.dns.add("closed.example", "TXT", "v=spf1 -all exp=why.closed.example")
    world.dns.add("why.closed.example", "TXT", "%{i} is no host of %{d}")
    text = world().send(sender="a@closed.example").refused(550, "5.7.23", at="rcpt")
    assert f"{IP} is no host of closed.example" in text


def test_an_explanation_of_any_length_is_one_line_with_the_id(world):
    world.dns.add("closed.example", "TXT", "v=spf1 -all exp=why.closed.example")
    world.dns.add("why.closed.example", "TXT", ["x" * 250, "y" * 250])
    world().send(sender="a@closed.example").refused(550, "5.7.23", at="rcpt")


@pytest.mark.parametrize("family", [4, 6])
def test_a_pass_is_stamped(world, family):
    world.dns.add("both.example", "TXT", f"v=spf1 ip4:{CLEAN[4]} ip6:{CLEAN[6]} -all")
    sent = world().send(sender="a@both.example", client=CLEAN[family]).passed().unchanged()
    assert sent.results["spf"][0] == ("pass", "smtp.mailfrom=a@both.example")


def test_a_bounce_is_checked_by_its_helo_name(world):
    world.closed("out.closed.example")
    world().send(sender="", helo="out.closed.example").refused(550, "5.7.23", at="rcpt")


@pytest.mark.parametrize("policy", ["none", "quarantine", "reject"])
def test_with_a_dmarc_record_the_end_of_data_decides(world, policy):
    """Under p=none, too: the -all is the domain's own."""
    world.closed(FROM).dmarc(policy)()
    unsigned = world.send(sender=f"a@{FROM}")
    assert unsigned.rcpt.code == 250
    unsigned.refused(550, "5.7.23")
    signed = world.send(world.key.sign(mail()), sender=f"a@{FROM}").passed().unchanged()
    assert [signed.result(m) for m in ("spf", "dkim", "dmarc")] == ["fail", "pass", "pass"]


def test_it_does_so_where_the_check_dmarc_is_off(world):
    world.closed(FROM).dmarc("reject")(dmarc={"mode": "off"})
    world.send(sender=f"a@{FROM}").refused(550, "5.7.23")
    world.send(world.key.sign(mail()), sender=f"a@{FROM}").passed().unchanged()


def test_a_signature_of_another_domain_is_no_help(world):
    world.closed(FROM).dmarc("none")()
    world.key.publish(world.dns, "other.example")
    data = world.key.sign(mail(), "other.example")
    world.send(data, sender=f"a@{FROM}").refused(550, "5.7.23")


def test_fail_may_be_refused_at_once_or_only_counted(world):
    world.closed(FROM).dmarc("none")
    world(spf={"fail": "reject"}).send(sender=f"a@{FROM}").refused(550, "5.7.23", at="rcpt")
    sent = world(spf={"fail": "score", "score": 1}).send(sender=f"a@{FROM}").passed()
    assert sent.findings["spf.fail"].score == 1 and sent.result("spf") == "fail"


@pytest.mark.parametrize("record, result", [
    ("v=spf1 ~all", "softfail"), ("v=spf1 ?all", "neutral"), (None, "none"),
    ("v=spf1 nonsense:x -all", "permerror"), ("v=spf1 include:broken.example -all", "temperror")])
def test_nothing_but_fail_refuses(world, record, result):
    if record:
        world.dns.add("case.example", "TXT", record)
    world.dns.rule("broken.example", Rcode("SERVFAIL"))
    sent = world().send(sender="a@case.example").passed().unchanged()
    assert sent.result("spf") == result


def test_a_listed_forwarder_only_scores(world):
    world.closed("closed.example")
    listed = {"forwarders": ["out.sender.example"]}
    sent = world(authentication=listed, spf={"score": 1}).send(sender="a@closed.example").passed()
    assert sent.result("spf") == "fail" and sent.findings["spf.fail"].counted
    world.send(sender="a@closed.example", client=LISTED[4]).refused(550, "5.7.23", at="rcpt")


# DMARC

@pytest.mark.parametrize("reject, sign, outcome", [
    ("evidence", False, "mark"), ("evidence", True, "refuse"),
    ("honour", False, "refuse"), ("mark", True, "mark")])
def test_a_failing_message_under_reject(world, reject, sign, outcome):
    """`sign`: something else speaks against it: the client has no name."""
    world.dmarc("reject")(dmarc={"reject": reject})
    sent = world.send(client="198.51.100.99" if sign else IP, sender="a@elsewhere.example")
    if outcome == "refuse":
        assert FROM in sent.refused()
        assert "mark" not in sent.entry.field, sent.entry
        return
    sent.passed().unchanged()
    assert sent.results["dmarc"][0][0] == "fail"
    assert "policy.dmarc=quarantine" in sent.results["dmarc"][0][1]
    assert b"X-Gatepost-Verdict: quarantine\r\n" in sent.kept.stamp


def test_quarantine_marks_and_none_does_nothing(world):
    world.dmarc("quarantine").dmarc("none", "other.example")()
    sent = world.send().passed().unchanged()
    assert b"X-Gatepost-Verdict: quarantine\r\n" in sent.kept.stamp
    sent = world.send(mail("a@other.example")).passed().unchanged()
    assert sent.results["dmarc"][0][0] == "fail" and b"X-Gatepost" not in sent.kept.stamp


def test_what_is_aligned_passes(world):
    world.dmarc("reject").dmarc("reject", ENVELOPE)()
    for data in (world.key.sign(mail()), mail(f"a@{ENVELOPE}"), mail(f"a@sub.{ENVELOPE}")):
        sent = world.send(data).passed().unchanged()
        assert sent.result("dmarc") == "pass", sent.results


@pytest.mark.parametrize("author", [
    ["a@bank.example", "b@evil.example"], [b"<a@bank.example>, <b@evil.example>"],
    ["a@bank.example", "a@bank.example"]],
    ids=["two fields", "two domains", "one domain in two fields"])
def test_two_authors_are_refused(world, author):
    world().send(mail(author)).refused()


def test_no_author_is_scored(world):
    sent = world().send(mail([])).passed()
    assert any(f.counted and f.score > 0 for f in sent.findings.values()), sent.findings


def test_a_flipped_bit_in_the_body_fails(world):
    world.dmarc("quarantine")()
    data = world.key.sign(mail()).replace(b"hello", b"hellp")
    sent = world.send(data).passed().unchanged()
    assert (sent.result("dkim"), sent.result("dmarc")) == ("fail", "fail")


# Overrides

def test_an_allow_entry_overrides_and_is_stamped(world):
    world.closed(FROM).dmarc("reject")(dmarc={"reject": "honour"}, lists={"allow": [IP]})
    sent = world.send(sender=f"a@{FROM}").passed().unchanged()
    assert sent.result("dmarc") == "fail" and "allow entry" in sent.results["dmarc"][0][1]


def test_a_trusted_chain_overrides_and_is_stamped(world):
    world.dmarc("reject")
    world.key.publish(world.dns, "list.example")
    honour = {"reject": "honour"}
    data = world.key.seal(mail(), "list.example", "dmarc=pass header.from=bank.example")
    world(dmarc=honour).send(data).refused()
    sent = world(dmarc=honour, arc={"trusted": ["list.example"]}).send(data).passed().unchanged()
    assert (sent.result("arc"), sent.result("dmarc")) == ("pass", "fail")
    assert "trusted ARC chain" in sent.results["dmarc"][0][1]
    broken = data.replace(b"hello", b"hellp")
    world.send(broken).refused()
    world(dmarc=honour, arc={"trusted": ["list.example"], "mode": "observe"}).send(data).refused()


def test_a_trusted_chain_lets_pass_what_spf_left_open(world):
    world.closed(FROM).dmarc("none")
    world.key.publish(world.dns, "list.example")
    data = world.key.seal(mail(), "list.example", "dmarc=pass header.from=bank.example")
    world().send(data, sender=f"a@{FROM}").refused(550, "5.7.23")
    world(arc={"trusted": ["list.example"]}).send(data, sender=f"a@{FROM}").passed().unchanged()


def test_a_listed_forwarder_overrides_and_is_stamped(world):
    world.dmarc("reject")
    sent = world(dmarc={"reject": "honour"}, authentication={"forwarders": [".sender.example"]}
                 ).send().passed().unchanged()
    assert "forwarder" in sent.results["dmarc"][0][1]


def test_observe_mode_lets_pass_and_stamps(world):
    world.dmarc("reject")
    sent = world(mode="observe", dmarc={"reject": "honour"}).send().passed().unchanged()
    assert sent.result("dmarc") == "fail" and sent.entry.field["would"] == "reject"


# What goes in front, and what is left out

def test_received_names_the_confirmed_name_and_no_other(world):
    first = world().send().passed().kept.data.partition(b"\r\n")[0]
    assert first.endswith(f"(out.sender.example [{IP}])".encode())
    world.dns.ptr("198.51.100.77", "liar.sender.example")
    first = world.send(client="198.51.100.77", sender="").passed().kept.data.partition(b"\r\n")[0]
    assert first.endswith(b"([198.51.100.77])")


def test_received_comes_first_and_the_results_below_it(world):
    sent = world().send().passed()
    names = [line.split(b":")[0] for line in sent.kept.data.split(b"\r\n\r\n")[0].split(b"\r\n")
             if line[:1] not in b" \t"]
    assert names[:3] == [b"Received", b"Authentication-Results", b"From"]
    assert [r[0] for r in sent.results["spf"]][0] == "pass"
    assert "smtp.mailfrom" in sent.results["spf"][0][1]
    assert "smtp.helo" in sent.results["spf"][1][1]


FORGED = [
    b"Authentication-Results: mx.example.org; dkim=pass header.d=bank.example\r\n",
    b"authentication-RESULTS:MX.Example.ORG;spf=pass\r\n",
    b"Authentication-Results: (a (nested) comment)\r\n\tmx.example.org\r\n 1; dkim=pass\r\n",
    b"Authentication-Results:\r\n mx.example.org (x); none\r\n",
    b"Authentication-Results: \"mx.example.org\"; none\r\n",
    b"Authentication-Results : mx.example.org; none\r\n",
]
KEPT = [
    b"Authentication-Results: mx.example.net; dkim=fail\r\n",
    b"Authentication-Results: mx.example.org.evil.example; dkim=fail\r\n",
    b"X-Authentication-Results: mx.example.org; dkim=fail\r\n",
    b"Subject: Authentication-Results: mx.example.org;\r\n\tAuthentication-Results: mx.example.org"
    b"\r\n",
]


@pytest.mark.parametrize("bdat", [None, 7, 1000])
def test_forged_results_are_removed_and_nothing_else(world, bdat):
    world(limits={"junk-commands": 1000})
    body = b"Authentication-Results: mx.example.org; in=body\r\n.\r\n..\r\n"
    head = b"".join(f + k for f, k in zip(FORGED, KEPT + KEPT))
    sent = world.send(mail(headers=head, body=body), bdat=bdat).passed()
    expected = mail(headers=b"".join((KEPT + KEPT)[:len(FORGED)]), body=body)
    assert date_out(sent.kept.message) == date_out(expected)


def date_out(data):
    return re.sub(rb"\r\nDate: [^\r\n]*", b"", data, 1)


def test_of_trusted_clients_too(gatepost, backend):
    gate = gatepost(backend, learn=True)
    data = FORGED[0] + mail()
    with gate.client(source="127.0.0.2") as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.data(data)
        smtp.quit()
    (kept,) = backend.transactions
    assert kept.message == data[len(FORGED[0]):]
    assert b"dkim=none" in kept.stamp and b"auth=none" in kept.stamp


def test_the_mark_cannot_be_forged(world):
    world.dmarc("quarantine")()
    forged = b"X-Gatepost-Verdict: pass\r\nx-gatepost-verdict:\r\n quarantine\r\n"
    sent = world.send(mail(headers=forged)).passed()
    assert sent.kept.data.lower().count(b"x-gatepost-verdict") == 1
    sent = world.send(mail("a@other.example", headers=forged)).passed()
    assert b"x-gatepost-verdict" not in sent.kept.data.lower()


def test_name_and_value_of_the_mark_are_by_config(world):
    world.dmarc("quarantine")(authentication={"mark-header": "X-Spam-Flag", "mark-value": "YES",
                                              "authserv-id": OURS})
    data = mail(headers=b"X-Spam-Flag: NO\r\nX-Gatepost-Verdict: theirs\r\n")
    sent = world.send(data).passed()
    assert sent.kept.data.count(b"X-Spam-Flag: YES\r\n") == 1
    assert b"X-Spam-Flag: NO" not in sent.kept.data
    assert b"X-Gatepost-Verdict: theirs\r\n" in sent.kept.data


def test_the_score_and_received_spf_are_by_config(world):
    world(authentication={"score-header": "X-Gatepost-Score", "received-spf": True})
    sent = world.send(mail(headers=b"X-Gatepost-Score: -100\r\n")).passed()
    assert b"-100" not in sent.kept.data
    assert sent.kept.data.count(b"X-Gatepost-Score: ") == 1
    assert sent.kept.data.count(b"Received-SPF: pass") == 1


def test_a_message_that_begins_folded_continues_nothing_that_is_believed(world):
    data = b" ; dkim=pass header.d=bank.example\r\n" + mail()
    sent = world().send(data).passed()
    stamp, _, rest = sent.kept.data.partition(b"\r\nReceived: ")
    assert stamp.startswith(b"Authentication-Results: mx.example.org;")
    assert b"dkim=pass" not in stamp
    assert rest.endswith(data)


# Verdicts that have to be waited for

def test_a_name_server_that_hangs_costs_seconds_and_no_message(world):
    world.dmarc("reject")()
    for name in (f"s._domainkey.{FROM}", f"_dmarc.{FROM}", "_dmarc.example"):
        world.dns.rule(name, Drop())
    sent = world.send(world.key.sign(mail())).passed().unchanged()
    assert sent.result("dkim") == "temperror" and sent.result("dmarc") == "temperror"
    assert sent.seconds < 7 * SLOW


def test_temporary_faults_of_dmarc_are_451_where_the_config_says_so(world):
    world.dns.rule(f"_dmarc.{FROM}", Rcode("SERVFAIL"))
    sent = world(dmarc={"temperror": "defer"}).send()
    assert sent.data.code == 451 and sent.data.enhanced == "4.7.1" and sent.kept is None


def test_dead_name_servers_below_a_domain_are_no_way_around_its_policy(world):
    world.dmarc("reject").dns.rule(f"*.lame.{FROM}", Rcode("SERVFAIL"))
    world.dns.rule(f"lame.{FROM}", Rcode("SERVFAIL"))
    sent = world().send(sender=f"a@lame.{FROM}").passed()
    assert sent.result("dmarc") == "temperror"
    assert b"X-Gatepost-Verdict: quarantine" in sent.kept.data


def test_who_leaves_while_it_is_judged_is_delivered_nothing(world, backend):
    world.dmarc("reject")()
    for name in (f"s._domainkey.{FROM}", f"_dmarc.{FROM}"):
        world.dns.rule(name, Drop())
    with Visitor(world.gate, IP) as smtp:
        smtp.ehlo()
        smtp.envelope(f"a@{ENVELOPE}")
        smtp.cmd("DATA", 354)
        smtp.send(stuffed(world.key.sign(mail())) + b".\r\n")
        world.dns.wait_asked(f"s._domainkey.{FROM}")
    gone = smtp.entry("disconnect")
    assert gone.field["reason"] == "the client left"
    assert not backend.transactions
    world.send(mail("a@other.example")).passed()


def test_a_stop_waits_for_the_verdict(world):
    world.dmarc("reject")()
    rule = world.dns.rule(f"s._domainkey.{FROM}", Drop())
    with Visitor(world.gate, IP) as smtp:
        smtp.ehlo()
        smtp.envelope(f"a@{ENVELOPE}")
        smtp.cmd("DATA", 354)
        smtp.send(stuffed(world.key.sign(mail())) + b".\r\n")
        world.dns.wait_asked(f"s._domainkey.{FROM}")
        world.gate.signal(signal.SIGTERM)
        smtp.expect(250)
        smtp.expect(421)
    world.dns.drop_rule(rule)


def test_what_stands_behind_the_dot_waits_for_the_verdict_and_a_reload_disturbs_nothing(world,
                                                                                         backend):
    first, second = world().key.sign(mail(body=b"first\r\n")), mail(body=b".second\r\n")
    rule = world.dns.rule(f"s._domainkey.{FROM}", Drop())
    with Visitor(world.gate, IP, timeout=30) as smtp:
        smtp.ehlo("out.sender.example")
        smtp.envelope(f"a@{ENVELOPE}")
        smtp.cmd("DATA", 354)
        smtp.send(stuffed(first) + b".\r\nRSET\r\nEHLO other.sender.example\r\n")
        world.dns.wait_asked(f"s._domainkey.{FROM}")
        world.gate.signal(signal.SIGHUP)
        smtp.expect(250)
        smtp.expect(250)
        smtp.expect(250)
        smtp.send(f"MAIL FROM:<a@{ENVELOPE}>\r\nRCPT TO:<user@example.org>\r\nDATA\r\n")
        assert [smtp.reply().code for _ in range(3)] == [250, 250, 354]
        smtp.send(stuffed(second) + b".\r\n")
        smtp.expect(250)
        smtp.cmd("QUIT", 221)
    world.dns.drop_rule(rule)
    assert [t.message for t in backend.transactions] == [first, second]
    assert b"dkim=temperror" in backend.transactions[0].stamp
    assert b"dkim=none" in backend.transactions[1].stamp
    assert b"smtp.helo=other.sender.example" in backend.transactions[1].stamp


# Classes

def test_recipients_of_two_classes_are_two_transactions(world, backend):
    world()
    sent = world.send(recipients=["user@example.org", "postmaster@example.org", "b@example.org"])
    assert [r.code for r in sent.rcpts] == [250, 452, 250]
    assert sent.rcpts[1].enhanced == "4.5.3"
    sent.passed()
    sent = world.send(recipients=["abuse@example.org", "user@example.org"])
    assert [r.code for r in sent.rcpts] == [250, 452]
    assert [len(t.rcpt) for t in backend.transactions] == [2, 1]


def test_postmaster_hears_what_all_others_would_not(world):
    world.closed(FROM).dmarc("reject")(dmarc={"reject": "honour"})
    sent = world.send(sender=f"a@{FROM}", recipients=["postmaster@example.org"]).passed()
    assert sent.unchanged().result("dmarc") == "fail"


# The greylist

def test_who_passes_spf_is_its_domain_wherever_it_sends_from(world):
    pool = ["198.51.100.70", "203.0.113.70"]
    hosts = " ".join(f"ip4:{ip}" for ip in pool)
    world.dns.add("pool.example", "TXT", f"v=spf1 {hosts} -all")
    world(greylist={"mode": "all", "delay": "3s"}, reverse_dns={"mode": "off"})
    first = world.send(sender="a@pool.example", client=pool[0])
    assert first.rcpt.code == 451
    time.sleep(4)
    world.send(sender="a@pool.example", client=pool[1]).passed()
    assert world.send(sender="a@pool.example", client=CLEAN[6]).rcpt.code != 250
