# SPDX-License-Identifier: ISC
"""One gatepostd under test: writes its config, starts it, watches its log, ends it."""

import contextlib
import grp
import json as json_module
import os
import re
import shlex
import signal
import subprocess

from . import CTL, DAEMON, SLOW
from .client import RawClient
from .process import Process
from .wait import until

# The one grammar of every log line (lib/log.h).
LOG_LINE = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (?P<level>error|warning|info|debug) "
    r"(?P<session>-|[0-9A-Za-z]+) (?P<event>[a-z][a-z-]*)"
    r"(?P<fields>(?: [a-z][a-z0-9_-]*=(?:[\]!#-\[^-~]+|\"(?:[^\"\\]|\\[\"\\]|\\x[0-9a-f]{2})*\"))*)")
FIELD = re.compile(r" ([a-z][a-z0-9_-]*)=(\"(?:[^\"\\]|\\.)*\"|\S*)")
SANITIZER = re.compile(r"(Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer|runtime error:"
                       r"|==\d+== .*(Invalid|uninitialised|definitely lost: [1-9])")


class LogEntry:
    """One parsed line: .event, .session, .level and its fields by name."""

    def __init__(self, match):
        self.line = match.group(0)
        self.level, self.session, self.event = match.group("level", "session", "event")
        self.field = {key: unquote(value) for key, value in FIELD.findall(match.group("fields"))}

    def __repr__(self):
        return self.line


BEHAVIOUR = ("pregreet", "pipelining", "commands", "newlines", "hangup")
AUTHENTICATION = ("spf", "dkim", "arc", "dmarc", "header")
CHECKS = (*BEHAVIOUR, "reverse-dns", "helo", "sender-domain", "client-limits", *AUTHENTICATION)


def unquote(value):
    if not value.startswith('"'):
        return value
    return re.sub(r"\\(x[0-9a-f]{2}|.)", lambda m: chr(int(m.group(1)[1:], 16))
                  if len(m.group(1)) == 3 else m.group(1), value[1:-1])


def render(block):
    """A mapping as libConfuse text: bool yes/no, list {..}, dict a section; the key "mx listen"
    style is ("listen", "mx")."""
    out = []
    for key, value in block.items():
        if isinstance(key, tuple):
            out.append(f'{key[0]} "{key[1]}" {{\n{render(value)}}}\n')
        elif isinstance(value, dict):
            out.append(f"{key} {{\n{render(value)}}}\n")
        elif isinstance(value, (list, tuple)):
            out.append(f"{key} = {{{', '.join(literal(v) for v in value)}}}\n")
        else:
            out.append(f"{key} = {literal(value)}\n")
    return "".join(out)


def literal(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return str(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def address_text(address):
    """An address for the config: "host:port" of a pair, or of something with .address."""
    if isinstance(address, str):
        return address
    host, port = getattr(address, "address", address)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Gatepost:
    """`backend`: an address, a thing with .address, a dict of backend options with "address", or a
    dict of such dicts by name. `listen`: options of the one listener "mx". `listens`: more of them
    by name, each with its own "port" taken if it has no "address". `tls`: True for a certificate,
    or a list of (certificate, key). `blocks`: sections by name, or by ("dnsbl", "zone") where they
    have a title, instead of the default ones. Everything else: a config section or option by its
    name, added to the default."""

    # Checks of behaviour and of unlisted names would judge what other tests do on purpose, as would
    # a greylist, and no test may ask the machine's resolver; nobody listens at port 1.
    DEFAULT = {
        "hostname": "mx.example.org",
        "workers": 2,
        "relay": {"domains": ["example.org"], "networks": ["127.0.0.2/32"]},
        "dns": {"servers": ["127.0.0.1:1"]},
        **{name: {"mode": "off"} for name in BEHAVIOUR},
        "greylist": {"mode": "off"},
    }

    def __init__(self, folder, ports, backend, listen=None, listens=None, tls=None,
                 authority=None, start=True, learn=False, wrap=(), blocks=None, **sections):
        self.folder = folder
        self.ports = ports
        self.authority = authority
        self.wrap = list(wrap)
        self.state = folder / "state"
        self.state.mkdir(exist_ok=True)
        self.state.chmod(0o777)
        self.config_file = folder / "gatepost.conf"
        self.port = ports.take()
        self.address = ("127.0.0.1", self.port)
        self.addresses = {"mx": self.address}
        self.config = dict(self.DEFAULT)
        self.config["state-dir"] = self.state
        self.socket = folder / "control"
        self.config["control"] = {"socket": str(self.socket),
                                  "group": grp.getgrgid(os.getegid()).gr_name}
        self.config["listen", "mx"] = {"address": [f"127.0.0.1:{self.port}"], **(listen or {})}
        for name, options in (listens or {}).items():
            self._add_listen(name, dict(options))
        self._add_backends(backend)
        if tls:
            pairs = [authority.mx()] if tls is True else list(tls)
            self.config["tls"] = {"certificate": [str(c) for c, _ in pairs],
                                  "key": [str(k) for _, k in pairs]}
        for name, value in sections.items():
            name = name.replace("_", "-")
            if isinstance(value, dict) and isinstance(self.config.get(name), dict):
                value = {**self.config[name], **value}
            self.config[name] = value
        self.config.update(blocks or {})
        self.log_file = folder / "gatepost.log"
        self.process = None
        self.expect_exit = 0
        self.checked = 0
        self.write()
        if start:
            self.start()
            if learn:
                self.wait_learned(learn)

    def _add_listen(self, name, options):
        if "address" not in options:
            port = self.ports.take()
            self.addresses[name] = ("127.0.0.1", port)
            options["address"] = [f"127.0.0.1:{port}"]
        self.config["listen", name] = options

    def _add_backends(self, backend):
        if not isinstance(backend, dict):
            backend = {"main": {"address": [backend]}}
        elif "address" in backend:
            backend = {"main": backend}
        for name, options in backend.items():
            options = dict(options)
            if not isinstance(options["address"], (list, tuple)) or (
                    len(options["address"]) == 2 and isinstance(options["address"][1], int)):
                options["address"] = [options["address"]]
            options["address"] = [address_text(a) for a in options["address"]]
            self.config["backend", name] = options

    def write(self, text=None):
        self.config_file.write_text(render(self.config) if text is None else text,
                                    encoding="utf-8")

    def command(self, *words):
        return [*shlex.split(os.environ.get("GATEPOST_WRAP", "")), *self.wrap, str(DAEMON),
                *words]

    def start(self, ready=True, **more):
        offset = self.mark()  # an earlier life may have written into the same log
        self.process = Process(self.command("-c", str(self.config_file)), self.log_file, **more)
        if ready:
            self.process.wait_for(lambda: self.entries("started", offset),
                                  "it logged that it started", 20 * SLOW)
        return self

    def lines(self, offset=0):
        if not self.log_file.exists():
            return []
        data = self.log_file.read_bytes()[offset:]
        whole = data[:data.rfind(b"\n") + 1]
        return whole.decode("utf-8", "replace").split("\n")[:-1]

    def entries(self, event=None, offset=0):
        found = [LogEntry(m) for m in map(LOG_LINE.fullmatch, self.lines(offset)) if m]
        return [e for e in found if event in (None, e.event)]

    def mark(self):
        return self.log_file.stat().st_size if self.log_file.exists() else 0

    def wait_log(self, pattern, offset=0, timeout=10):
        """Waits for a line that matches `pattern` behind `offset`; returns it parsed."""
        regex = re.compile(pattern)

        def look():
            for line in self.lines(offset):
                if regex.search(line):
                    match = LOG_LINE.fullmatch(line)
                    assert match, f"log line breaks the grammar: {line!r}"
                    return LogEntry(match)
            return None
        return until(look, lambda: f"no log line /{pattern}/ in:\n"
                     + "\n".join(self.lines(offset)[-40:]), timeout)

    @contextlib.contextmanager
    def log_contains(self, *patterns, timeout=10):
        """Each pattern must appear in a line written since the block began."""
        offset = self.mark()
        yield
        for pattern in patterns:
            self.wait_log(pattern, offset, timeout)

    def client(self, listen="mx", **more):
        return RawClient(self.addresses[listen], **more)

    def wait_learned(self, keywords=("8BITMIME",), client=None):
        """Until the backend's EHLO is known: `keywords` (True: 8BITMIME) are offered."""
        keywords = ("8BITMIME",) if keywords is True else tuple(keywords)
        seen = {}

        def offered():
            with (client or self.client)() as smtp:
                seen.clear()
                seen.update(smtp.ehlo())
                smtp.cmd("QUIT", 221)
                return all(word in seen for word in keywords)
        until(lambda: offered() and offered(), lambda: f"never offered {keywords}, but {seen}", 10,
              0.02)
        return self

    def signal(self, number):
        os.kill(self.process.pid, number)

    def reload(self, pattern=r" reload ", timeout=10):
        offset = self.mark()
        self.signal(signal.SIGHUP)
        return self.wait_log(pattern, offset, timeout)

    def ctl(self, *words, json=False, status=0):
        """gatepostctl: what it says (parsed where `json`); its exit status must be `status`. With
        another than 0, what it complains of."""
        command = [str(CTL), "-c", str(self.config_file), "--socket", str(self.socket),
                   *(["--json"] if json else []), *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60 * SLOW,
                              check=False)
        assert done.returncode == status, f"{words}: {done.returncode}: {done.stdout}{done.stderr}"
        assert not SANITIZER.search(done.stderr), done.stderr[-6000:]
        if status != 0:
            return done.stderr
        return json_module.loads(done.stdout) if json else done.stdout

    def kill(self):
        self.expect_exit = -signal.SIGKILL
        self.process.popen.kill()
        self.process.popen.wait()

    def stop(self):
        """Ends it and checks what must hold for every run."""
        if self.process is None:
            return
        code = self.process.stop(timeout=30 * SLOW)
        text = self.process.output()
        report = SANITIZER.search(text)
        assert not report, f"sanitizer report:\n{text[max(0, report.start() - 500):][:6000]}"
        assert code == self.expect_exit, f"exit code {code}:\n{text[-3000:]}"
        self.check_log()
        self.process = None

    def check_log(self):
        if self.config.get("log", {}).get("format") == "json":
            return
        for line in self.lines():
            if line.startswith(f"{self.config_file}:"):
                continue  # the config's warnings, said before there is a log
            assert LOG_LINE.fullmatch(line), f"log line breaks the grammar: {line!r}"
