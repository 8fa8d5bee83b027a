# SPDX-License-Identifier: ISC
"""Child processes with their output in a file."""

import os
import signal
import subprocess

from .wait import until


class Process:
    """Starts `words`; stdout and stderr go to the file `log`."""

    def __init__(self, words, log, **more):
        self.log = log
        self.words = [str(word) for word in words]
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=out,
                                          stderr=out, **more)

    @property
    def pid(self):
        return self.popen.pid

    def output(self):
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def alive(self):
        return self.popen.poll() is None

    def wait_for(self, condition, what, timeout=15):
        """Waits until `condition`, but not beyond the process' own end."""
        def check():
            if not self.alive():
                raise AssertionError(f"{self.words[0]} ended ({self.popen.returncode}) before "
                                     f"{what}:\n{self.output()[-4000:]}")
            return condition()
        return until(check, lambda: f"{self.words[0]}: {what}\n{self.output()[-4000:]}", timeout)

    def stop(self, timeout=20, number=signal.SIGTERM):
        """Ends it; returns the exit code."""
        if self.alive():
            os.kill(self.pid, number)
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
                raise AssertionError(f"{self.words[0]} did not end within {timeout} s of signal "
                                     f"{number}\n{self.output()[-3000:]}") from None
        return self.popen.returncode
