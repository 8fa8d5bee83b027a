# SPDX-License-Identifier: ISC
"""What gatepostctl finds out by itself: verify, spf, domain, tlsa, mta-sts. The world is the scripted
DNS server, whom the configuration's dns { } names."""

import base64
import hashlib
import json
import subprocess

import pytest

from harness.client import stuffed
from harness.control import run_ctl
from harness.dns import Rcode
from harness.gatepost import AUTHENTICATION, address_text
from harness.visitor import Visitor

try:
    import dkim
except ImportError:
    dkim = None

CLIENT = "192.0.2.25"


@pytest.fixture
def ctl(gatepost, dns):
    """gatepostctl with a configuration; no daemon runs."""
    gate = gatepost("127.0.0.1:1", start=False, dns={"servers": [address_text(dns)],
                                                     "query-timeout": "500ms", "timeout": "1s"})

    def run(*words, **more):
        return run_ctl("-c", gate.config_file, *words, **more)
    run.gate = gate
    return run


def ask(ctl, *words, **more):
    """Its JSON."""
    done = ctl("--json", *words, **more)
    assert done.returncode == 0 and done.stderr == "", done
    return json.loads(done.stdout)


# ---- tlsa

def pin(certificate):
    """SHA-256 of the key, by openssl."""
    key = subprocess.run(["openssl", "x509", "-in", str(certificate), "-noout", "-pubkey"],
                         capture_output=True, check=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key,
                         capture_output=True, check=True).stdout
    return hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_tlsa_pins_the_key_of_the_configurations_host(ctl, authority, kind):
    certificate, _ = authority.pair("mx.example.org", kind)
    done = ctl("tlsa", certificate)
    assert done.returncode == 0, done
    assert done.stdout == f"_25._tcp.mx.example.org. IN TLSA 3 1 1 {pin(certificate)}\n"


def test_tlsa_takes_the_host_given_and_standard_input(ctl, authority):
    certificate, _ = authority.mx()
    answer = ask(ctl, "tlsa", "-", "--host", "MX2.example.org.", text=certificate.read_text())
    assert answer == {"host": "mx2.example.org", "usage": 3, "selector": 1, "matching": 1,
                      "data": pin(certificate)}


def test_tlsa_of_what_is_no_certificate_says_so(ctl, authority, folder):
    _, key = authority.mx()
    for path, word in ((key, "certificate"), (folder / "none", "No such file")):
        done = ctl("tlsa", path)
        assert done.returncode == 1 and word in done.stderr and done.stdout == "", done


def test_tlsa_without_a_configuration_wants_the_host(authority, folder):
    certificate, _ = authority.mx()
    done = run_ctl("-c", folder / "none.conf", "tlsa", certificate)
    assert done.returncode == 1 and "--host" in done.stderr, done
    done = run_ctl("-c", folder / "none.conf", "tlsa", certificate, "--host", "mx.example.org")
    assert done.returncode == 0, done


# ---- mta-sts

def test_mta_sts_names_the_mx_of_the_own_domain(ctl, dns):
    dns.add("example.org", "MX", "10 mx1.example.org", "20 mx2.example.org")
    done = ctl("mta-sts")
    assert done.returncode == 0, done
    assert done.stdout == ("version: STSv1\nmode: testing\nmx: mx1.example.org\n"
                           "mx: mx2.example.org\nmax_age: 604800\n")
    assert "_mta-sts.example.org. IN TXT" in done.stderr


def test_mta_sts_for_programs(ctl, dns):
    dns.add("other.example", "MX", "10 mx.other.example")
    answer, = ask(ctl, "mta-sts", "other.example", "--mode", "enforce")
    assert answer["mode"] == "enforce" and answer["mx"] == ["mx.other.example"]
    assert answer["policy"] == "version: STSv1\nmode: enforce\nmx: mx.other.example\n" \
                               "max_age: 604800\n"
    assert answer["url"] == "https://mta-sts.other.example/.well-known/mta-sts.txt"
    assert answer["record"].startswith('_mta-sts.other.example. IN TXT "v=STSv1; id=')


def test_mta_sts_tells_several_domains_apart(gatepost, dns):
    gate = gatepost("127.0.0.1:1", start=False, dns={"servers": [address_text(dns)]},
                    relay={"domains": ["a.example", ".below.example", "b.example"]})
    for name in ("a", "b"):
        dns.add(f"{name}.example", "MX", f"10 mx.{name}.example")
    done = run_ctl("-c", gate.config_file, "mta-sts")
    assert done.returncode == 0, done
    assert done.stdout.count("# https://mta-sts.") == 2 == done.stdout.count("version: STSv1")
    assert ".below.example" in done.stderr


def test_mta_sts_of_a_domain_without_mx_is_no_policy(ctl, dns):
    dns.host("bare.example", "192.0.2.1")
    done = ctl("mta-sts", "bare.example")
    assert done.returncode == 1 and "no MX" in done.stderr and done.stdout == "", done
    done = ctl("mta-sts", "not a domain")
    assert done.returncode == 2, done


def test_a_configuration_that_was_named_and_cannot_be_read_ends_the_command(folder):
    done = run_ctl("-c", folder / "none.conf", "mta-sts", "example.org")
    assert done.returncode == 1 and "none.conf" in done.stderr, done


# ---- domain

def faults(answer, part):
    return [f["fault"] for f in answer["faults"] if f["part"] == part]


def notes(answer, part):
    return [f["note"] for f in answer["notes"] if f["part"] == part]


@pytest.fixture
def good(dns, authority):
    """A domain with nothing to find fault with."""
    certificate, _ = authority.mx()
    dns.add("good.example", "MX", "10 mx.good.example")
    dns.client("192.0.2.10", "mx.good.example").client("2001:db8::10", "mx.good.example")
    dns.add("_25._tcp.mx.good.example", "TLSA", f"3 1 1 {pin(certificate)}")
    dns.add("good.example", "TXT", "v=spf1 mx include:_spf.good.example -all", "something else")
    dns.add("_spf.good.example", "TXT", "v=spf1 ip4:198.51.100.0/24 -all")
    dns.add("_dmarc.good.example", "TXT", "v=DMARC1; p=reject; rua=mailto:d@good.example")
    dns.add("s1._domainkey.good.example", "TXT", "v=DKIM1; k=ed25519; "
            "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    dns.add("_mta-sts.good.example", "TXT", "v=STSv1; id=20261122;")
    dns.host("mta-sts.good.example", "192.0.2.11")
    return dns


def test_a_good_domain_has_no_fault(ctl, good, authority):
    answer = ask(ctl, "domain", "Good.Example.", "--selector", "s1")
    assert answer["faults"] == [], answer
    assert answer["domain"] == "good.example"
    mx, = answer["mx"]
    assert (mx["preference"], mx["host"]) == (10, "mx.good.example")
    assert [(a["address"], a["name"], a["confirmed"]) for a in mx["addresses"]] == [
        ("192.0.2.10", "mx.good.example", True), ("2001:db8::10", "mx.good.example", True)]
    assert mx["tlsa"] == [{"usage": 3, "selector": 1, "matching": 1,
                           "data": pin(authority.mx()[0])}]
    spf = answer["spf"]
    assert spf["record"].startswith("v=spf1 mx") and spf["terms"] == 2 == spf["asked"]
    assert spf["stranger"] == "fail" and spf["void"] == 0
    assert [i["name"] for i in spf["includes"]] == ["_spf.good.example"]
    dmarc = answer["dmarc"]
    assert (dmarc["at"], dmarc["policy"], dmarc["inherited"]) == ("good.example", "reject", False)
    assert dmarc["record"].startswith("v=DMARC1")
    key, = answer["dkim"]
    assert (key["selector"], key["key"]) == ("s1", "ed25519")
    assert answer["mta-sts"] == "v=STSv1; id=20261122;"


def test_people_see_the_same(ctl, good):
    done = ctl("domain", "good.example", "--selector", "s1")
    assert done.returncode == 0, done
    for text in ("mx.good.example", "2001:db8::10", "TLSA 3 1 1", "v=spf1 mx", "reject",
                 "ed25519", "v=STSv1", "0 faults"):
        assert text in done.stdout, (text, done.stdout)


def empty(dns):
    dns.host("x.example", "192.0.2.1").ptr("192.0.2.1", "x.example")


MAIL_FAULTS = {
    "no such domain": (lambda d: None, "there is no domain", None),
    "no address": (lambda d: d.add("x.example", "MX", "10 mx.x.example"), "has no address", None),
    "no reverse name": (lambda d: d.add("x.example", "MX", "10 mx.x.example")
                        .host("mx.x.example", "192.0.2.1"), "no reverse name", None),
    "not led back": (lambda d: d.add("x.example", "MX", "10 mx.x.example")
                     .host("mx.x.example", "192.0.2.1").ptr("192.0.2.1", "other.example"),
                     "does not lead back", None),
    "private": (lambda d: d.add("x.example", "MX", "10 mx.x.example")
                .client("10.0.0.1", "mx.x.example"), "public Internet", None),
    "null MX among others": (lambda d: d.add("x.example", "MX", "0 .", "10 mx.x.example")
                             .client("192.0.2.1", "mx.x.example"), "stands beside", None),
    "a digest of a wrong size": (lambda d: d.add("x.example", "MX", "10 mx.x.example")
                                 .client("192.0.2.1", "mx.x.example")
                                 .add("_25._tcp.mx.x.example", "TLSA", "3 1 1 abcd"),
                                 "32 octets", None),
    "a usage for web servers": (lambda d: d.add("x.example", "MX", "10 mx.x.example")
                                .client("192.0.2.1", "mx.x.example")
                                .add("_25._tcp.mx.x.example", "TLSA", "1 1 1 " + 32 * "ab"),
                                "usage 0 and 1", None),
    "no mail": (lambda d: d.add("x.example", "MX", "0 ."), None, "null MX"),
    "implicit": (empty, None, "no MX: mail goes to"),
    "some without TLSA": (lambda d: d.add("x.example", "MX", "10 mx.x.example", "20 my.x.example")
                          .client("192.0.2.1", "mx.x.example").client("192.0.2.2", "my.x.example")
                          .add("_25._tcp.mx.x.example", "TLSA", "3 1 1 " + 32 * "ab"),
                          None, "only 1 of 2"),
}


@pytest.mark.parametrize("name", MAIL_FAULTS)
def test_what_is_wrong_with_mail_servers_is_said(ctl, dns, name):
    world, fault, note = MAIL_FAULTS[name]
    world(dns)
    answer = ask(ctl, "domain", "x.example")
    found = faults(answer, "mx")
    assert len(found) == (fault is not None) and all(fault in f for f in found), answer
    assert note is None or any(note in n for n in notes(answer, "mx")), answer


TEXT_FAULTS = {
    "no SPF": ("x.example", [], "spf", "no SPF record"),
    "two SPF": ("x.example", ["v=spf1 -all", "v=spf1 mx -all"], "spf", "2 records"),
    "all may": ("x.example", ["v=spf1 +all"], "spf", "+all lets everybody"),
    "bad SPF": ("x.example", ["v=spf1 ip4:300.1.1.1 -all"], "spf", "permerror"),
    "ptr": ("x.example", ["v=spf1 ptr -all"], "spf", "ptr is slow"),
    "include of nothing": ("x.example", ["v=spf1 include:none.example -all"], "spf",
                           "none.example, which it includes, has no SPF record"),
    "too many": ("x.example", ["v=spf1 " + "exists:e.x.example " * 11 + "-all"], "spf",
                 "11 terms ask DNS"),
    "no DMARC": ("_dmarc.x.example", [], "dmarc", "no DMARC record"),
    "no key": ("s._domainkey.x.example", [], "dkim", "there is no key"),
    "revoked": ("s._domainkey.x.example", ["v=DKIM1; p="], "dkim", "revoked"),
    "no key at all": ("s._domainkey.x.example", ["v=DKIM1; p=AAAA"], "dkim", "s: "),
    "two keys": ("s._domainkey.x.example", ["v=DKIM1; p=", "v=DKIM1; p="], "dkim", "2 TXT"),
    "no id": ("_mta-sts.x.example", ["v=STSv1"], "mta-sts", "no id="),
    "bad id": ("_mta-sts.x.example", ["v=STSv1; id=a-b"], "mta-sts", "letters and digits"),
    "no host": ("_mta-sts.x.example", ["v=STSv1; id=1"], "mta-sts", "mta-sts.x.example has no"),
}


@pytest.mark.parametrize("name", TEXT_FAULTS)
def test_what_is_wrong_with_records_is_said(ctl, dns, name):
    at, texts, part, fault = TEXT_FAULTS[name]
    empty(dns)
    dns.host("e.x.example", "127.0.0.2")
    if texts:
        dns.add(at, "TXT", *texts)
    answer = ask(ctl, "domain", "x.example", "--selector", "s")
    assert any(fault in f for f in faults(answer, part)), answer


def test_includes_count_in_all(ctl, dns):
    empty(dns)
    dns.add("x.example", "TXT", "v=spf1 a mx include:a.example redirect=b.example")
    dns.add("a.example", "TXT", "v=spf1 a include:%{d}.c.example -all")
    dns.add("b.example", "TXT", "v=spf1 exists:%{i}.e.example ip4:192.0.2.0/24 -all")
    spf = ask(ctl, "domain", "x.example")["spf"]
    assert spf["terms"] == 7
    assert [i["name"] for i in spf["includes"]] == ["a.example", "b.example"]


def test_a_record_that_includes_itself_ends(ctl, dns):
    empty(dns)
    dns.add("x.example", "TXT", "v=spf1 include:x.example include:x.example -all")
    answer = ask(ctl, "domain", "x.example")
    assert any("more than" in f for f in faults(answer, "spf")), answer
    assert len(dns.asked("*")) < 120


def test_a_policy_comes_from_above(ctl, dns):
    empty(dns)
    dns.host("deep.below.x.example", "192.0.2.1")
    dns.add("_dmarc.x.example", "TXT", "v=DMARC1; p=reject; sp=quarantine; t=y")
    dmarc = (answer := ask(ctl, "domain", "deep.below.x.example"))["dmarc"]
    assert (dmarc["at"], dmarc["policy"], dmarc["inherited"]) == ("x.example", "quarantine", True)
    assert any("t=y" in n for n in notes(answer, "dmarc"))


def test_dns_that_says_nothing_is_no_answer(ctl, dns):
    dns.dead()
    done = ctl("domain", "x.example")
    assert done.returncode == 1 and "DNS said nothing" in done.stderr, done
    assert "cannot be asked for" in done.stdout


@pytest.mark.parametrize("name", ["192.0.2.1", "[192.0.2.1]", "a b", "", "a..b"])
def test_what_is_no_domain_is_wrong_usage(ctl, dns, name):
    done = ctl("domain", name)
    assert done.returncode == 2 and dns.asked() == [], done


def test_a_domain_in_any_script_is_asked_for(ctl, dns):
    ask(ctl, "domain", "bücher.example")
    assert dns.asked("xn--bcher-kva.example", "MX")


# ---- spf

def test_spf_shows_each_step_and_what_it_cost(ctl, dns):
    dns.add("a.example", "TXT", "v=spf1 include:b.example a:h.example -all exp=why.example")
    dns.add("b.example", "TXT", "v=spf1 ip4:198.51.100.0/24 ?all")
    dns.host("h.example", "192.0.2.9").add("why.example", "TXT", "%{i} is none of ours")
    answer, = ask(ctl, "spf", CLIENT, "u@a.example")
    assert (answer["identity"], answer["result"], answer["domain"]) == \
        ("mailfrom", "fail", "a.example")
    assert answer["mechanism"] == "-all"
    assert answer["explanation"] == f"{CLIENT} is none of ours"
    assert answer["terms"] == 2 and answer["queries"] >= 3
    trace = "\n".join(answer["trace"])
    for text in ("a.example", "b.example", "198.51.100.0/24", "h.example"):
        assert text in trace, trace
    done = ctl("spf", CLIENT, "u@a.example")
    assert done.returncode == 0 and all(line in done.stdout for line in answer["trace"]), done


def test_spf_with_helo_evaluates_both(ctl, dns):
    dns.add("a.example", "TXT", "v=spf1 -all").add("h.example", "TXT", "v=spf1 ip4:192.0.2.25 -all")
    mail, helo = ask(ctl, "spf", CLIENT, "u@a.example", "h.example")
    assert (mail["result"], helo["result"]) == ("fail", "pass")
    null, = ask(ctl, "spf", CLIENT, "<>", "h.example")
    assert null["result"] == "pass"


@pytest.mark.parametrize("words, text", [
    (["300.1.1.1", "u@a.example"], "no IP address"), ([CLIENT, "<>"], "null sender"),
    ([CLIENT], "spf needs")])
def test_spf_with_wrong_words(ctl, words, text):
    done = ctl("spf", *words)
    assert done.returncode == 2 and text in done.stderr, done


# ---- verify

MESSAGE = (b"From: Anna <anna@a.example>\nTo: b@example.org\nSubject: a test\n"
           b"Date: Sun, 22 Nov 2026 20:00:00 +0000\nMessage-ID: <1@a.example>\n\nHello,\n\nAnna\n")


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    """An RSA key in PEM, and what DNS says of it."""
    if dkim is None:
        pytest.skip("python3-dkim is not installed")
    file = tmp_path_factory.mktemp("key") / "rsa.pem"
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", str(file), "2048"], check=True,
                   capture_output=True)
    der = subprocess.run(["openssl", "pkey", "-in", str(file), "-pubout", "-outform", "DER"],
                         capture_output=True, check=True).stdout
    record = "v=DKIM1; k=rsa; p=" + base64.b64encode(der).decode()
    return file.read_bytes(), [record[:200], record[200:]]


@pytest.fixture
def signed(dns, key):
    """MESSAGE with a signature of a.example, whose key and policy (reject) are in DNS."""
    pem, record = key
    dns.add("s._domainkey.a.example", "TXT", record)
    dns.add("_dmarc.a.example", "TXT", "v=DMARC1; p=reject")
    dns.host("a.example", "192.0.2.1")
    field = dkim.sign(MESSAGE.replace(b"\n", b"\r\n"), b"s", b"a.example", pem,
                      canonicalize=(b"relaxed", b"relaxed"))
    return field.replace(b"\r\n", b"\n") + MESSAGE


def verify(ctl, message, *words):
    return ask(ctl, "verify", *words, text=message.decode())


@pytest.mark.parametrize("ends", ["LF", "CRLF", "mailbox"])
def test_a_signed_message_passes(ctl, signed, ends):
    if ends == "mailbox":
        signed = b"From anna@a.example Sun Nov 22 20:00:00 2026\n" + signed
    elif ends == "CRLF":
        signed = signed.replace(b"\n", b"\r\n")
    answer = verify(ctl, signed)
    signature, = answer["dkim"]
    assert (signature["result"], signature["domain"], signature["selector"],
            signature["algorithm"], signature["bits"]) == ("pass", "a.example", "s", "rsa-sha256",
                                                           2048)
    assert "why" not in signature
    dmarc = answer["dmarc"]
    assert (dmarc["result"], dmarc["published"], dmarc["dkim-aligned"]) == ("pass", "reject", True)
    assert answer["spf"] == [] and answer["arc"]["result"] == "none"
    header = answer["header"]
    assert header.startswith("Authentication-Results: mx.example.org") and header.endswith("\r\n")
    for text in ("dkim=pass", "header.d=a.example", "dmarc=pass", "spf=none", "arc=none"):
        assert text in header, header


def test_a_changed_body_fails_and_says_why(ctl, signed):
    answer = verify(ctl, signed.replace(b"Hello", b"Hallo"))
    signature, = answer["dkim"]
    assert signature["result"] == "fail" and signature["why"], answer
    dmarc = answer["dmarc"]
    assert (dmarc["result"], dmarc["dkim-aligned"], dmarc["spf-aligned"]) == ("fail", False, False)
    assert "dmarc=fail" in answer["header"] and "policy.dmarc=quarantine" in answer["header"]


def test_a_key_that_is_not_there_and_one_that_cannot_be_asked_for(ctl, dns, signed):
    dns.remove("s._domainkey.a.example")
    signature, = verify(ctl, signed)["dkim"]
    assert signature["result"] == "permerror" and signature["why"]
    dns.rule("s._domainkey.a.example", Rcode("SERVFAIL"))
    answer = verify(ctl, signed)
    assert answer["dkim"][0]["result"] == "temperror" and answer["dkim"][0]["why"], answer
    assert answer["dmarc"]["result"] == "temperror", answer


def test_spf_counts_where_the_client_is_known(ctl, dns, signed):
    dns.client(CLIENT, "mail.a.example")
    dns.add("a.example", "TXT", "v=spf1 ip4:192.0.2.25 -all")
    dns.add("mail.a.example", "TXT", "v=spf1 a -all")
    answer = verify(ctl, MESSAGE, "--ip", CLIENT, "--helo", "mail.a.example", "--from",
                    "anna@a.example")
    assert [(s["identity"], s["result"], s["domain"]) for s in answer["spf"]] == [
        ("mailfrom", "pass", "a.example"), ("helo", "pass", "mail.a.example")]
    assert answer["dkim"] == [] and answer["dmarc"]["result"] == "pass"
    assert answer["dmarc"]["spf-aligned"] is True
    for text in ("spf=pass", "smtp.mailfrom=", "iprev=pass", "dkim=none"):
        assert text in answer["header"], answer["header"]
    stranger = verify(ctl, MESSAGE, "--ip", "192.0.2.26", "--from", "anna@a.example")
    assert stranger["spf"][0]["result"] == "fail" and stranger["dmarc"]["result"] == "fail"
    assert signed.endswith(MESSAGE)


@pytest.mark.parametrize("trusted, override", [("list.example", True), ("other.example", False)])
def test_the_chain_of_a_trusted_sealer_overrides(gatepost, dns, signed, key, trusted, override):
    """A list has changed the message, which breaks its signature, and sealed it."""
    dns.add("arc._domainkey.list.example", "TXT", key[1])
    gate = gatepost("127.0.0.1:1", start=False, dns={"servers": [address_text(dns)]},
                    arc={"trusted": [trusted]})

    def run(message):
        done = run_ctl("-c", gate.config_file, "--json", "verify", text=message.decode())
        assert done.returncode == 0, done
        return json.loads(done.stdout)
    listed = (b"Authentication-Results: list.example; dkim=pass header.d=a.example\n" +
              signed.replace(b"Hello", b"Hello, list")).replace(b"\n", b"\r\n")
    chain = dkim.arc_sign(listed, b"arc", b"list.example", key[0], b"list.example")
    message = (b"".join(chain) + listed).replace(b"\r\n", b"\n")
    answer = run(message)
    arc = answer["arc"]
    assert (arc["result"], arc["sealer"], arc["sets"]) == ("pass", "list.example", 1), answer
    assert answer["dmarc"]["result"] == "fail"
    assert ("trusted ARC chain" in answer["header"]) == override, answer["header"]
    assert ("policy.dmarc=quarantine" in answer["header"]) != override, answer["header"]
    broken = run(message.replace(b"Hello", b"Hallo"))
    assert broken["arc"]["result"] == "fail" and broken["arc"]["why"], broken


@pytest.mark.parametrize("head, sentence", [
    (b"From: a@a.example\nFrom: b@b.example\n", "several From fields"),
    (b"Subject: x\n", "no From field"), (b"From: undisclosed:;\n", "no mailbox")])
def test_an_author_who_is_not_one_is_said(ctl, head, sentence):
    answer = verify(ctl, head + b"\nx\n")
    assert sentence in answer["author"] and answer["dmarc"]["result"] in ("none", "permerror")


def test_people_see_every_part_and_the_header(ctl, signed):
    done = ctl("verify", text=signed.replace(b"Hello", b"Hallo").decode())
    assert done.returncode == 0 and "\033" not in done.stdout, done
    for text in ("SPF\n  not asked", "DKIM\n", "ARC\n", "DMARC\n", "fail", "a.example", "rsa-sha256",
                 "Authentication-Results: mx.example.org"):
        assert text in done.stdout, (text, done.stdout)


def test_a_message_of_nothing_is_evaluated(ctl):
    answer = verify(ctl, b"")
    assert answer["dkim"] == [] and answer["dmarc"]["result"] == "none", answer


@pytest.mark.parametrize("words, text", [
    (["--helo", "h.example"], "only with --ip"), (["--from", "a@a.example"], "only with --ip"),
    (["--ip", CLIENT], "needs --from or --helo"), (["--ip", "nobody"], "takes an IP address"),
    (["file.eml"], "does not take")])
def test_verify_with_wrong_words(ctl, words, text):
    done = ctl("verify", *words)
    assert done.returncode == 2 and text in done.stderr and done.stdout == "", done


def test_dns_that_is_silent_is_a_temporary_fault_of_each_part(ctl, dns, signed):
    dns.dead()
    answer = verify(ctl, signed)
    assert answer["dkim"][0]["result"] == "temperror"
    assert answer["dmarc"]["result"] == "temperror", answer


def test_many_addresses_are_asked_about_together(ctl, dns):
    dns.add("x.example", "MX", "10 mx.x.example")
    dns.host("mx.x.example", *(f"192.0.2.{i}" for i in range(1, 40)))
    dns.rule("*.in-addr.arpa", Rcode("SERVFAIL"))
    answer = ask(ctl, "domain", "x.example")
    assert len(answer["mx"][0]["addresses"]) == 16
    assert sum("cannot be asked for" in f for f in faults(answer, "mx")) == 16


def test_verify_says_what_the_daemon_writes(guard, dns, backend, signed):
    """The header that is shown is the one that the server behind gets, byte for byte."""
    dns.client(CLIENT, "mail.a.example")
    dns.add("a.example", "TXT", "v=spf1 ip4:192.0.2.25 -all")
    dns.add("mail.a.example", "TXT", "v=spf1 a -all")
    gate = guard({name: {} for name in AUTHENTICATION} | {"reverse-dns": {}})
    message = signed.replace(b"\n", b"\r\n")
    with Visitor(gate, CLIENT) as smtp:
        smtp.cmd("EHLO mail.a.example", 250)
        smtp.cmd("MAIL FROM:<anna@a.example>", 250)
        smtp.cmd("RCPT TO:<user@example.org>", 250)
        smtp.cmd("DATA", 354)
        smtp.send(stuffed(message) + b".\r\n")
        assert smtp.reply().code == 250
    kept = bytes(backend.transactions[0].data)
    answer = ask(lambda *words, **more: run_ctl("-c", gate.config_file, *words, **more), "verify",
                 "--ip", CLIENT, "--helo", "mail.a.example", "--from", "anna@a.example",
                 text=signed.decode())
    assert answer["dmarc"]["result"] == "pass"
    assert answer["header"].encode() + message in kept, (answer["header"], kept)
