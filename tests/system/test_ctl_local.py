# SPDX-License-Identifier: ISC
"""gatepostctl without a daemon: the lists are changed by itself, under the daemon's lock."""

import contextlib
import fcntl
import getpass
import json
import os
import re
import struct

import pytest

from harness import SLOW
from harness.control import run_ctl
from harness.wait import until

STRANGER = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")


class Local:
    """A state directory and a configuration, with nobody at its socket."""

    def __init__(self, folder, user=None):
        self.folder = folder
        self.state = folder / "state"
        self.state.mkdir()
        self.config = folder / "gatepost.conf"
        self.socket = folder / "no-such-socket"
        self.write(user)

    def write(self, user=None):
        self.config.write_text(
            'hostname = "mx.example.org"\n'
            f'state-dir = "{self.state}"\ncontrol {{ socket = "{self.socket}" }}\n'
            + (f'user = "{user}"\n' if user else "")
            + 'listen "mx" { address = {"127.0.0.1:1"} }\n'
            'backend "main" { address = {"127.0.0.1:2"} client-address = none }\n')

    def run(self, *words, **more):
        return run_ctl("-c", self.config, *words, **more)

    def good(self, *words, **more):
        done = self.run(*words, **more)
        assert done.returncode == 0, done
        return done

    def json(self, *words, **more):
        return json.loads(self.good("--json", *words, **more).stdout)

    def keys(self, name):
        return sorted(entry["key"] for entry in self.json(name, "list"))


@pytest.fixture
def local(folder):
    return Local(folder)


def test_an_entry_is_added_shown_listed_and_deleted(local):
    made = local.json("deny", "add", "192.0.2.1", "--reason", "two words", "--action", "tarpit")
    assert len(made) == 1
    entry = made[0]
    assert {"list": "deny", "kind": "client", "action": "tarpit", "origin": "manual",
            "reason": "two words", "author": getpass.getuser(), "expires": None,
            "unproven": False}.items() <= entry.items()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry["created"])
    assert local.json("deny", "list") == made
    assert local.json("deny", "show", "192.0.2.1") == made
    assert local.json("allow", "list") == []
    text = local.good("deny", "list").stdout
    assert "192.0.2.1" in text and "two words" in text and "never" in text
    assert local.json("deny", "del", "192.0.2.1") == {"deleted": 1}
    assert local.json("deny", "list") == []
    assert local.run("deny", "del", "192.0.2.1").returncode == 1
    assert local.run("deny", "show", "192.0.2.1").returncode == 1


@pytest.mark.parametrize("name, keys", [
    ("allow", ["192.0.2.1", "2001:db8::/32", "helo:a.example", "reverse:b.example",
               "someone@example.org", "sender:c.example"]),
    ("deny", ["192.0.2.0/24", "recipient:info@example.org"]),
    ("trap", ["trap@example.org", "recipient:example.net"])])
def test_every_kind_of_key_in_every_list(local, name, keys):
    made = local.json(name, "add", *keys)
    assert len(made) == len(keys)
    assert len(local.json(name, "list")) == len(keys)
    for key in keys:
        assert len(local.json(name, "show", key)) >= 1
    assert local.json(name, "del", *keys) == {"deleted": len(keys)}
    assert local.json(name, "list") == []


def test_show_has_the_most_specific_first(local):
    local.good("deny", "add", "192.0.2.0/24", "192.0.0.0/16", "192.0.2.1", "198.51.100.0/24")
    found = [entry["key"] for entry in local.json("deny", "show", "192.0.2.1")]
    assert found == ["192.0.2.1", "192.0.2.0/24", "192.0.0.0/16"]


def test_an_entry_that_has_ended_is_gone(local):
    entry, = local.json("deny", "add", "192.0.2.1", "--for", "1s")
    assert entry["expires"] > entry["created"]
    until(lambda: local.json("deny", "list") == [], lambda: "it never ended", 20 * SLOW)


def test_add_replaces(local):
    local.good("deny", "add", "192.0.2.1", "--reason", "one", "--for", "1d")
    local.good("deny", "add", "192.0.2.1", "--reason", "two")
    entry, = local.json("deny", "list")
    assert (entry["reason"], entry["expires"]) == ("two", None)


def test_only_a_kind_is_listed(local):
    local.good("deny", "add", "192.0.2.1", "helo:a.example")
    assert len(local.json("deny", "list", "--kind", "helo")) == 1
    assert len(local.json("deny", "list")) == 2


def test_export_and_import_come_round(local, folder):
    local.good("deny", "add", "192.0.2.1", "2001:db8::/32", "--reason", "r", "--for", "3d")
    local.good("deny", "add", "helo:a.example", "x@example.net", "--action", "defer")
    before = sorted(map(str, local.json("deny", "list")))
    text = local.good("deny", "export").stdout
    other = Local(folder / "other" if (folder / "other").mkdir() is None else None)
    (folder / "list").write_text(text)
    assert other.json("deny", "import", folder / "list") == {"imported": 4, "faults": []}

    def without_time(entries):
        return sorted(str({k: v for k, v in e.items() if k not in ("created", "expires")})
                      for e in entries)
    assert without_time(other.json("deny", "list")) == without_time(local.json("deny", "list"))
    assert before == sorted(map(str, local.json("deny", "list")))
    assert [e["expires"] is None for e in local.json("deny", "list", "--kind", "client")] == \
        [e["expires"] is None for e in other.json("deny", "list", "--kind", "client")]


@pytest.mark.parametrize("form", ["native", "cidr", "postfix-access", "postscreen"])
def test_what_is_written_in_a_format_is_read_in_it(local, form):
    keys = ["192.0.2.0/24", "198.51.100.1", "2001:db8::/32"]
    local.good("deny", "add", *keys)
    text = local.good("deny", "export", "--format", form).stdout
    local.good("deny", "del", *keys)
    assert local.json("deny", "import", "--format", form, text=text)["imported"] == 3
    assert local.keys("deny") == sorted(keys)


def test_a_file_with_faults_changes_nothing(local):
    done = local.run("deny", "import", text="192.0.2.1\nnonsense\n")
    assert done.returncode == 1 and "standard input:2: " in done.stderr, done
    assert local.json("deny", "list") == []
    assert local.json("deny", "import", "--skip-faults",
                      text="192.0.2.1\nnonsense\n")["imported"] == 1
    assert local.keys("deny") == ["192.0.2.1"]


@pytest.mark.slow
def test_a_hundred_thousand_entries_are_imported_and_listed(local, folder):
    count = 100_000
    source = folder / "many"
    source.write_text("".join(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}\n" for i in range(count)))
    assert local.json("deny", "import", source, timeout=120 * SLOW)["imported"] == count
    assert len(local.json("deny", "list", timeout=60 * SLOW)) == count


def test_all_but_the_lists_say_that_the_daemon_is_down(local):
    for words in (["status"], ["greylist", "list"], ["explain", "ABC"], ["reload"],
                  ["privacy", "export", "a@example.org"]):
        done = local.run(*words)
        assert (done.returncode, done.stdout) == (1, ""), done
        assert done.stderr == ("gatepostctl: gatepostd is not running: nothing listens on "
                               f"{local.socket}\n")


def test_wrong_usage_leaves_no_database(local):
    assert local.run("deny", "add", "nonsense").returncode == 2
    assert local.run("deny", "list", "--for", "7d").returncode == 2
    assert list(local.state.iterdir()) == []


def test_a_configuration_with_a_fault_is_named(local):
    local.config.write_text("nonsense = 1\n")
    done = local.run("deny", "list")
    assert done.returncode == 1 and "gatepost.conf:1: " in done.stderr, done
    local.config.unlink()
    done = local.run("deny", "list")
    assert done.returncode == 1 and "gatepost.conf" in done.stderr, done


def test_a_missing_state_directory_is_named_and_not_made(local):
    local.state.rmdir()
    done = local.run("deny", "list")
    assert done.returncode == 1 and f"{local.state} is not there" in done.stderr, done
    assert not local.state.exists()


def test_a_daemon_without_a_socket_is_told_from_none(local):
    with open(local.state / "gatepost.lock", "w+", encoding="ascii") as lock:
        lock.write("4711\n")
        lock.flush()
        fcntl.fcntl(lock, 37,  # F_OFD_SETLK
                    struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        done = local.run("deny", "add", "192.0.2.1")
    assert done.returncode == 1, done
    assert f"nothing listens on {local.socket}" in done.stderr
    assert "4711" in done.stderr and "without that socket" in done.stderr
    local.good("deny", "add", "192.0.2.1")


def owners(folder):
    return {path.name: (path.stat().st_uid, path.stat().st_gid) for path in folder.iterdir()}


@needs_root
@pytest.mark.parametrize("words", [["add", "192.0.2.1"], ["list"], ["import"]])
def test_root_leaves_no_file_of_its_own(local, words):
    os.chown(local.state, STRANGER, STRANGER)
    local.state.chmod(0o700)
    local.good("deny", *words, text="192.0.2.7\n")
    assert owners(local.state)
    assert {uid for uid, _ in owners(local.state).values()} == {STRANGER}, owners(local.state)
    assert 0 not in {gid for _, gid in owners(local.state).values()}
    local.good("deny", "list", user=STRANGER, group=STRANGER, extra_groups=[])


@needs_root
def test_root_reads_a_file_that_the_owner_may_not_and_is_named_as_author(local, folder):
    os.chown(local.state, STRANGER, STRANGER)
    secret = folder / "secret"
    secret.write_text("192.0.2.1\n")
    secret.chmod(0o600)
    assert local.json("deny", "import", secret)["imported"] == 1
    assert local.json("deny", "list")[0]["author"] == "root"


@needs_root
def test_a_directory_of_roots_for_a_daemon_of_another_user_is_named(local):
    local.write(user="nobody")
    done = local.run("deny", "add", "192.0.2.1")
    assert done.returncode == 1 and "belongs to root" in done.stderr, done
    assert f"chown nobody: {local.state}" in done.stderr
    assert list(local.state.iterdir()) == []


@needs_root
def test_who_may_not_is_told(local):
    local.state.chmod(0o700)
    done = local.run("deny", "add", "192.0.2.1", user=STRANGER, group=STRANGER, extra_groups=[])
    assert done.returncode == 1 and "ermission" in done.stderr, done
    with contextlib.suppress(FileNotFoundError):
        assert list(local.state.iterdir()) == []
