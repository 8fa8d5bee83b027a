# SPDX-License-Identifier: ISC
"""Clients from any address: they come with a PROXY header, as from a balancer on 127.0.0.1, and find
their own lines in the log by address and port."""

import concurrent.futures
import ipaddress
import itertools
import re
import socket
import struct

from .client import Closed, RawClient, message, stuffed
from .wait import until

V2 = b"\r\n\r\n\0\r\nQUIT\n"
SERVER = {4: "192.0.2.250", 6: "2001:db8::fa"}
FROM_HERE = ["127.0.0.0/8"]
# By family: one whom tests put on lists, and one they leave alone.
LISTED = {4: "203.0.113.5", 6: "2001:db8:bad::5"}
CLEAN = {4: "198.51.100.7", 6: "2001:db8:900d::7"}
_ports = itertools.count(2000)


def at_once(function, items):
    """function(item) of each, side by side: what takes its time takes it once."""
    items = list(items)
    with concurrent.futures.ThreadPoolExecutor(min(50, len(items))) as pool:
        return list(pool.map(function, items))


def family(address):
    return ipaddress.ip_address(address).version


def v1(source, port=4321):
    kind = family(source)
    return f"PROXY TCP{kind} {source} {SERVER[kind]} {port} 25\r\n".encode()


def v2(source, port=4321):
    kind = family(source)
    pack = (lambda a: socket.inet_pton(socket.AF_INET6 if kind == 6 else socket.AF_INET, a))
    body = pack(source) + pack(SERVER[kind]) + struct.pack("!HH", port, 25)
    return V2 + (b"\x21\x21" if kind == 6 else b"\x21\x11") + struct.pack("!H", len(body)) + body


class Finding:
    """One of findings="zen.example 127.0.0.4 +6; helo.not-fqdn pc +1 (observed); also.example ?
    timeout". `score` is None for an abstention; `counted` is false for it, for the observed, and for
    those of a list that has counted once."""

    def __init__(self, text):
        self.text = text
        self.label, _, rest = text.partition(" ")
        self.score, self.answer, self.counted = None, rest.removeprefix("? "), False
        self.observed = rest.endswith(" (observed)")
        if not rest.startswith("? "):
            match = re.fullmatch(
                r"(?:(.*) )?([+-]\d+(?:\.\d+)?|0)( \((?:observed|counted once)\))?", rest)
            assert match, f"not a finding: {text!r}"
            self.answer, self.score = match[1] or "", float(match[2])
            self.counted = match[3] is None

    def __repr__(self):
        return f"<{self.text}>"


def findings(entry):
    text = entry.field.get("findings", "")
    return [Finding(part) for part in text.split("; ") if part]


class Visitor(RawClient):
    """`address`: whom the client is. `first`: octets sent right behind the header."""

    def __init__(self, gate, address, listen="mx", first=b"", header=v1, **more):
        self.gate, self.client = gate, address
        self.port = next(_ports)
        self.offset = gate.mark()
        shown = str(getattr(ipaddress.ip_address(address), "ipv4_mapped", None)
                    or ipaddress.ip_address(address))
        self.shown = f"[{shown}]:{self.port}" if ":" in shown else f"{shown}:{self.port}"
        super().__init__(gate.addresses[listen], first=header(address, self.port) + first, **more)

    def id(self):
        """The session's id, from its line in the log."""
        return self.gate.wait_log(rf" client={re.escape(self.shown)}(?: |$)", self.offset).session

    def entries(self, event=None):
        return [e for e in self.gate.entries(event, self.offset) if e.session == self.id()]

    def entry(self, event):
        """This session's line with that event, when it comes."""
        return until(lambda: next(iter(self.entries(event)), None),
                     lambda: f"a {event} of {self.shown} in:\n"
                     + "\n".join(self.gate.lines(self.offset)[-40:]))

    def judged(self):
        """The line that tells the verdict and the findings, once the session is over: the last
        transaction's or, where there was none, the tarpit's or the disconnect's."""
        gone = self.entry("disconnect")
        lines = [e for e in self.entries() if "verdict" in e.field or "score" in e.field]
        return (lines or [gone])[-1]


class Visit:
    """One message from `address` with all its replies, then QUIT. `mail`, `rcpt` (the first
    recipient's), `rcpts`, `data`: replies; None where it did not get so far. `entry`: the line that
    tells the verdict; `found`: its findings by label."""

    def __init__(self, gate, address, helo="client.example.net", sender="sender@example.net",
                 recipients=("user@example.org",), body=b"hello\r\n", **more):
        self.hello = self.mail = self.data = None
        self.rcpts = []
        self.visitor = Visitor(gate, address, banner=False, **more)
        with self.visitor as smtp:
            self.banner = smtp.reply()
            try:
                if self.banner.code == 220:
                    self._talk(smtp, helo, sender, recipients, body)
            except Closed:
                self.closed = True
            else:
                self.closed = False
        self.entry = self.visitor.judged()
        self.findings = findings(self.entry)
        self.found = {f.label: f for f in self.findings}

    def _talk(self, smtp, helo, sender, recipients, body):
        self.hello = smtp.cmd(f"EHLO {helo}")
        self.mail = smtp.cmd(f"MAIL FROM:<{sender}>")
        for recipient in recipients if self.mail.code == 250 else ():
            self.rcpts.append(smtp.cmd(f"RCPT TO:<{recipient}>"))
        if any(r.code == 250 for r in self.rcpts):
            smtp.cmd("DATA", 354)
            smtp.send(stuffed(message(body)) + b".\r\n")
            self.data = smtp.reply()
        smtp.cmd("QUIT", 221)

    @property
    def rcpt(self):
        return self.rcpts[0] if self.rcpts else None

    @property
    def passed(self):
        return self.data is not None and self.data.code == 250

    @property
    def id(self):
        return self.entry.session

    @property
    def score(self):
        return float(self.entry.field.get("score", 0))

    @property
    def verdict(self):
        """(what, by what)"""
        return self.entry.field.get("verdict"), self.entry.field.get("by")

    def scores(self):
        """What counted, by label."""
        return {f.label: f.score for f in self.findings if f.counted}

    def observed(self):
        """What was seen and did not count, by label."""
        return {f.label: f.score for f in self.findings if f.observed}

    def abstained(self):
        return {f.label: f.answer for f in self.findings if f.score is None}

    def refused(self, code=550, enhanced="5.7.1"):
        """It was refused at RCPT, with that enhanced code (None: any), and the reply carries the
        session's id."""
        assert self.rcpt is not None and self.rcpt.code == code, (self.rcpts, self.entry)
        assert enhanced in (None, self.rcpt.enhanced), self.rcpt
        assert self.id in self.rcpt.text, (self.id, self.rcpt)
        assert self.data is None
        return self.rcpt

    def accepted(self):
        assert self.passed, (self.banner, self.mail, self.rcpts, self.data, self.entry)
        return self
