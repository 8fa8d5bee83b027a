# SPDX-License-Identifier: ISC
"""The processes of the benchmark: smtp-sink, and the front ends that stand before it.

Each is one object with start(), stop(), `pid` (the root of its process tree) and `port`. Everything
a server writes goes into a directory of its own under the run's temporary directory; each listens
on a free port of 127.0.0.1 below the range of source ports. Servers die with the benchmark, even
if it is killed; only Postfix's master, which changes its user id, then has to be ended by hand.
"""

import ctypes
import os
import pwd
import random
import shlex
import signal
import socket
import subprocess
import time
from pathlib import Path

import procstat

HOST = "127.0.0.1"
IDLE_MAX = 6000  # sessions a front end must be able to hold: two descriptors each, below 20,000
CHECKS = ["reverse-dns", "helo", "sender-domain", "pregreet", "pipelining", "commands", "newlines",
          "hangup", "client-limits", "spf", "dkim", "arc", "dmarc", "header"]
PROXY_LOCAL = f"PROXY TCP4 {HOST} {HOST} 40000 25\r\n".encode()
POSTFIX_DAEMONS = "/usr/lib/postfix/sbin"
STOP_TIMEOUT = 5.0
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LIBC = ctypes.CDLL(None)


class ServerError(RuntimeError):
    """A server could not be started; the text says why."""


def free_port():
    """A port nobody listens on, outside the kernel's range of source ports."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        lowest = int(file.read().split()[0])
    while True:
        port = random.randrange(10000, max(lowest, 10100))
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
                return port
            except OSError:
                continue


def die_with_parent():
    """For preexec_fn: the child ends when this process does."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def adopt_orphans():
    """Makes this process the parent of what its servers leave behind, so that it can end it."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1)


class Server:
    """One process listening on one port; subclasses say how it is configured and started."""

    name = ""
    user = None  # whom the process runs as; None: as the benchmark
    preface = b""  # what a client says before the banner
    start_timeout = 15.0

    def __init__(self, base):
        self.port = free_port()
        self.dir = Path(base) / f"{self.name}-{self.port}"
        self.log = self.dir / "output.log"
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    def command(self):
        """Writes what the server needs into self.dir and returns its argument list."""
        raise NotImplementedError

    def start(self):
        self.dir.mkdir(exist_ok=True)  # it may have been there before
        argv = self.command()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir,
                start_new_session=True, preexec_fn=die_with_parent, user=self.user)
        self._await_banner()
        return self

    def stop(self):
        """Ends the process and what it started: politely, then by SIGKILL, each by its pid."""
        if self.process is None:
            return
        members = procstat.tree(self.pid)
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid in members:
            if pid != self.pid:
                _end_orphan(pid)
        self.process = None

    def _await_banner(self):
        """Waits until the server greets: through a proxy that proves the way to the sink too."""
        deadline = time.monotonic() + self.start_timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ServerError(f"{self.name} ended at start:\n{self._output()}")
            if self._greets():
                return
            time.sleep(0.05)
        output = self._output()
        self.stop()
        raise ServerError(f"{self.name} gave no SMTP banner in {self.start_timeout:.0f} s:\n{output}")

    def _greets(self):
        try:
            with socket.create_connection((HOST, self.port), timeout=2) as peer:
                peer.sendall(self.preface)
                return peer.recv(512).startswith(b"220")
        except OSError:
            return False

    def _output(self):
        return self.log.read_text(errors="replace")[-2000:]


def _end_orphan(pid):
    """Ends and reaps what a server left behind: our child now (adopt_orphans), or already gone."""
    try:
        if os.waitpid(pid, os.WNOHANG) == (0, 0):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    except ChildProcessError:
        pass


class Sink(Server):
    """smtp-sink: the backend of every scenario, and by itself the scenario `direct`."""

    name = "sink"

    def __init__(self, base):
        super().__init__(base)
        if os.geteuid() == 0:
            self.user = "nobody"  # smtp-sink refuses to be root

    def command(self):
        return ["smtp-sink", "-4", "-h", "sink.example.org", "-m", str(IDLE_MAX),
                f"{HOST}:{self.port}", "4096"]


class FrontEnd(Server):
    """A server that passes mail on to `sink_port`."""

    def __init__(self, base, sink_port):
        super().__init__(base)
        self.sink_port = sink_port


class Haproxy(FrontEnd):
    """HAProxy copying bytes: mode tcp, one thread per CPU, no log, no checks."""

    name = "haproxy"
    bind_options = ""

    def command(self):
        config = self.dir / "haproxy.cfg"
        config.write_text(f"""\
global
    nbthread {os.cpu_count()}
    maxconn {IDLE_MAX}
defaults
    mode tcp
    timeout connect 10s
    timeout client 5m
    timeout server 5m
listen smtp
    bind {HOST}:{self.port} {self.bind_options}
    server sink {HOST}:{self.sink_port}
""")
        return ["haproxy", "-db", "-f", str(config)]


class HaproxyTls(Haproxy):
    """The same, with TLS from the first byte (it knows no STARTTLS)."""

    name = "haproxy-tls"

    def __init__(self, base, sink_port, certificate, key):
        super().__init__(base, sink_port)
        self.pem = Path(base) / "haproxy.pem"
        self.pem.write_text(Path(certificate).read_text() + Path(key).read_text())
        self.bind_options = f"ssl crt {self.pem}"

    def _greets(self):
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self.port)) == 0


POSTFIX_MASTER = """\
{host}:{port} inet  n - n - 300 smtpd -o smtpd_proxy_filter={host}:{sink}
rewrite   unix  - - n - -   trivial-rewrite
anvil     unix  - - n - 1   anvil
proxymap  unix  - - n - -   proxymap
tlsmgr    unix  - - n 1000? 1 tlsmgr
"""


class Postfix(FrontEnd):
    """Postfix smtpd as a before-queue proxy: an instance of its own, no look-ups, no chroot.

    smtpd_proxy_options stays at its default, so the message streams to the filter as it arrives.
    """

    name = "postfix"

    def _main_cf(self):
        return f"""\
compatibility_level = 3.6
queue_directory = {self.dir}/queue
data_directory = {self.dir}/data
daemon_directory = {POSTFIX_DAEMONS}
syslog_name = gatepost-bench
myhostname = mx.example.org
mydestination = example.org
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
smtpd_peername_lookup = no
smtpd_client_restrictions =
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
default_process_limit = 300
"""

    def _master_cf(self):
        return POSTFIX_MASTER.format(host=HOST, port=self.port, sink=self.sink_port)

    def _make_queue(self):
        """The directories master insists on; those the daemons use belong to postfix."""
        owner = pwd.getpwnam("postfix").pw_uid
        for sub in ("queue", "queue/pid", "queue/public", "queue/private", "queue/incoming",
                    "queue/active", "data"):
            path = self.dir / sub
            path.mkdir()
            if sub not in ("queue", "queue/pid"):
                os.chown(path, owner, -1)

    def command(self):
        if os.geteuid() != 0:
            raise ServerError("Postfix's master must be started as root")
        self._make_queue()
        (self.dir / "main.cf").write_text(self._main_cf())
        (self.dir / "master.cf").write_text(self._master_cf())
        return [f"{POSTFIX_DAEMONS}/master", "-c", str(self.dir), "-d"]


def checks_off(*but):
    """Configuration that turns every check off but those named."""
    return "\n".join(f"{name} {{ mode = off }}" for name in CHECKS if name not in but)


class Gatepost(FrontEnd):
    """gatepostd with the smallest config; its log, level info, goes to a file.

    `policy` is the configuration of its checks, by default none of them; `proxied`: its clients
    say a PROXY header.
    """

    name = "gatepost"

    def __init__(self, base, sink_port, binary, certificate, key, *, name=None, reuse=False,
                 wrapper="", policy=None, proxied=False):
        self.name = name or ("gatepost-reuse" if reuse else "gatepost")
        super().__init__(base, sink_port)
        self.reuse, self.proxied = reuse, proxied
        self.policy = checks_off() if policy is None else policy
        self.preface = PROXY_LOCAL if proxied else b""
        self.binary, self.certificate, self.key = binary, certificate, key
        self.wrapper = shlex.split(wrapper)

    def command(self):
        config = self.dir / "gatepost.conf"
        (self.dir / "state").mkdir(exist_ok=True)
        balancer = 'proxy-protocol-from = {"127.0.0.0/8"}' if self.proxied else ""
        config.write_text(f"""\
hostname = "mx.example.org"
state-dir = "{self.dir}/state"
control {{ socket = "{self.dir}/control" }}
listen "mx" {{ address = {{"{HOST}:{self.port}"}} {balancer} }}
backend "sink" {{
    address = {{"{HOST}:{self.sink_port}"}}
    client-address = none
    reuse = {"yes" if self.reuse else "no"}
}}
relay {{ domains = {{"example.org"}} }}
tls {{ certificate = "{self.certificate}" key = "{self.key}" }}
log {{ target = stderr }}
limits {{ sessions = {IDLE_MAX} }}
{self.policy}
""")
        return self.wrapper + [str(self.binary), "-c", str(config)]


def make_certificate(base):
    """A self-signed ECDSA certificate; returns (certificate, key) paths."""
    certificate, key = Path(base) / "mx.pem", Path(base) / "mx.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-subj", "/CN=mx.example.org", "-days", "2", "-keyout", str(key),
         "-out", str(certificate)], check=True, capture_output=True)
    return certificate, key
