# SPDX-License-Identifier: ISC
"""HAProxy in TCP mode in front of something."""

from .gatepost import address_text
from .process import Process


class HAProxy:
    """`version`: 1 or 2 of the PROXY protocol. `check`: also makes health checks."""

    def __init__(self, folder, ports, target, version=2, check=False):
        self.port = ports.take()
        self.address = ("127.0.0.1", self.port)
        word = {1: "send-proxy", 2: "send-proxy-v2"}[version]
        server = f"server gate {address_text(target)} {word}"
        if check:
            server += f" check inter 200ms check-send-proxy"
        config = folder / f"haproxy-{self.port}.cfg"
        config.write_text(
            "global\n  maxconn 200\n  nbthread 1\ndefaults\n  mode tcp\n  timeout connect 5s\n"
            "  timeout client 60s\n  timeout server 60s\n"
            f"frontend smtp\n  bind 127.0.0.1:{self.port}\n  default_backend gate\n"
            f"backend gate\n  {server}\n", encoding="ascii")
        self.process = Process(["haproxy", "-db", "-f", str(config)],
                               folder / f"haproxy-{self.port}.log")
        self.process.wait_for(lambda: listening(self.port), "it listens")

    def stop(self):
        self.process.stop()


def listening(port):
    """Is 127.0.0.1:port (or any address) listened on? Asked of the kernel, without connecting."""
    want = f":{port:04X}"
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(name, encoding="ascii") as table:
            for row in table:
                field = row.split()
                if field[3] == "0A" and field[1].endswith(want):
                    return True
    return False
