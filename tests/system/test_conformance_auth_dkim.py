# SPDX-License-Identifier: ISC
"""DKIM suites (dkim-chasquid, dkim-stalwart, dkim-dkimpy, dkim-postalsys), asked of policy/auth/dkim
through its driver, the real resolver and the scripted DNS server. Each prints "suite: passed/total";
where we deviate, the case and the reason stand here."""

import base64
import json
import re
import subprocess

import pytest

from harness import SUITES
from harness.dkim import Case, verify, wire
from harness.dns import Rcode
from harness.suite import need, report

try:
    import dkim
except ImportError:
    dkim = None  # what is signed here is skipped

CHASQUID = SUITES / "dkim-chasquid"
STALWART = SUITES / "dkim-stalwart"
DKIMPY = SUITES / "dkim-dkimpy"
POSTALSYS = SUITES / "dkim-postalsys"

NOW = 1700000000
STALWART_NOW = 1667843664
CHASQUID_SIGNATURES = 5  # its limit

# By case and place of the signature: (our result, reason).
CHASQUID_DEVIATIONS = {
    ("09", 0): ("policy", "l= leaves a part of the body unsigned: not believed by default"),
    ("02", 5): ("neutral", "one signature beyond the limit is reported, as too many"),
}
DKIMPY_DEVIATIONS = {
    "l= and text added": ("policy", "not believed by default; python-dkim takes it"),
}


def need_signer():
    if dkim is None:
        pytest.skip("python3-dkim is not installed")


def publish(dns, name, text):
    """As a TXT record, cut into strings of 255."""
    octets = text.encode() if isinstance(text, str) else text
    dns.add(name, "TXT", [octets[at:at + 255] for at in range(0, len(octets), 255)])


def forget(dns):
    with dns.lock:
        dns.table.clear()
        dns.rules.clear()


def results(signatures):
    return [signature.result for signature in signatures]


# chasquid

def chasquid_zone(dns, text):
    text = re.sub(r"\\\n\s*", "", text)
    for line in filter(None, text.splitlines()):
        name, _, value = line.partition(":")
        value = value.strip()
        if value == "TEMPERROR":
            dns.rule(name, Rcode("SERVFAIL"), "TXT")
        elif value == "PERMERROR":
            dns.rule(name, Rcode("NXDOMAIN"), "TXT")
        else:
            publish(dns, name, value)


def chasquid_fault(number, signatures, result):
    """What is wrong, or None. PERMFAIL is all of ours that a sender cannot mend by time."""
    states = [one["State"] for one in result["Results"] or []]
    for place, signature in enumerate(signatures):
        deviation = CHASQUID_DEVIATIONS.get((number, place))
        state = states[place] if place < len(states) else None
        want = {"SUCCESS": ("pass",), "TEMPFAIL": ("temperror",), None: (),
                "PERMFAIL": ("fail", "permerror", "neutral", "policy")}[state]
        if deviation:
            assert deviation[0] not in want, f"{number}: a deviation that is none"
            want = (deviation[0],)
        if signature.result not in want:
            return f"{number}: {signature}, not {want}"
        if state and signature.domain != result["Results"][place]["Domain"] and state == "SUCCESS":
            return f"{number}: {signature}"
    return None if len(signatures) >= len(states) else f"{number}: {signatures}, not {states}"


def test_dkim_chasquid(dns):
    need(CHASQUID)
    failures, total = [], 0
    for path in sorted(CHASQUID.glob("*.msg")):
        number = path.name[:2]
        zone = path.with_suffix(".dns")
        forget(dns)
        if zone.exists():
            chasquid_zone(dns, zone.read_text())
        expected = path.with_suffix(".result")
        result = json.loads(expected.read_text()) if expected.exists() else {"Results": []}
        case = Case(wire(path.read_bytes()), NOW + 10**8, CHASQUID_SIGNATURES)
        signatures = verify(dns, [case])[0]
        fault = chasquid_fault(number, signatures, result)
        failures += [fault] if fault else []
        total += 1
    report("dkim-chasquid", failures, total,
           {case: reason for (case, _), (_, reason) in CHASQUID_DEVIATIONS.items()})


# stalwart

def test_dkim_stalwart(dns):
    need(STALWART)
    failures, total = [], 0
    for path in sorted(STALWART.glob("*.txt")):
        zone, _, message = path.read_bytes().partition(b"\n\n")
        for line in zone.splitlines():
            name, text = line.split(b" ", 1)
            publish(dns, name.decode(), text)
        signatures = verify(dns, [Case(wire(message), STALWART_NOW, 64)])[0]
        if not signatures or signatures[-1].result != "pass":
            failures.append(f"{path.name}: {signatures}")
        total += 1
    report("dkim-stalwart", failures, total)


# dkimpy: what its own tests do with the data (dkim/tests/test_dkim*.py), asked of us.

CANONS = [(head.encode(), body.encode()) for head in ("simple", "relaxed")
          for body in ("simple", "relaxed")]
RSA, ED25519 = b"rsa-sha256", b"ed25519-sha256"
BRISBANE = "brisbane._domainkey.football.example.com"


def read(name):
    return (DKIMPY / name).read_bytes()


def sign(message, selector, domain, key, **how):
    message = wire(message)
    return dkim.sign(message, selector, domain, key, **how) + message


def dkimpy_signed():
    """(name, message, {key name: text}, wanted results)."""
    test, keys = read("test.message"), {"test._domainkey.example.com": read("test.txt")}
    rfc = {"test._domainkey.football.example.com": read("test.txt"), BRISBANE:
           b"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}
    net = {"test._domainkey.example.net": read("ed25519test.dns")}
    for canon in CANONS:
        how = {"canonicalize": canon}
        signed = sign(test, b"test", b"example.com", read("test.private"), **how)
        yield "verifies", signed, keys, ["pass"]
        for name in ("test2.txt", "badversion.txt", "badk.txt", "test_bad.txt", "test_tlsrpt.txt"):
            want = ["pass" if name == "test2.txt" else "permerror"]
            yield name, signed, {"test._domainkey.example.com": read(name)}, want
        yield "altered body", signed + b"foo", keys, ["fail"]
        yield "SHOULD fields", sign(test, b"test", b"example.com", read("test.private"),
                                    include_headers=(b"from",) + dkim.DKIM.SHOULD, **how), keys, \
            ["pass"]
        part = sign(test, b"test", b"example.com", read("test.private"), length=True, **how)
        yield "l=", part, keys, ["pass"]
        yield "l= and text added", part + b"added more text\r\n", keys, ["pass"]
        yield "signed again", sign(read("rfc6376.signed.msg"), b"test", b"football.example.com",
                                   read("test.private"), **how), rfc, ["pass", "pass", "pass"]
        yield "windows-1258", sign(read("rfc6376.w1258.msg"), b"test", b"football.example.com",
                                   read("test.private"), **how), rfc, ["pass"]
        every = dkim.DKIM(wire(read("message.mbox")))
        every.should_not_sign.remove(b"received")
        yield "a field many times", every.sign(
            b"test", b"example.com", read("test.private"),
            include_headers=every.all_sign_headers(), **how) + wire(read("message.mbox")), keys, \
            ["pass", "permerror"]  # its own signature, of 2011, has no key any more
        twice = b"From: another <a@example.com>\r\n"
        yield "a second From above", twice + signed, keys, ["fail"]
        yield "the second From within", signed.replace(b"\r\nFrom:", b"\r\n" + twice + b"From:", 1), \
            keys, ["fail"]
        ed = sign(read("ed25519test.msg"), b"test", b"example.net", read("ed25519test.key"),
                  signature_algorithm=ED25519, **how)
        yield "Ed25519", ed, net, ["pass"]
        yield "Ed25519, altered body", ed + b"foo", net, ["fail"]
        yield "Ed25519, RFC 8032's key", sign(
            read("rfc6376.msg"), b"brisbane", b"football.example.com", read("rfc8032_7_1.key"),
            signature_algorithm=ED25519, **how), rfc, ["pass"]
    for size in ("1024_testkey", "2048_testkey", "2048_testkey_PKCS8"):
        signed = sign(test, b"test", b"example.com", read(size + ".key"))
        for public in DKIMPY.glob(f"{size}*.txt"):
            if size == "2048_testkey" and "PKCS8" in public.name:
                continue
            yield public.name, signed, {"test._domainkey.example.com": public.read_bytes()}, \
                ["pass"]
    yield "unsigned", wire(test), keys, []
    yield "rfc6376.signed.msg", wire(read("rfc6376.signed.msg")), rfc, ["pass", "pass"]
    yield "rfc6376.signed.rsa.msg", wire(read("rfc6376.signed.rsa.msg")), rfc, ["pass"]
    yield "rfc6376.signed.no_t.msg", wire(read("rfc6376.signed.no_t.msg")), rfc, ["fail"]
    yield "test.message.baddomain", wire(read("test.message.baddomain")), keys, ["neutral"]
    yield "ed25519test2.msg by Exim", wire(read("ed25519test2.msg")), \
        {"sed._domainkey.test.ex": read("eximtest.dns")}, ["pass"]
    yield "test_extra.message", sign(read("test_extra.message"), b"test", b"example.com",
                                     read("test.private")), keys, ["pass"]


def test_dkim_dkimpy(dns):
    need(DKIMPY)
    need_signer()
    failures, total = [], 0
    for name, message, keys, want in dkimpy_signed():
        forget(dns)
        for key, text in keys.items():
            publish(dns, key, text.strip())
        if name in DKIMPY_DEVIATIONS:
            assert [DKIMPY_DEVIATIONS[name][0]] != want
            want = [DKIMPY_DEVIATIONS[name][0]]
        signatures = verify(dns, [Case(message, NOW + 10**9)])[0]
        if results(signatures) != want:
            failures.append(f"{name}: {signatures}, not {want}")
        total += 1
    report("dkim-dkimpy", failures, total,
           {case: reason for case, (_, reason) in DKIMPY_DEVIATIONS.items()})


# postalsys: the signed message of RFC 8463, and its messages signed with its keys.

def postalsys_keys():
    """(name, private key for python-dkim, record, algorithm, wanted)."""
    def pem(name):
        return (POSTALSYS / name).read_bytes()

    def record(kind, name):
        der = base64.b64decode("".join(pem(name).decode().splitlines()[1:-1]))
        octets = der[-32:] if kind == "ed25519" else der
        return f"v=DKIM1; k={kind}; p={base64.b64encode(octets).decode()}"

    seed = subprocess.run(["openssl", "pkey", "-in", POSTALSYS / "private-ed25519.pem", "-outform",
                           "DER"], capture_output=True, check=True, timeout=20).stdout[-32:]
    yield "rsa", pem("private-rsa.pem"), record("rsa", "public-rsa.pem"), RSA, "pass"
    yield "small", pem("private-small.pem"), record("rsa", "public-small.pem"), RSA, "policy"
    yield "ed25519", base64.b64encode(seed), record("ed25519", "public-ed25519.pem"), ED25519, \
        "pass"


def test_dkim_postalsys(dns):
    need(POSTALSYS)
    need_signer()
    zone = json.loads((POSTALSYS / "ec" / "dns.json").read_text())
    for name, records in zone.items():
        publish(dns, name, "".join(records["TXT"][0]))
    total = 1
    signatures = verify(dns, [Case(wire((POSTALSYS / "ec" / "signed.eml").read_bytes()), NOW)])[0]
    failures = [] if results(signatures) == ["pass", "pass"] else [f"ec/signed.eml: {signatures}"]
    for kind, key, record, algorithm, want in postalsys_keys():
        publish(dns, f"{kind}._domainkey.example.com", record)
        for path in sorted(POSTALSYS.glob("*.eml")):
            for canon in CANONS:
                message = sign(path.read_bytes(), kind.encode(), b"example.com", key,
                               canonicalize=canon, signature_algorithm=algorithm)
                signature = verify(dns, [Case(message, NOW + 10**9)])[0][0]
                if signature.result != want:
                    failures.append(f"{path.name} {kind} {canon}: {signature}")
                total += 1
    report("dkim-postalsys", failures, total)
