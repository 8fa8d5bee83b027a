# SPDX-License-Identifier: ISC
"""Exim and OpenSMTPD from Debian's packages, unpacked below build/peers and never installed (they
conflict with Postfix): each runs in a mount namespace where its package lies over /usr and its
users exist. Mail for example.org goes by LMTP to a scripted sink, octet for octet."""

import fcntl
import os
import shutil
import subprocess

from . import TOP
from .backend import ScriptedBackend
from .haproxy import listening
from .process import Process

PEERS = TOP / "build" / "peers"
PACKAGES = {
    "exim": ["exim4-daemon-heavy", "exim4-base", "libmariadb3", "libidn12", "libspf2-2"],
    "opensmtpd": ["opensmtpd"],
}
USERS = """\
Debian-exim:x:951:951::/var/spool/exim4:/usr/sbin/nologin
opensmtpd:x:952:952::/var/lib/opensmtpd/empty:/usr/sbin/nologin
opensmtpq:x:953:953::/var/lib/opensmtpd/empty:/usr/sbin/nologin
"""
GROUPS = "Debian-exim:x:951:\nopensmtpd:x:952:\nopensmtpq:x:953:\n"
# Words: package folder, folder with passwd and group, then the command.
INSIDE = """
set -e
package=$1 own=$2; shift 2
mount --bind "$own/passwd" /etc/passwd
mount --bind "$own/group" /etc/group
mount -t overlay overlay -o lowerdir="$package/usr":/usr /usr
mount -t tmpfs tmpfs /var/spool
mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /run
mkdir -p /var/spool/exim4 /var/spool/smtpd /var/lib/opensmtpd/empty
chown 951:951 /var/spool/exim4
chmod 711 /var/spool/smtpd
exec "$@"
"""


def unpack(name):
    """The folder with the package's files; fetched when tests/install has not done so."""
    if (PEERS / "done").exists():
        return PEERS / "root"
    folder = PEERS / name
    PEERS.mkdir(parents=True, exist_ok=True)
    with open(PEERS / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "complete").exists():
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        done = subprocess.run(["apt-get", "download", *PACKAGES[name]], cwd=folder,
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise OSError(done.stderr.strip().split("\n")[-1])
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg", "-x", str(package), str(folder)], check=True)
        (folder / "complete").touch()
    return folder


def missing(name):
    """Why this peer cannot run here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    try:
        package = unpack(name)
    except OSError as fault:
        return f"{name}: {fault}"
    done = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "overlay", "overlay", "-o",
         f"lowerdir={package}/usr:/usr", "/usr"], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"no overlay mounts: {done.stderr.strip()}"


class Peer:
    """What both have in common. `command`: as run inside the namespace."""

    name = None

    def __init__(self, folder, ports):
        self.package = unpack(self.name)
        self.folder = folder / self.name
        self.folder.mkdir()
        self.folder.chmod(0o755)
        self.port = ports.take()
        self.address = ("127.0.0.1", self.port)
        self.sink = ScriptedBackend(["8BITMIME", "PIPELINING", "SIZE"], lmtp=True,
                                    greeting="sink")
        for file, more in (("passwd", USERS), ("group", GROUPS)):
            with open(f"/etc/{file}", encoding="utf-8") as system:
                rows = [row for row in system if not row.startswith(
                    ("Debian-exim:", "opensmtpd:", "opensmtpq:"))]
            (self.folder / file).write_text("".join(rows) + more, encoding="utf-8")
        self.process = None

    def run(self, *command):
        self.process = Process(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", INSIDE, "sh",
             self.package, self.folder, *command], self.folder / f"{self.name}.log")
        self.process.wait_for(lambda: listening(self.port), "it listens")

    def messages(self, count, timeout=20):
        try:
            return self.sink.wait_transactions(count, timeout)
        except AssertionError as fault:
            logs = "\n".join(f.read_text(errors="replace")[-3000:]
                             for f in self.folder.rglob("*log") if f.is_file())
            raise AssertionError(f"{fault}\n{logs}") from None

    def stop(self):
        if self.process:
            self.process.stop()
        self.sink.stop()


class Exim(Peer):
    """`proxy`: expects a PROXY header."""

    name = "exim"

    def __init__(self, folder, ports, proxy=False):
        super().__init__(folder, ports)
        spool, logs = self.folder / "spool", self.folder / "logs"
        for path in (spool, logs):
            path.mkdir()
            shutil.chown(path, 951, 951)
        config = self.folder / "exim.conf"
        config.write_text(f"""\
exim_user = Debian-exim
exim_group = Debian-exim
primary_hostname = backend.example.org
spool_directory = {spool}
log_file_path = {logs}/%slog
pid_file_path = {self.folder}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {self.port}
domainlist own = example.org
acl_smtp_rcpt = rcpt
acl_smtp_data = data
tls_advertise_hosts =
host_lookup =
rfc1413_hosts =
dns_again_means_nonexist = *
message_size_limit = 100M
smtp_accept_max = 100
accept_8bitmime = true
keep_environment =
{'hosts_proxy = 127.0.0.1' if proxy else ''}
begin acl
rcpt:
  accept domains = +own
  deny message = relay not permitted
data:
  accept
begin routers
sink:
  driver = manualroute
  domains = +own
  transport = sink
  route_list = * 127.0.0.1
  self = send
begin transports
sink:
  driver = smtp
  protocol = lmtp
  port = {self.sink.address[1]}
  allow_localhost
  message_linelength_limit = 1000000
  hosts_try_chunking =
begin retry
* * F,1h,1s
""", encoding="ascii")
        config.chmod(0o644)
        self.run("/usr/sbin/exim4", "-bdf", "-q1h", "-C", str(config))


class OpenSMTPD(Peer):
    """`proxy`: expects a PROXY v2 header."""

    name = "opensmtpd"

    def __init__(self, folder, ports, proxy=False):
        super().__init__(folder, ports)
        config = self.folder / "smtpd.conf"
        config.write_text(f"""\
listen on 127.0.0.1 port {self.port} hostname backend.example.org{' proxy-v2' if proxy else ''}
action "sink" relay host lmtp://127.0.0.1:{self.sink.address[1]}
match from any for domain "example.org" action "sink"
smtp max-message-size 100M
""", encoding="ascii")
        config.chmod(0o600)
        self.run("/usr/sbin/smtpd", "-d", "-f", str(config))
