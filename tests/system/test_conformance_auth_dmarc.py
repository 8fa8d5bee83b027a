# SPDX-License-Identifier: ISC
"""DMARC suites (dmarc-rfc9989, dmarc-postalsys, dmarc-opendmarc) and the addresses of
mime-stalwart-headers, asked of policy/auth through tests/unit/drivers/dmarc_driver, the real
resolver and the scripted DNS server. Each prints "suite: passed/total"; where a case may not pass,
its name and the reason stand here, and it must then really not pass."""

import json
import re
import subprocess

import pytest

from harness import SLOW, SUITES
from harness.dns import DnsServer
from harness.suite import driver, need

RFC9989 = SUITES / "dmarc-rfc9989"
POSTALSYS = SUITES / "dmarc-postalsys" / "dmarc-verify.json"
OPENDMARC = SUITES / "dmarc-opendmarc" / "cases.json"
ADDRESS = SUITES / "mime-stalwart-headers" / "address.json"
SILENCE_MS = int(1000 * SLOW)
QUESTIONS_MOST = 8  # of one walk

URI = "of a List-* field (RFC 2369): a URI is no address"
FLAT = "comments, folding and blanks are taken out of a domain, since it is asked about"
PCT = "pct is historic (RFC 9989 9.3, A.6): unknown tags are ignored, 4.7"
DEVIATIONS = {
    "dmarc-rfc9989/mailauth": {
        "does not inherit the org policy when the author domain publishes multiple records "
        "(\u00a74.10 step 2)":
            "RFC 9989 4.10 step 2 discards all of them and 4.10.1 then goes on with the parent, as "
            "for a domain without a record; that discovery ends there was RFC 7489's (6.6.3), and "
            "so it is with discovery = psl",
    },
    "dmarc-rfc9989/stalwart": {
        "report authorisation": "of reports (RFC 9990), which are not sent",
    },
    "dmarc-postalsys treewalk": {
        "Should parse all common tags": PCT,
        "Should handle split TXT records": PCT,
        "Should handle headerFrom without @ symbol":
            "a From without '@' names no domain (RFC 5322 3.4.1)",
    },
    "dmarc-opendmarc records": {
        "v=DMARC1; p=n;": "policies are not abbreviated (RFC 9989 4.8)",
        "v=DMARC1; p=none; adkim=bob;": "a faulty tag has its default (RFC 9989 4.7)",
        "v=DMARC1; p=none; aspf=bob;": "a faulty tag has its default (RFC 9989 4.7)",
        "v=DMARC1; p=none; rf=bob;": "rf is historic and ignored (RFC 9989 4.7)",
        "v=DMARC1; p=none; rf=000000000000000000000000000000000": "likewise",
        "v=DMARC1; p=none; ri=bob;": "ri is historic and ignored (RFC 9989 4.7)",
        "v=DMARC1; p=none; pct=500;": PCT,
    },
    "dmarc-opendmarc alignments": {
        ".mac.com. mac.com": "a name with an empty label is no domain (RFC 5322 3.4.1)",
        "....mac.com.... mac.com": "likewise",
    },
    "mime-stalwart-headers addresses": {
        "Pete(A nice \n \\\n ) chap) <pete(his\n account)@silly\n .test(his host)>":
            "a backslash before a line's end quotes no parenthesis of the next line",
        "Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example":
            "a route is passed over (RFC 5322 4.4); " + FLAT,
        "John Doe <jdoe@machine(comment).  example>": FLAT,
        "phil@example.com <phil@example.com>":
            "an address where a name should be is told, too, so that two domains would be two",
        "<a@b.com> =?utf-8?q?Doe?=": "nothing but comments stands behind '>' (RFC 5322 3.4)",
        "<http://www.host.com/list/archive/> (Web Archive)": URI,
        "<mailto:archive@host.com?subject=index%20list>": URI,
        "<mailto:moderator@host.com> (Postings are Moderated)": URI,
        "(Use this command to join the list)\n"
        "   <mailto:list-manager@host.com?body=subscribe%20list>": URI,
        "<http://www.host.com/list.cgi?cmd=sub&lst=list>,\n"
        "   <mailto:list-manager@host.com?body=subscribe%20list>": URI,
        "<ftp://ftp.host.com/list.txt> (FTP),\n   <mailto:list@host.com?subject=help>": URI,
        "<http://www.host.com/list/>, <mailto:list-info@host.com>": URI,
        "(Use this command to get off the list)\n"
        "     <mailto:list-manager@host.com?body=unsubscribe%20list>": URI,
        "<http://www.host.com/list.cgi?cmd=unsub&lst=list>,\n"
        "   <mailto:list-request@host.com?subject=unsubscribe>": URI,
        "<mailto:listmom@host.com> (Contact Person for Help)": URI,
    },
}
DEVIATIONS["dmarc-postalsys psl"] = DEVIATIONS["dmarc-postalsys treewalk"]


def drive(lines, port=9):
    """What the driver says of each line."""
    done = subprocess.run([driver("dmarc_driver"), str(port), str(SILENCE_MS)],
                          input="".join(line + "\n" for line in lines), text=True,
                          capture_output=True, timeout=60 * SLOW, check=False)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert len(said) == len(lines) and "input" not in said
    return said


def judge(suite, cases):
    """`cases`: (name, fault or None)."""
    deviations = DEVIATIONS.get(suite, {})
    failures = []
    deviated = {}
    for name, fault in cases:
        if name in deviations:
            deviated[name] = fault
            if fault is None:
                failures.append(f"{name}: passes, though it should not: {deviations[name]}")
        elif fault is not None:
            failures.append(f"{name}: {fault}")
    total = len(cases)
    print(f"{suite}: {total - len(failures) - len(deviated)}/{total}")
    for name in deviated:
        print(f"  {' '.join(name.split())}: {deviations[name]}")
    assert total > 0
    assert set(deviated) == set(deviations)
    assert not failures, "\n".join(failures)


# ---- messages

def publish(server, zone):
    if zone == "ALL QUERIES TIME OUT":
        server.dead()
        return
    for name, records in zone.items():
        for kind, values in records.items():
            for value in values:
                if kind == "MX":
                    value = f"{value['priority']} {value['exchange']}"
                elif kind == "TXT":
                    value = [part.encode() for part in value]
                server.add(name, kind, value)


def ask(server, case, how):
    """The driver's answer, and the names that were asked about for it."""
    authors = case["header_from"]
    authors = authors if isinstance(authors, list) else [authors]
    spf = case["spf_pass_domains"]
    assert len(spf) <= 1
    server.table.clear()
    server.rules.clear()
    publish(server, case["zone"])
    server.forget()
    line = " ".join([how, f"From: {', '.join(authors)}\r\n\r\n".encode().hex(), *(spf or ["-"]),
                     *case["dkim_pass_domains"]])
    answer = json.loads(drive([line], server.address[1])[0])
    asked = [query.name for query in server.asked(kind="TXT")]
    most = QUESTIONS_MOST * (1 + len(set(spf + case["dkim_pass_domains"])))
    assert len(asked) <= 2 * most  # each is tried twice where nobody answers
    return answer, asked


def aligned(case, answer, kind):
    """As stalwart says it: none where nothing passes by itself."""
    if not case[f"{kind}_pass_domains"]:
        return "none"
    return "pass" if answer[kind] else "fail"


def value_of(key, case, answer, asked):
    """What the answer has for a key of an expectation."""
    if key in ("status.result", "result"):
        return answer["result"]
    if key in ("domain", "status.header.d"):
        return answer["at"]
    if key == "status.header.from":
        return answer["domain"]
    if key in ("dkim", "spf"):
        return aligned(case, answer, key)
    if key == "record":
        return answer["at"] or None
    if key == "TXT query sequence":
        return asked
    if key.endswith(".strict"):
        return "true" if answer["a" + key.split(".")[1]] == "s" else "false"
    return answer.get(key)


def matches(key, want, case, answer, asked):
    if key == "absent":
        return not set(want) & set(answer)
    if key == "error":
        return "timeout" in answer["why"] or "time" in answer["why"]
    if key.startswith("alignment.") and key.endswith(".result"):
        return answer[key.split(".")[1]] == (want != "not ok")
    if key == "result" and want.startswith("no DMARC processing"):
        want = "none"
    return value_of(key, case, answer, asked) == want


def fault_of(server, case, how):
    answer, asked = ask(server, case, how)
    wrong = [f"{key}: {want!r}" for key, want in case["expect"].items()
             if not matches(key, want, case, answer, asked)]
    return f"{answer}, {asked}, but wanted {', '.join(wrong)}" if wrong else None


def run(suite, path, how, ports):
    need(path)
    server = DnsServer(ports.take())
    try:
        cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
        judge(suite, [(case["name"], fault_of(server, case, how)) for case in cases])
    finally:
        server.stop()


def test_dmarc_rfc9989_mailauth(ports):
    run("dmarc-rfc9989/mailauth", RFC9989 / "mailauth-rfc9989.json", "treewalk", ports)


def test_dmarc_rfc9989_stalwart(ports):
    run("dmarc-rfc9989/stalwart", RFC9989 / "stalwart.json", "treewalk", ports)


@pytest.mark.parametrize("how", ["treewalk", "psl"])
def test_dmarc_postalsys(ports, how):
    run(f"dmarc-postalsys {how}", POSTALSYS, how, ports)


# ---- records and alignment

def test_dmarc_opendmarc_records():
    need(OPENDMARC)
    cases = json.loads(OPENDMARC.read_text(encoding="utf-8"))["record_parse"]
    said = drive([f"record {case['record'].encode().hex() or '-'}" for case in cases])
    faults = []
    for case, line in zip(cases, said):
        good = line.startswith("record ")
        faults.append((case["record"], None if good == (case["expect"] == "okay") else line))
    judge("dmarc-opendmarc records", faults)


def test_dmarc_opendmarc_alignments(ports):
    need(OPENDMARC)
    server = DnsServer(ports.take())
    faults = []
    for case in json.loads(OPENDMARC.read_text(encoding="utf-8"))["alignment"]:
        mode = case["mode"][0]
        record = f"v=DMARC1; p=none; adkim={mode}"
        message = {"header_from": f"x@{case['a']}", "spf_pass_domains": [],
                   "dkim_pass_domains": [case["b"]],
                   "zone": {f"_dmarc.{case['a'].strip('.')}": {"TXT": [[record]]}}}
        answer, _ = ask(server, message, "psl")
        faults.append((f"{case['a']} {case['b']}",
                       None if answer["dkim"] == case["aligned"] else str(answer)))
    server.stop()
    judge("dmarc-opendmarc alignments", faults)


# ---- addresses

def unhex(text):
    return bytes.fromhex(text).decode("utf-8", "replace")


def mailboxes(line):
    """("good", [address], [in a group])."""
    status, *boxes = line.split(" ")
    found, grouped = [], []
    for box in boxes:
        _, local, domain, *group = box.split(":")
        local, domain = unhex(local), unhex(domain)
        if local or domain:
            found.append(f"{local}@{domain}" if domain else local)
            grouped.append(bool(group))
    return status, found, grouped


def wanted(expected):
    if "List" in expected:
        found = [(entry["address"], False) for entry in expected["List"]]
    else:
        found = [(entry["address"], group["name"] is not None)
                 for group in expected["Group"] for entry in group["addresses"]]
    found = [(address, group) for address, group in found if address is not None]
    return [address for address, _ in found], [group for _, group in found]


def first_field(header):
    """A value ends with the line that no blank follows; the suite has LF for CRLF."""
    return re.split(r"\n(?![ \t])", header.replace("\r\n", "\n"))[0]


def test_stalwart_addresses():
    need(ADDRESS)
    cases = json.loads(ADDRESS.read_text(encoding="utf-8"))
    fields = [first_field(case["header"]) for case in cases]
    lines = [f"address {field.replace(chr(10), chr(13) + chr(10)).encode().hex()}"
             for field in fields]
    faults = []
    for case, field, line in zip(cases, fields, drive(lines)):
        said, want = mailboxes(line), ("good", *wanted(case["expected"]))
        faults.append((field, None if said == want else f"{said}, not {want}"))
    judge("mime-stalwart-headers addresses", faults)
