# SPDX-License-Identifier: ISC
"""The dialogues other servers test themselves with: smtp-chasquid-dialogs, smtp-opensmtpd and
smtp-chasquid-fuzz, replayed against the daemon. Where a suite expects its own server's choice,
DEVIATIONS says what we answer and why; everything else must come out as the suite says."""

import ast
import codecs
import re

import pytest

from harness import SUITES
from harness.client import Closed, RawClient, any_certificate

DIALOGS = SUITES / "smtp-chasquid-dialogs"
OPENSMTPD = SUITES / "smtp-opensmtpd"
FUZZ = SUITES / "smtp-chasquid-fuzz" / "FuzzConnection"

pytestmark = pytest.mark.skipif(not DIALOGS.exists(), reason="no conformance suites here")

# (script, what it expects): (what we say, why). The expectation is the text behind "c <- " etc.
WORDS = "the code is what binds, the words are each server's own"
DEVIATIONS = {
    ("*", "250 HELP"): (r"250 ", "the last line of EHLO: HELP is no keyword anybody needs"),
    ("auth_multi_dialog", "534"): (r"504", "RFC 4954 4: an unknown mechanism is 504 5.5.4"),
    ("auth_multi_dialog", "501 5.5.2 Error decoding AUTH response"): (
        r"5\d\d", "the backend decodes; it says what is wrong"),
    ("auth_multi_dialog", "535 5.7.8 Incorrect user or password"): (r"535", WORDS),
    ("auth_multi_dialog", "235 2.7.0 Authentication successful"): (r"235", WORDS),
    ("auth_multi_dialog", "503 5.5.1 You are already wearing that!"): (r"503 5\.5\.1", WORDS),
    ("auth_not_tls", "503 5.7.10 You feel vulnerable"): (
        r"(503|538|530|502|504) 5\.", "RFC 4954 6: 538; a command not offered is 502 or 503"),
    ("auth_too_many_failures", "501"): (r"(501|535)", "the backend judges the response"),
    ("auth_too_many_failures", "421 4.5.0 Too many errors, bye"): (
        r"(421|454|501|535)", "how many failures are too many is ours to say (limits)"),
    ("bad_data", "503 5.5.1 Invisible customers are not welcome!"): (r"503 5\.5\.1", WORDS),
    ("bad_data", "503 5.5.1 Sender not yet given"): (r"503 5\.5\.1", WORDS),
    ("bad_data", "554 5.6.0 Error parsing message"): (
        r"250", "what a header may look like is no matter of SMTP; the bytes go through"),
    ("bad_data_dot", "521 5.5.2 Error reading DATA: invalid line ending"): (r"550 5\.5\.2", WORDS),
    ("bad_data_dot_2", "521 5.5.2 Error reading DATA: invalid line ending"): (
        r"550 5\.5\.2", WORDS),
    ("bad_data_dot_on_message_too_big", "521 5.5.2 Error reading DATA: invalid line ending"): (
        r"(550 5\.5\.2|552 5\.3\.4)", "both faults hold; one reply names one of them"),
    ("bad_mail_from", "500 5.5.2 Unknown command"): (r"501 5\.5\.[24]", "RFC 5321 4.2.2: the "
                                                     "verb is known, its argument is not: 501"),
    ("bad_mail_from", "500"): (r"501", "the same"),
    ("bad_mail_from", "501 5.1.8 Malformed sender domain (IDNA conversion failed)"): (
        r"(250|501)", "an A-label that does not convert is still an RFC 5321 domain"),
    ("bad_mail_from", "501 5.1.7 Sender address too long"): (r"501", WORDS),
    ("bad_rcpt_to", "500 5.5.2 Unknown command"): (r"501 5\.5\.[24]", "as for MAIL"),
    ("bad_rcpt_to", "500"): (r"501", "the same"),
    ("bad_rcpt_to", "501 5.1.2 Malformed destination domain (IDNA conversion failed)"): (
        r"(550 5\.7\.1|501)", "not one of our domains"),
    ("bad_rcpt_to", "550 5.1.3 Destination address is invalid"): (
        r"(501|550|553)", "non-ASCII without SMTPUTF8"),
    ("bad_rcpt_to", "501 5.1.3 Destination address too long"): (r"501", WORDS),
    ("line_too_long", "554"): (r"(250|500|501)", "lines up to 2048 octets are read; the name is "
                               "then too long for HELO"),
    ("message_too_big", "552 5.3.4 Message too big"): (r"552 5\.3\.4", WORDS),
    ("unknown_command", "500 5.5.1 Unknown command"): (r"500 5\.5\.[12]", WORDS),
    ("wrong_proto", "502 5.7.0 You hear someone cursing shoplifters"): (
        r"($|[45]\d\d)", "closed at once, with or without a reply"),
    # smtp-opensmtpd: (test-case, line)
    ("mailfrom.at-sign", "MAIL FROM: <@>"): ("permfail", "no Mailbox in RFC 5321; OpenSMTPD's own"),
    ("mailfrom.src-route", "MAIL FROM: <whatever:a@a>"): (
        "permfail", "a source route begins with @ (RFC 5321 4.1.2)"),
    ("rcptto.src-route", "RCPT TO: <whatever:a@a>"): (
        "permfail", "a source route begins with @ (RFC 5321 4.1.2)"),
    ("mailfrom.option-size", "MAIL FROM: <user@domain> SIZE=3005"): (
        "permfail", "after HELO there are no ESMTP parameters: 555 (RFC 5321 4.1.1.11)"),
    ("mailfrom.option-7bit", "MAIL FROM: <user@domain> BODY=7BIT"): ("permfail", "after HELO"),
    ("mailfrom.option-8bitmime", "MAIL FROM: <user@domain> BODY=8BITMIME"): (
        "permfail", "after HELO"),
    ("mailfrom.option-8bitmime-size", "MAIL FROM: <user@domain> BODY=8BITMIME SIZE=100"): (
        "permfail", "after HELO"),
    ("mailfrom.option-auth", "MAIL FROM: <user@domain> AUTH=WHATEVER"): (
        "permfail", "after HELO, and AUTH= only where AUTH is offered (RFC 4954 5)"),
    ("smtp2#2", "MAIL FROM: <eric@blabla>"): (
        "ok", "a session may send any number of messages; OpenSMTPD stops at 100"),
}


def gate_for(gatepost, make_backend):
    backend = make_backend(["PIPELINING", "SIZE 10000000", "8BITMIME", "ENHANCEDSTATUSCODES",
                            "DSN", "SMTPUTF8", "AUTH PLAIN LOGIN"], on={"AUTH": authenticate})
    gate = gatepost(backend, tls=True, learn=True,
                    listen={"auth": "tls"}, listens={"tls": {"implicit-tls": True, "auth": "tls"}},
                    relay={"domains": ["testserver", "localhost", "example.org", "domain", "a"]},
                    limits={"message-size": 1048576, "recipients": 100, "errors-hard": 20, "errors-soft": 20})
    return gate, backend


def authenticate(session, line):
    words = line.split()
    if len(words) == 2:
        response = session.server.ask(session, "334 ")
    else:
        response = words[2]
    if response == b"dXNlckB0ZXN0c2VydmVyAHVzZXJAdGVzdHNlcnZlcgBzZWNyZXRwYXNzd29yZA==":
        return "235 2.7.0 welcome"
    if response == b"dXNlckB0ZXN0c2VydmVyAHVzZXJAdGVzdHNlcnZlcgB3cm9uZ3Bhc3N3b3Jk":
        return "535 5.7.8 wrong"
    return "501 5.5.2 cannot decode"


def brackets(line):
    """The suites write RCPT TO: user@x here and there; RFC 5321 wants <user@x>."""
    return re.sub(r"^(RCPT TO:|MAIL FROM:) ?([^ <>]+@[^ <>]+)$", r"\1<\2>", line)


def run_dialog(gate, path):
    """One .cmy script. Raises AssertionError where it comes out otherwise."""
    name, smtp = path.stem, None
    last = None
    for row in path.read_text(encoding="utf-8").split("\n"):
        if row.startswith("c tcp_connect"):
            smtp = RawClient(gate.address, banner=False)
        elif row.startswith("c tls_connect"):
            smtp = RawClient(gate.addresses["tls"], tls=any_certificate(), banner=False)
        elif row.startswith("c close"):
            smtp.close()
        elif row.startswith("c ~> "):
            smtp.send(eval(row[5:], {"__builtins__": {}}).encode())  # a Python literal, * and +
        elif row.startswith("c ->"):
            smtp.line(brackets(row[5:]))
        elif re.match(r"c <(~|-|\.\.\.) ", row):
            kind, expected = re.match(r"c <(~|-|\.\.\.) (.*)", row).groups()
            want = re.escape(expected) if kind != "~" else expected
            for key in ((name, expected), ("*", expected)):
                if key in DEVIATIONS:
                    want = DEVIATIONS[key][0]
            try:
                reply = smtp.reply()
                last = f"{reply.code} {reply.lines[-1]}"
            except Closed:
                last = ""
            assert re.match(want, last), f"{path.name}: {last!r} is not /{want}/ ({expected})"
        elif row.strip() and not row.startswith("#"):
            raise ValueError(f"{path.name}: unknown row {row!r}")
    if smtp:
        smtp.close()


SCRIPTS = sorted(DIALOGS.glob("*.cmy")) if DIALOGS.exists() else []


def test_chasquid_dialogs(gatepost, make_backend):
    gate, backend = gate_for(gatepost, make_backend)

    def run(path):
        before = len(backend.transactions)
        run_dialog(gate, path)
        verify = path.with_name(path.name + ".verify")
        if verify.exists():
            kept = backend.transactions[before].message.replace(b"\r\n", b"\n")
            assert kept.rstrip(b"\n") == verify.read_bytes().rstrip(b"\n"), path.name
    count("smtp-chasquid-dialogs", SCRIPTS, run)


def count(suite, cases, run):
    failures = []
    for case in cases:
        try:
            run(case)
        except (AssertionError, OSError) as fault:
            failures.append(f"{case}: {fault}")
    print(f"{suite}: {len(cases) - len(failures)}/{len(cases)}")
    assert not failures, "\n".join(failures)


def parse_opensmtpd(path):
    """(name, steps) of each test-case; a step is ("writeln", text) or ("expect", what)."""
    text = re.sub(r"^#.*$", "", path.read_text(encoding="utf-8"), flags=re.M)
    tokens = re.findall(r'"(?:[^"\\]|\\.)*"|[{}]|[^\s{}"]+', text)
    procs, cases, at = {}, [], 0

    def block(i):
        steps = []
        assert tokens[i] == "{"
        i += 1
        while tokens[i] != "}":
            more, i = statement(i)
            steps += more
        return steps, i + 1

    def statement(i):
        word = tokens[i]
        if word == "repeat":
            times = int(tokens[i + 1])
            body, i = block(i + 2) if tokens[i + 2] == "{" else statement(i + 2)
            return body * times, i
        if word == "call":
            return procs[tokens[i + 1]], i + 2
        if word == "writeln":
            return [("writeln", ast.literal_eval(tokens[i + 1]))], i + 2
        assert word == "expect", word
        if tokens[i + 1] == "disconnect":
            return [("expect", "disconnect")], i + 2
        assert tokens[i + 1] == "smtp", tokens[i + 1]
        if tokens[i + 2] in ("ok", "permfail", "tempfail", "helo"):
            return [("expect", tokens[i + 2])], i + 3
        return [("expect", "any")], i + 2

    while at < len(tokens):
        if tokens[at] == "proc":
            procs[tokens[at + 1]], at = block(at + 2)
        else:
            assert tokens[at] == "test-case", tokens[at]
            at += 1
            name = f"{path.suffix[1:]}#{len(cases) + 1}"
            if tokens[at] == "name":
                name, at = ast.literal_eval(tokens[at + 1]), at + 2
            steps, at = block(at)
            cases.append((name, steps))
    return cases


CASES = [case for path in (sorted(OPENSMTPD.glob("test.*")) if OPENSMTPD.exists() else [])
         for case in parse_opensmtpd(path)]
CODES = {"ok": (2, 3), "helo": (2,), "permfail": (5,), "tempfail": (4,), "any": (2, 3, 4, 5)}


def run_opensmtpd(gate, case):
    name, steps = case
    written = "(banner)"
    smtp = RawClient(gate.address, banner=False)
    waiting = []  # lines without their reply yet (pipelined)
    for kind, value in steps:
        if kind == "writeln":
            smtp.line(brackets(value))
            waiting.append(value)
            continue
        if value == "disconnect":
            smtp.eof()
            continue
        reply = smtp.reply()
        written = waiting.pop(0) if waiting else "(banner)"
        while written in ("foo",):  # text of a message has no reply of its own
            written = waiting.pop(0)
        want = CODES[value]
        deviation = DEVIATIONS.get((name, written))
        if deviation and (value != "ok" or not (name == "smtp2#2")):
            want = CODES[deviation[0]]
        if name == "smtp2#2" and value == "tempfail":
            want = CODES["ok"]
        assert reply.code // 100 in want, f"{name}: {written!r} got {reply!r}, not {value}"
    smtp.close()


def test_opensmtpd_cases(gatepost, make_backend):
    gate, _ = gate_for(gatepost, make_backend)
    count("smtp-opensmtpd", CASES, lambda case: run_opensmtpd(gate, case))


def fuzz_session(path):
    """(mode, the client's lines) of a Go fuzz corpus file."""
    rows = path.read_text(encoding="utf-8").split("\n")
    mode = int(re.fullmatch(r"int\((\d+)\)", rows[1]).group(1))
    literal = re.fullmatch(r'\[\]byte\((".*")\)', rows[2]).group(1)
    return mode, codecs.escape_decode(literal[1:-1].encode())[0]


def run_fuzz(gate, path, ending):
    """Sends all of it at once. The daemon must answer in proper replies and survive."""
    mode, data = fuzz_session(path)
    if ending == b"\r\n":
        data = data.replace(b"\n", b"\r\n")
    if mode == 2:
        smtp = RawClient(gate.addresses["tls"], tls=any_certificate())
    else:
        smtp = RawClient(gate.address)
    try:
        for line in data.split(ending)[:-1]:
            smtp.send(line + ending)
            # What comes back, if it does, must be a reply; text and bare-LF lines have none.
            smtp.sock.settimeout(0.02)
            try:
                while True:
                    smtp.reply()
            except TimeoutError:
                pass
    except (Closed, OSError):
        pass
    finally:
        smtp.close()
    with gate.client() as still:
        still.cmd("NOOP", 250)


SESSIONS = sorted(FUZZ.iterdir()) if FUZZ.exists() else []


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_fuzz_sessions_get_replies_and_do_no_harm(gatepost, make_backend, ending):
    gate, backend = gate_for(gatepost, make_backend)
    count("smtp-chasquid-fuzz", SESSIONS, lambda path: run_fuzz(gate, path, ending))
    if ending == b"\n":
        assert not backend.transactions, "a bare LF ended a command"
    assert not backend.faults
