# SPDX-License-Identifier: ISC
"""Free ports, each held by a lock file so that parallel test processes never share one."""

import fcntl
import os
import pathlib
import random
import socket
import tempfile

FIRST, LAST = 21000, 31999  # below Linux' ephemeral range


class Ports:
    """Ports taken by this process. release() gives them back."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.gettempdir()) / f"gatepost-ports.{os.getuid()}"
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.held = {}

    def take(self):
        while True:
            port = random.randint(FIRST, LAST)
            if port in self.held:
                continue
            lock = open(self.folder / str(port), "w", encoding="ascii")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                continue
            if self._free(port):
                self.held[port] = lock
                return port
            lock.close()

    @staticmethod
    def _free(port):
        for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                try:
                    probe.bind((host, port))
                except OSError:
                    return False
        return True

    def release(self):
        for lock in self.held.values():
            lock.close()
        self.held.clear()
