# SPDX-License-Identifier: ISC
"""A blocking SMTP client that says exactly what it is told and reads exact replies."""

import re
import socket
import ssl

from . import SLOW


class Closed(AssertionError):
    """The server closed where a reply was due."""


class Reply:
    """One reply: code, its lines without code and CRLF, the raw bytes."""

    def __init__(self, code, lines, raw):
        self.code, self.lines, self.raw = code, lines, raw

    @property
    def text(self):
        return "\n".join(self.lines)

    @property
    def enhanced(self):
        match = re.match(r"([245]\.\d{1,3}\.\d{1,3})(?: |$)", self.lines[0])
        return match.group(1) if match else None

    def __repr__(self):
        return f"<{self.code} {self.text!r}>"


def stuffed(message):
    """`message` (CRLF lines) as it goes through DATA, without the final dot."""
    if message.startswith(b"."):
        message = b"." + message
    return message.replace(b"\r\n.", b"\r\n..")


def any_certificate():
    """A client context that trusts whatever it is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class RawClient:
    """`source`: the address to come from. `first`: bytes sent ahead of all (a PROXY header).
    `tls`: a context for implicit TLS."""

    def __init__(self, address, source=None, first=b"", tls=None, name=None, timeout=20.0,
                 banner=True):
        host, port = address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.settimeout(timeout * SLOW)
        if source:
            self.sock.bind((source, 0) if isinstance(source, str) else source)
        self.sock.connect((host, port))
        self.buffer = b""
        if first:
            self.sock.sendall(first)
        if tls:
            self.sock = tls.wrap_socket(self.sock, server_hostname=name)
        self.banner = self.expect(220) if banner else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        """Closes with RST, as a crashed client's kernel does."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self, text):
        self.send((text if isinstance(text, bytes) else text.encode()) + b"\r\n")

    def more(self):
        """Reads what is there into the buffer; false at end of file."""
        try:
            data = self.sock.recv(65536)
        except (ConnectionResetError, ssl.SSLEOFError, BrokenPipeError):
            data = b""
        self.buffer += data
        return bool(data)

    def reply(self):
        """The next whole reply, strictly by RFC 5321 4.2."""
        lines, raw, code = [], b"", None
        while True:
            while b"\n" not in self.buffer:
                if not self.more():
                    raise Closed(f"closed while a reply was due; had {raw + self.buffer!r}")
            line, self.buffer = self.buffer.split(b"\n", 1)
            raw += line + b"\n"
            match = re.fullmatch(rb"([2-5][0-9][0-9])(?:([ -])([^\r\n\0]*))?\r", line)
            assert match, f"not a reply line: {line!r}"
            assert code in (None, match.group(1)), f"codes differ: {raw!r}"
            code = match.group(1)
            lines.append((match.group(3) or b"").decode("utf-8", "surrogateescape"))
            if match.group(2) != b"-":
                return Reply(int(code), lines, raw)

    def expect(self, code, enhanced=None):
        """The next reply, which must have this code (or one of several; 4 means any 4xx)."""
        reply = self.reply()
        codes = code if isinstance(code, tuple) else (code,)
        ok = any(reply.code == c or (c < 10 and reply.code // 100 == c) for c in codes)
        assert ok, f"expected {code}, got {reply!r}"
        if enhanced:
            assert reply.enhanced == enhanced, f"expected {code} {enhanced}, got {reply!r}"
        return reply

    def cmd(self, text, code=None, enhanced=None):
        self.line(text)
        return self.reply() if code is None else self.expect(code, enhanced)

    def ehlo(self, name="client.example.net", verb="EHLO"):
        """The keywords offered, upper case, with their arguments."""
        reply = self.cmd(f"{verb} {name}", 250)
        return {line.split(" ")[0].upper(): line.partition(" ")[2] for line in reply.lines[1:]}

    def starttls(self, context=None, name=None):
        self.cmd("STARTTLS", 220)
        assert not self.buffer, f"plaintext behind the 220 of STARTTLS: {self.buffer!r}"
        self.sock = (context or any_certificate()).wrap_socket(self.sock, server_hostname=name)

    def envelope(self, sender="sender@example.net", recipients=("user@example.org",), options=""):
        self.cmd(f"MAIL FROM:<{sender}>{options}", 250)
        for recipient in recipients:
            self.cmd(f"RCPT TO:<{recipient}>", 250)

    def data(self, message, code=250, enhanced=None):
        """Sends `message` (CRLF lines, not yet stuffed) by DATA."""
        self.cmd("DATA", 354)
        self.send(stuffed(message) + (b"" if message.endswith(b"\r\n") or not message
                                      else b"\r\n") + b".\r\n")
        return self.expect(code, enhanced)

    def bdat(self, chunk, last=False, code=250):
        self.send(b"BDAT %d%s\r\n" % (len(chunk), b" LAST" if last else b"") + chunk)
        return self.expect(code)

    def eof(self):
        """The server closes, and says nothing more."""
        assert not self.buffer, f"said more before it closed: {self.buffer!r}"
        assert not self.more(), f"did not close but said {self.buffer!r}"

    def quit(self):
        self.cmd("QUIT", 221)
        self.eof()
        self.close()


def message(body=b"hello\r\n", subject=b"test", headers=b""):
    return (b"From: <sender@example.net>\r\nTo: <user@example.org>\r\nSubject: " + subject
            + b"\r\n" + headers + b"\r\n" + body)
