# SPDX-License-Identifier: ISC
"""An SMTP (or LMTP) server whose behaviour is scripted per stage and which keeps exact bytes.

`on` maps a stage to what happens there. Stages: "banner", a verb ("EHLO", "MAIL", "RCPT", "DATA",
"BDAT", "STARTTLS", "AUTH", "XCLIENT", "XFORWARD", "RSET", "NOOP", "QUIT"), "body" (when the first
octets of a message have come) and "dot" (end of data). What happens is one of
  "450 4.2.1 text"   that reply (lines in a list: a reply of several lines)
  Raw(b"...", close) those bytes as they are
  Close(reset)       the connection ends, silently
  Hang()             nothing, until the peer leaves or the backend is stopped
  [a, b, c] as Seq   one after the other, the last for ever
  a function         called with (session, line); what it returns is done (None: the default)
"""

import re
import socket
import ssl
import threading

from .wait import until

DEFAULT_KEYWORDS = ["PIPELINING", "SIZE 104857600", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING",
                    "DSN", "SMTPUTF8"]


class Raw:
    def __init__(self, data, close=False):
        self.data, self.close = data, close


class Close:
    def __init__(self, reset=False):
        self.reset = reset


class Hang:
    pass


class Seq:
    """One action a call, the last one for ever."""

    def __init__(self, *actions):
        self.actions = list(actions)
        self.lock = threading.Lock()

    def next(self):
        with self.lock:
            return self.actions.pop(0) if len(self.actions) > 1 else self.actions[0]


class _Gone(Exception):
    """The connection is over."""


_FIELD = rb"[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*"
# What a message cannot bring along: fields of these names that came with it have been removed.
_STAMP = (rb"(?:Authentication-Results:[ \t\r\n]*mx\.example\.org;" + _FIELD
          + rb")?(?:X-Gatepost-[A-Za-z]+:" + _FIELD + rb")*")


def is_head(added, folded):
    """Is this what Gatepost puts in front of a message? `folded`: of one that begins with a blank,
    so that its first line continues the last field of ours."""
    received = rb"Received: from " + _FIELD
    return re.fullmatch(_STAMP + received if folded else received + _STAMP, added) is not None


class Transaction:
    """One message for which end of data was seen. `data`: unstuffed; `raw`: as it came by DATA."""

    def __init__(self, session, mail, rcpt, data, raw, verb):
        self.session, self.mail, self.rcpt = session, mail, list(rcpt)
        self.data, self.raw, self.verb = data, raw, verb
        self.code = None  # what we answered

    @property
    def added(self):
        """The field in front: everything up to the end of the first header field."""
        return re.match(_FIELD, self.data).group(0)

    @property
    def stamp(self):
        """What is said of the message's authentication, behind `added`."""
        return re.compile(_STAMP).match(self.data, len(self.added)).group(0)

    @property
    def message(self):
        """What is left without the one prepended Received field and the stamp below it."""
        assert self.added.startswith(b"Received: "), self.data[:200]
        return self.data[len(self.added) + len(self.stamp):]


class BackendSession:
    def __init__(self, server, sock, peer):
        self.server, self.sock, self.peer = server, sock, peer
        self.buffer = b""
        self.lines = []       # every command line, without CRLF
        self.writes = []      # what each recv() gave before it was split
        self.proxy = None     # the PROXY header's bytes
        self.tls = False
        self.closed = threading.Event()
        self.clean = False    # QUIT was said
        self.auth_lines = []

    @property
    def verbs(self):
        return [line.split(b" ")[0].split(b":")[0].upper().decode("latin-1")
                for line in self.lines]


class ScriptedBackend:
    def __init__(self, keywords=None, on=None, tls=None, proxy=False, lmtp=False,
                 host="127.0.0.1", port=0, implicit_tls=False, listen=True, greeting="backend"):
        self.keywords = list(DEFAULT_KEYWORDS if keywords is None else keywords)
        self.on = dict(on or {})
        self.tls, self.proxy, self.lmtp = tls, proxy, lmtp
        self.greeting = greeting
        self.implicit_tls = implicit_tls
        self.lock = threading.Lock()
        self.sessions = []
        self.transactions = []
        self.faults = []   # what a backend must never see (bare CR...)
        self.stopping = threading.Event()
        self.address = (host, port)
        self.listener = None
        self.threads = []
        if listen:
            self.listen()

    # Life

    def listen(self):
        family = socket.AF_INET6 if ":" in self.address[0] else socket.AF_INET
        self.stopping.clear()
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(self.address)
        listener.listen(512)
        self.address = listener.getsockname()[:2]
        self.listener = listener
        thread = threading.Thread(target=self._accept, args=(listener,), daemon=True)
        thread.start()
        return self

    def close_listener(self):
        """Refuses connections from now on; those there are stay."""
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None

    def kill(self):
        """As if the process died: no listener, every connection reset."""
        self.close_listener()
        self.drop_sessions()

    def drop_sessions(self, reset=True):
        with self.lock:
            sessions = list(self.sessions)
        for session in sessions:
            if not session.closed.is_set():
                self._shut(session, reset)

    def stop(self):
        self.stopping.set()
        self.close_listener()
        self.drop_sessions()

    @staticmethod
    def _shut(session, reset):
        try:
            if reset:
                session.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                        b"\1\0\0\0\0\0\0\0")
            session.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _accept(self, listener):
        while True:
            try:
                sock, peer = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = BackendSession(self, sock, peer)
            with self.lock:
                self.sessions.append(session)
            threading.Thread(target=self._run, args=(session,), daemon=True).start()

    # What tests ask

    def mail_sessions(self):
        """Sessions in which MAIL came (probes of the EHLO left out)."""
        with self.lock:
            return [s for s in self.sessions if "MAIL" in s.verbs]

    def wait_transactions(self, count, timeout=15):
        until(lambda: len(self.transactions) >= count,
              lambda: f"{count} messages, only {len(self.transactions)} came", timeout)
        return list(self.transactions)

    def wait_verb(self, verb, count=1, timeout=10):
        """Until `verb` was heard `count` times in all sessions; returns the last such session."""
        def look():
            with self.lock:
                found = [s for s in self.sessions for v in s.verbs if v == verb]
            return found[-1] if len(found) >= count else None
        return until(look, f"{count} times {verb} at the backend", timeout)

    def accepted(self):
        return [t for t in self.transactions if t.code == 250]

    # One session

    def _run(self, session):
        try:
            self._session(session)
        except (_Gone, OSError, ssl.SSLError):
            pass
        finally:
            session.closed.set()
            try:
                session.sock.close()
            except OSError:
                pass

    def _recv(self, session):
        data = session.sock.recv(1 << 18)
        if not data:
            raise _Gone
        session.writes.append(data if len(data) < 4096 else data[:64])
        session.buffer += data

    def _need(self, session, count):
        while len(session.buffer) < count:
            self._recv(session)
        data, session.buffer = session.buffer[:count], session.buffer[count:]
        return data

    def _line(self, session):
        while b"\r\n" not in session.buffer:
            self._recv(session)
        line, session.buffer = session.buffer.split(b"\r\n", 1)
        if re.search(rb"[\r\n\0]", line):
            self.faults.append(("command", line))
        return line

    def _send(self, session, lines):
        code = lines[0][:3]
        out = []
        for i, line in enumerate(lines):
            if i < len(lines) - 1 and line[3:4] == " ":
                line = code + "-" + line[4:]
            out.append(line)
        session.sock.sendall("".join(line + "\r\n" for line in out).encode("latin-1"))

    def _do(self, session, stage, line, default):
        """Does what is scripted for `stage`, or says `default`. Returns the reply's code or 0."""
        action = self.on.get(stage)
        while isinstance(action, Seq):
            action = action.next()
        if callable(action):
            action = action(session, line)
        if action is None:
            action = default
        if isinstance(action, Close):
            self._shut(session, action.reset)
            raise _Gone
        if isinstance(action, Hang):
            while True:
                if not session.sock.recv(65536):
                    raise _Gone
        if isinstance(action, Raw):
            session.sock.sendall(action.data)
            if action.close:
                self._shut(session, False)
                raise _Gone
            return int(action.data[:3]) if action.data[:3].isdigit() else 0
        if isinstance(action, str):
            action = [action]
        if action:
            self._send(session, action)
            return int(action[0][:3])
        return 0

    def _session(self, session):
        if self.proxy:
            self._proxy_header(session)
        if self.implicit_tls:
            self._handshake(session)
        self._do(session, "banner", b"", f"220 {self.greeting} ESMTP")
        session.mail, session.rcpt, session.chunks = None, [], None
        while True:
            line = self._line(session)
            session.lines.append(line)
            verb = line.split(b" ")[0].split(b":")[0].upper().decode("latin-1")
            handler = getattr(self, "_on_" + verb.lower(), None)
            if handler:
                handler(session, line)
            else:
                self._do(session, verb, line, "502 5.5.1 not known")

    def _proxy_header(self, session):
        while len(session.buffer) < 16:
            self._recv(session)
        if session.buffer.startswith(b"\r\n\r\n\0\r\nQUIT\n"):
            length = int.from_bytes(session.buffer[14:16], "big")
            session.proxy = self._need(session, 16 + length)
        else:
            session.proxy = self._line(session)

    def _handshake(self, session):
        session.sock = self.tls.wrap_socket(session.sock, server_side=True)
        session.tls = True

    def _on_ehlo(self, session, line):
        words = [f"250 {self.greeting}"] + [
            "250 " + word for word in self.keywords
            if not (word == "STARTTLS" and session.tls)]
        session.mail, session.rcpt, session.chunks = None, [], None
        self._do(session, "EHLO", line, words)

    _on_lhlo = _on_ehlo

    def _on_helo(self, session, line):
        self._do(session, "HELO", line, f"250 {self.greeting}")

    def _on_starttls(self, session, line):
        if self._do(session, "STARTTLS", line, "220 2.0.0 go ahead") == 220 and self.tls:
            self._handshake(session)
            session.buffer = b""

    def _on_mail(self, session, line):
        if self._do(session, "MAIL", line, "250 2.1.0 sender ok") == 250:
            session.mail, session.rcpt, session.chunks = line, [], None

    def _on_rcpt(self, session, line):
        if self._do(session, "RCPT", line, "250 2.1.5 recipient ok") == 250:
            session.rcpt.append(line)

    def _on_rset(self, session, line):
        session.mail, session.rcpt, session.chunks = None, [], None
        self._do(session, "RSET", line, "250 2.0.0 reset")

    def _on_noop(self, session, line):
        self._do(session, "NOOP", line, "250 2.0.0 noop")

    def _on_quit(self, session, line):
        session.clean = True
        self._do(session, "QUIT", line, "221 2.0.0 bye")
        raise _Gone

    def _on_xclient(self, session, line):
        self._do(session, "XCLIENT", line, f"220 {self.greeting} ESMTP")

    def _on_xforward(self, session, line):
        self._do(session, "XFORWARD", line, "250 2.0.0 ok")

    def _on_auth(self, session, line):
        self._do(session, "AUTH", line, "235 2.7.0 authenticated")

    def ask(self, session, text):
        """For AUTH scripts: sends `text`, returns the client's next line."""
        self._send(session, [text])
        line = self._line(session)
        session.auth_lines.append(line)
        return line

    def _on_data(self, session, line):
        if not session.rcpt:
            self._do(session, "DATA", line, "503 5.5.1 no recipients")
            return
        if self._do(session, "DATA", line, "354 go on") != 354:
            return
        if "body" in self.on:
            while not session.buffer:
                self._recv(session)
            self._do(session, "body", b"", [])
        self._keep(session, *self._read_data(session), "DATA")

    def _read_data(self, session):
        raw = bytearray(b"\r\n" + session.buffer)
        session.buffer = b""
        start = 0
        while True:
            end = raw.find(b"\r\n.\r\n", start)
            if end >= 0:
                break
            start = max(0, len(raw) - 4)
            self._recv(session)
            raw += session.buffer
            session.buffer = b""
        session.buffer = bytes(raw[end + 5:])
        body = bytes(raw[:end + 2])
        return body.replace(b"\r\n.", b"\r\n")[2:], body[2:]

    def _keep(self, session, data, raw, verb):
        if re.search(rb"\r(?!\n)|(?<!\r)\n|\0", data):
            self.faults.append((verb, data[:2000]))
        transaction = Transaction(session, session.mail, session.rcpt, data, raw, verb)
        rcpt = session.rcpt
        session.mail, session.rcpt, session.chunks = None, [], None
        action = self.on.get("dot")
        if self.lmtp and action is None:
            transaction.code = 250
            with self.lock:
                self.transactions.append(transaction)
            for _ in rcpt:
                self._send(session, ["250 2.0.0 kept"])
            return
        if action is None:
            # Kept before it is said, as a server that syncs first: the test may not see a 250
            # whose message is not here.
            transaction.code = 250
            with self.lock:
                self.transactions.append(transaction)
            self._send(session, ["250 2.0.0 kept"])
            return
        with self.lock:
            self.transactions.append(transaction)
        session.pending = transaction
        transaction.code = self._do(session, "dot", data, "250 2.0.0 kept")

    def _on_bdat(self, session, line):
        words = line.split()
        chunk = self._need(session, int(words[1]))
        last = len(words) > 2 and words[2].upper() == b"LAST"
        if not session.rcpt:
            self._do(session, "BDAT", line, "503 5.5.1 no recipients")
            return
        session.chunks = (session.chunks or b"") + chunk
        if not last:
            self._do(session, "BDAT", line, "250 2.0.0 chunk")
            return
        self._keep(session, session.chunks, session.chunks, "BDAT")
