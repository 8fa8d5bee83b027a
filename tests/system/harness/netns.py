# SPDX-License-Identifier: ISC
"""Network namespaces: client, proxy and backend as three machines on two wires.

    client 192.0.2.2 --- 192.0.2.1 proxy 198.51.100.1 --- 198.51.100.2 backend
"""

import ctypes
import os
import subprocess
import threading

CLIENT, PROXY_OUT, PROXY_IN, BACKEND = "192.0.2.2", "192.0.2.1", "198.51.100.1", "198.51.100.2"
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def missing():
    """Why there are no namespaces here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    name = f"gp-probe-{os.getpid()}"
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        return f"ip netns add: {done.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", name], check=False)
    return None


def ip(*words, namespace=None):
    lead = ["ip", "-n", namespace] if namespace else ["ip"]
    done = subprocess.run([*lead, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


class Wires:
    """The three namespaces: .client, .proxy, .backend are their names."""

    def __init__(self):
        stem = f"gp{os.getpid()}"
        self.client, self.proxy, self.backend = (f"{stem}{c}" for c in "cpb")
        self.names = []
        try:
            for name in (self.client, self.proxy, self.backend):
                ip("netns", "add", name)
                self.names.append(name)
                ip("link", "set", "lo", "up", namespace=name)
            self._wire(self.client, CLIENT, self.proxy, PROXY_OUT, "wan")
            self._wire(self.backend, BACKEND, self.proxy, PROXY_IN, "lan")
            ip("route", "add", "default", "via", PROXY_OUT, namespace=self.client)
            # The backend's way to clients leads through the proxy.
            ip("route", "add", "default", "via", PROXY_IN, namespace=self.backend)
        except BaseException:
            self.stop()
            raise

    def _wire(self, outer, outer_address, inner, inner_address, name):
        ip("link", "add", name, "netns", inner, "type", "veth", "peer", "name", "eth0", "netns",
           outer)
        ip("addr", "add", f"{outer_address}/24", "dev", "eth0", namespace=outer)
        ip("addr", "add", f"{inner_address}/24", "dev", name, namespace=inner)
        ip("link", "set", "eth0", "up", namespace=outer)
        ip("link", "set", name, "up", namespace=inner)

    def run(self, namespace, *words, data=None):
        done = subprocess.run(["ip", "netns", "exec", namespace, *words], input=data,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}: {done.stderr}"

    def within(self, namespace, function):
        """Calls function() on a thread inside the namespace; returns what it returns. Sockets and
        threads made there stay there."""
        result = {}

        def body():
            try:
                with open(f"/run/netns/{namespace}", "rb") as handle:
                    if LIBC.setns(handle.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                result["value"] = function()
            except BaseException as fault:  # handed to the caller below
                result["fault"] = fault
        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        if "fault" in result:
            raise result["fault"]
        return result["value"]

    def stop(self):
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        self.names = []
