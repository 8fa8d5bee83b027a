# SPDX-License-Identifier: ISC
"""A control socket that answers from a table, and gatepostctl to ask it."""

import contextlib
import json
import shlex
import os
import socket
import subprocess
import threading

from . import CTL, SLOW


class FakeControl:
    """`answers`: command -> result (a dict), items (a list), or a function of the connection and
    the request that says it all itself. What was asked stands in .asked as (command, args)."""

    def __init__(self, path, **answers):
        self.path = path
        self.answers = {name.replace("_", "-"): answer for name, answer in answers.items()}
        self.asked = []
        self.peers = []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(8)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.socket.accept()
                self.peers.append(peer)
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        with contextlib.suppress(OSError), peer:
            for line in peer.makefile("rb"):
                request = json.loads(line)
                assert set(request) == {"command", "args"}, request
                self.asked.append((request["command"], request["args"]))
                self._answer(peer, request)

    def _answer(self, peer, request):
        answer = self.answers.get(request["command"], {})
        if callable(answer):
            answer = answer(peer, request)
            if answer is None:
                return
        lines = []
        if isinstance(answer, list):
            lines = [{"item": item} for item in answer]
            answer = {}
        if "ok" not in answer:
            answer = {"ok": True, "result": answer}
        peer.sendall(b"".join(json.dumps(line).encode() + b"\n" for line in [*lines, answer]))

    def stop(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for peer in self.peers:
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)


def ctl_command(*words):
    return [*shlex.split(os.environ.get("GATEPOST_WRAP", "")), str(CTL), *map(str, words)]


def run_ctl(*words, text=None, **more):
    """Runs it without a terminal; a CompletedProcess with its output as text."""
    return subprocess.run(ctl_command(*words), input=text if text is not None else "",
                          capture_output=True, text=True, check=False,
                          timeout=more.pop("timeout", 60 * SLOW), **more)
