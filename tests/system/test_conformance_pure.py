# SPDX-License-Identifier: ISC
"""Suites that need no daemon: paths (address-isemail, smtp-opensmtpd, smtp-chasquid-fuzz), PROXY
headers (proxy-dev), organisational domains (psl), asked of the modules through the drivers in
tests/unit/drivers. Each prints "suite: passed/total"."""

import ast
import base64
import ipaddress
import json
import re
import subprocess
import xml.etree.ElementTree as tree


from harness import SUITES
from harness.suite import driver, need, report

ISEMAIL = SUITES / "address-isemail" / "tests.xml"
VECTORS = SUITES / "proxy-dev" / "vectors.json"
OPENSMTPD = SUITES / "smtp-opensmtpd"
PSL = SUITES / "psl" / "tests.txt"
NORMALIZE = SUITES / "smtp-chasquid-fuzz" / "normalize" / "FuzzAddr"

# isemail judges addresses of a message (RFC 5322), we judge paths (RFC 5321 4.1.2). What binds:
# categories valid in RFC 5321 are accepted (DNSWARN says only that no such domain exists), ERR
# is refused. The rest (comments, folding, obsolete forms, lengths of RFC 5322) is ours to decide.
MUST_ACCEPT = {"ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN", "ISEMAIL_RFC5321"}
MUST_REFUSE = {"ISEMAIL_ERR"}
FREE = {"ISEMAIL_CFWS", "ISEMAIL_DEPREC", "ISEMAIL_RFC5322"}
# Of the free ones we accept only these, by id:
FREE_ACCEPTED = {
    "39": "local part 64 and domain 190: each within RFC 5321 4.5.3.1, only their sum is not",
    "40": "a domain of 255 octets is within RFC 5321 4.5.3.1.2",
    "66": "[1111:2222:...] has the form of General-address-literal",
    "71": "'::' for one group: deprecated in writing, yet an IPv6 address",
}

# OpenSMTPD's own choices.
OPENSMTPD_DEVIATIONS = {
    "<@>": "no path of RFC 5321; OpenSMTPD takes it for <>",
    "<whatever:a@a>": "a source route begins with '@'; OpenSMTPD cuts at any ':'",
}


def drive(name, lines):
    """The driver's verdicts on the lines."""
    done = subprocess.run([driver(name)], input="".join(line + "\n" for line in lines), text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    verdicts = done.stdout.splitlines()
    assert len(verdicts) == len(lines)
    assert "input" not in verdicts
    return verdicts


def controls(text):
    """U+2400+n stands for the control character n."""
    return "".join(chr(ord(c) - 0x2400) if 0x2400 <= ord(c) < 0x2420 else c for c in text)


def path_fault(verdict, path, accept):
    """What is wrong with the driver's verdict on the path (bytes with their brackets), or None."""
    if not accept:
        return f"accepted: {verdict}" if verdict.startswith("ok") else None
    want = f"ok {len(path)} {path[1:-1].hex()}"
    return None if verdict == want else f"{verdict}, not {want}"


def test_address_isemail():
    need(ISEMAIL)
    cases = []
    for test in tree.parse(ISEMAIL).getroot().iter("test"):
        address = controls(test.findtext("address") or "")
        cases.append((test.get("id"), test.findtext("category"), f"<{address}>".encode()))
    senders = drive("path_driver", ["sender " + path.hex() for _, _, path in cases])
    recipients = drive("path_driver", ["rcpt " + path.hex() for _, _, path in cases])

    failures = []
    for (number, category, path), sender, recipient in zip(cases, senders, recipients):
        assert category in MUST_ACCEPT | MUST_REFUSE | FREE
        accept = category in MUST_ACCEPT or number in FREE_ACCEPTED
        fault = path_fault(recipient, path, accept)
        if path != b"<>":  # an error as an address, but the null sender as a path
            fault = fault or path_fault(sender, path, accept)
        if fault:
            failures.append(f"{number} {category} {path!r}: {fault}")
    report("address-isemail", failures, len(cases))


def test_smtp_opensmtpd_paths():
    need(OPENSMTPD)
    cases = []
    for name, word, kind in (("mailfrom", "MAIL FROM", "sender"), ("rcptto", "RCPT TO", "rcpt")):
        script = (OPENSMTPD / f"test.{name}").read_text()
        for path, want in re.findall(
                rf'test-case[^}}]*writeln "{word}: (<[^"]*>)"\s*expect smtp (ok|permfail)', script):
            cases.append((kind, path, want == "ok"))
    verdicts = drive("path_driver", [f"{kind} {path.encode().hex()}" for kind, path, _ in cases])

    failures = []
    for (kind, path, accept), verdict in zip(cases, verdicts):
        accept = accept and path not in OPENSMTPD_DEVIATIONS
        fault = path_fault(verdict, path.encode(), accept)
        if fault:
            failures.append(f"{kind} {path}: {fault}")
    report("smtp-opensmtpd paths", failures, len(cases))


def test_smtp_chasquid_addresses():
    need(NORMALIZE)
    addresses = [ast.literal_eval(re.search(r"string\((.*)\)", file.read_text())[1])
                 for file in sorted(NORMALIZE.iterdir())]
    paths = [f"<{address}>".encode() for address in addresses]
    verdicts = drive("path_driver", ["rcpt " + path.hex() for path in paths])

    failures = []
    for path, verdict in zip(paths, verdicts):
        fault = path_fault(verdict, path, b"@" in path)
        if fault:
            failures.append(f"{path!r}: {fault}")
    report("smtp-chasquid-fuzz addresses", failures, len(paths))


def endpoint(ip, port):
    """As the driver writes it: mapped IPv4 is IPv4."""
    address = ipaddress.ip_address(ip)
    address = getattr(address, "ipv4_mapped", None) or address
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def header_fault(case, verdict, size):
    word, *rest = verdict.split(" ")
    if not case["valid"]:  # a connection that ends within the header has none
        return None if word in ("invalid", "more") else f"accepted: {verdict}"
    if case.get("command") == "LOCAL" or case["family"] not in ("TCP4", "TCP6"):
        return None if verdict == f"local {size}" else verdict
    want = [str(size), endpoint(case["src"], case["sport"])]
    if "dst" in case:
        want.append(endpoint(case["dst"], case["dport"]))
    return None if word == "ok" and rest[:len(want)] == want else f"{verdict}, not {want}"


def test_proxy_dev():
    need(VECTORS)
    cases = [case for group in json.loads(VECTORS.read_text()).values() for case in group]
    inputs = [bytes.fromhex(case["hex"]) if "hex" in case else
              case["text"].encode("latin-1") if "text" in case else base64.b64decode(case["b64"])
              for case in cases]
    verdicts = drive("proxy_header_driver", [data.hex() for data in inputs])

    failures = []
    for case, data, verdict in zip(cases, inputs, verdicts):
        fault = header_fault(case, verdict, len(data))
        if fault:
            failures.append(f"{data!r}: {fault}")
    report("proxy-dev", failures, len(cases))


def test_psl():
    need(PSL)
    cases = [line.split() for line in PSL.read_text().splitlines()
             if line and not line.startswith("//")]
    cases = [(name, want) for name, want in cases if name != "null"]
    verdicts = drive("org_domain_driver", [name for name, _ in cases])

    failures = [f"{name}: {verdict}, not {want}" for (name, want), verdict in zip(cases, verdicts)
                if verdict.lower() != want]
    report("psl", failures, len(cases))
