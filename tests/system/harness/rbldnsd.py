# SPDX-License-Identifier: ISC
"""rbldnsd, the server that most real DNS lists run on."""

import os
import shutil
import socket

from dnslib import DNSRecord

from .process import Process

PROGRAM = "/usr/sbin/rbldnsd"


def missing():
    """Why it cannot run here, or None."""
    return None if os.access(PROGRAM, os.X_OK) else "rbldnsd is not installed"


class Rbldnsd:
    """`zones`: (zone, type, lines) each; several may be of one zone, a type is rbldnsd's (ip4set,
    ip6trie, dnset). A zone needs a SOA for its negative answers to be cached; it gets one."""

    def __init__(self, folder, ports, zones):
        self.folder = folder / "rbldnsd"
        self.folder.mkdir()
        self.folder.chmod(0o755)
        self.port = ports.take()
        self.address = ("127.0.0.1", self.port)
        words = []
        for i, (zone, kind, lines) in enumerate(zones):
            file = self.folder / f"{i}.{kind}"
            file.write_text("$SOA 60 ns.world.example hostmaster.world.example 1 600 300 86400 60\n"
                            + "".join(line + "\n" for line in lines), encoding="utf-8")
            words.append(f"{zone}:{kind}:{file.name}")
        user = ["-u", "nobody:nogroup"] if os.geteuid() == 0 else []
        if user:
            for path in (folder, *folder.parents):
                if path.stat().st_mode & 0o001 == 0 and str(path).startswith("/tmp/"):
                    path.chmod(path.stat().st_mode | 0o055)
            shutil.chown(self.folder, "nobody")
        self.process = Process([PROGRAM, "-n", *user, "-w", self.folder,
                                "-b", f"127.0.0.1/{self.port}", "-t", "60", *words],
                               folder / "rbldnsd.log")
        self.process.wait_for(lambda: self._answers(zones[0][0]), "it answers")

    def _answers(self, zone):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.2)
            try:
                sock.connect(self.address)
                sock.send(DNSRecord.question(zone, "SOA").pack())
                return bool(sock.recv(4096))
            except OSError:
                return False

    def stop(self):
        self.process.stop()
