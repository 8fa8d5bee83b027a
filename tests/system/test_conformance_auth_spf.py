# SPDX-License-Identifier: ISC
"""The official SPF suites (spf-openspf), every case asked of policy/auth/spf through the real
resolver and the scripted DNS server (tests/unit/drivers/spf_driver.c). Explanations are compared,
too. Each suite prints "suite: passed/total"; where a case may not pass its name and the reason stand
here, and it must then really not pass."""

import subprocess

import pytest
import yaml

from harness import SLOW, SUITES
from harness.dns import Drop
from harness.suite import driver, need

SPF = SUITES / "spf-openspf"
SILENCE_MS = int(1500 * SLOW)

# What is of another document than RFC 7208.
SENDER_ID = "spf2.0 records are Sender ID's (RFC 4406); RFC 7208 4.5 knows v=spf1 only"
DEVIATIONS = {
    "rfc7208-tests.yml": {},
    "rfc7208-tests.postalsys-200.yml": {},
    "rfc4408-tests.yml": {},
    "rfc4406-tests.yml": {"v2-preferred-over-v1": SENDER_ID, "redundant-v2": SENDER_ID},
}


def octets(text):
    return text.encode("latin-1")


def key(name):
    """As the server's library shows a name with blanks."""
    return str(name).replace(" ", "\\032")


def publish(server, name, records):
    """SPF records are TXT records, unless the name has TXT of its own."""
    name = key(name)
    silent = "TIMEOUT" in records
    kinds = set()
    own_txt = any(isinstance(record, dict) and "TXT" in record for record in records)
    server.add(name, "NONE")  # the name exists
    for record in records:
        if record == "TIMEOUT":
            continue
        (kind, value), = record.items()
        if kind == "SPF":
            if own_txt:
                continue
            kind = "TXT"
        if value == "NONE":
            continue
        kinds.add(kind)
        if kind == "TXT":
            value = [octets(part) for part in ([value] if isinstance(value, str) else value)]
        elif kind == "MX":
            value = f"{value[0]} {key(value[1]) or '.'}"
        server.add(name, kind, value)
    if silent:
        drop = Drop()
        server.rule(name, lambda dns, query: None if query.type in kinds else drop(dns, query))


def drive(server, tests):
    """The driver's lines for the cases of one document."""
    lines = [f"mailfrom {case['host']} {octets(case['helo']).hex() or '-'} "
             f"{octets(case['mailfrom']).hex() or '-'}\n" for case in tests]
    done = subprocess.run([driver("spf_driver"), str(server.address[1]), str(SILENCE_MS)],
                          input="".join(lines), capture_output=True, text=True,
                          timeout=60 * SLOW, check=False)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert len(said) == len(lines) and "input" not in said
    return said


def fault(case, line):
    """What is wrong with the driver's line, or None."""
    result, explanation = line.split(" ", 1)[0], line.split("|", 3)[3]
    wanted = case["result"] if isinstance(case["result"], list) else [case["result"]]
    if result not in wanted:
        return f"{line}, not {wanted}"
    words = case.get("explanation")
    if words == "DEFAULT":  # ours: none
        words = ""
    return f"{line}, not {words!r}" if words not in (None, explanation) else None


@pytest.mark.parametrize("suite, least", [
    ("rfc7208-tests.yml", 203), ("rfc7208-tests.postalsys-200.yml", 200),
    ("rfc4408-tests.yml", 191), ("rfc4406-tests.yml", 2)])
def test_spf(suite, least, make_dns):
    path = SPF / suite
    need(path)
    total, failures, passed = 0, [], []
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        if not document:
            continue
        server = make_dns()
        for name, records in document["zonedata"].items():
            publish(server, name, records)
        names = list(document["tests"])
        said = drive(server, [document["tests"][name] for name in names])
        for name, line in zip(names, said):
            total += 1
            wrong = fault(document["tests"][name], line)
            if wrong:
                failures.append((name, wrong))
            else:
                passed.append(name)
    print(f"spf {suite.removesuffix('.yml').replace('.', ' ')}: {total - len(failures)}/{total}")
    assert total == least
    known = DEVIATIONS[suite]
    for name, reason in known.items():
        print(f"  {name}: {reason}")
    assert not set(known) & set(passed)
    unknown = [f"{name}: {wrong}" for name, wrong in failures if name not in known]
    assert not unknown, "\n".join(unknown)


def test_a_long_record_in_many_strings_comes_by_tcp(make_dns):
    server = make_dns()
    record = "v=spf1 " + " ".join(f"ip4:198.51.100.{n}" for n in range(200)) + " ip4:192.0.2.1 -all"
    strings = [octets(record[at:at + 100]) for at in range(0, len(record), 100)]
    server.add("long.example", "TXT", strings)
    case = {"helo": "mail.long.example", "mailfrom": "a@long.example"}
    inside, outside = drive(server, [{**case, "host": "192.0.2.1"}, {**case, "host": "192.0.2.2"}])
    assert inside.startswith("pass 0 0 1 long.example|ip4:192.0.2.1|")
    assert outside.startswith("fail 0 0 1 long.example|-all|")
    assert {query.transport for query in server.asked("long.example", "TXT")} == {"udp", "tcp"}
