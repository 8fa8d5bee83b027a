# SPDX-License-Identifier: ISC
"""What gatepostctl finds out by itself: verify, spf, domain, tlsa, mta-sts. The world is the scripted
DNS server, whom the configuration's dns { } names."""

import hashlib
import json
import subprocess

import pytest

from harness.control import run_ctl
from harness.gatepost import address_text

CLIENT = "192.0.2.25"


@pytest.fixture
def ctl(gatepost, dns):
    """gatepostctl with a configuration; no daemon runs."""
    gate = gatepost("127.0.0.1:1", start=False, dns={"servers": [address_text(dns)],
                                                     "query-timeout": "500ms", "timeout": "1s"})

    def run(*words, **more):
        return run_ctl("-c", gate.config_file, *words, **more)
    run.gate = gate
    return run


def ask(ctl, *words, **more):
    """Its JSON."""
    done = ctl("--json", *words, **more)
    assert done.returncode == 0 and done.stderr == "", done
    return json.loads(done.stdout)


# ---- tlsa

def pin(certificate):
    """SHA-256 of the key, by openssl."""
    key = subprocess.run(["openssl", "x509", "-in", str(certificate), "-noout", "-pubkey"],
                         capture_output=True, check=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key,
                         capture_output=True, check=True).stdout
    return hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_tlsa_pins_the_key_of_the_configurations_host(ctl, authority, kind):
    certificate, _ = authority.pair("mx.example.org", kind)
    done = ctl("tlsa", certificate)
    assert done.returncode == 0, done
    assert done.stdout == f"_25._tcp.mx.example.org. IN TLSA 3 1 1 {pin(certificate)}\n"


def test_tlsa_takes_the_host_given_and_standard_input(ctl, authority):
    certificate, _ = authority.mx()
    answer = ask(ctl, "tlsa", "-", "--host", "MX2.example.org.", text=certificate.read_text())
    assert answer == {"host": "mx2.example.org", "usage": 3, "selector": 1, "matching": 1,
                      "data": pin(certificate)}


def test_tlsa_of_what_is_no_certificate_says_so(ctl, authority, folder):
    _, key = authority.mx()
    for path, word in ((key, "certificate"), (folder / "none", "No such file")):
        done = ctl("tlsa", path)
        assert done.returncode == 1 and word in done.stderr and done.stdout == "", done


def test_tlsa_without_a_configuration_wants_the_host(authority, folder):
    certificate, _ = authority.mx()
    done = run_ctl("-c", folder / "none.conf", "tlsa", certificate)
    assert done.returncode == 1 and "--host" in done.stderr, done
    done = run_ctl("-c", folder / "none.conf", "tlsa", certificate, "--host", "mx.example.org")
    assert done.returncode == 0, done


# ---- mta-sts

def test_mta_sts_names_the_mx_of_the_own_domain(ctl, dns):
    dns.add("example.org", "MX", "10 mx1.example.org", "20 mx2.example.org")
    done = ctl("mta-sts")
    assert done.returncode == 0, done
    assert done.stdout == ("version: STSv1\nmode: testing\nmx: mx1.example.org\n"
                           "mx: mx2.example.org\nmax_age: 604800\n")
    assert "_mta-sts.example.org. IN TXT" in done.stderr


def test_mta_sts_for_programs(ctl, dns):
    dns.add("other.example", "MX", "10 mx.other.example")
    answer, = ask(ctl, "mta-sts", "other.example", "--mode", "enforce")
    assert answer["mode"] == "enforce" and answer["mx"] == ["mx.other.example"]
    assert answer["policy"] == "version: STSv1\nmode: enforce\nmx: mx.other.example\n" \
                               "max_age: 604800\n"
    assert answer["url"] == "https://mta-sts.other.example/.well-known/mta-sts.txt"
    assert answer["record"].startswith('_mta-sts.other.example. IN TXT "v=STSv1; id=')


def test_mta_sts_tells_several_domains_apart(gatepost, dns):
    gate = gatepost("127.0.0.1:1", start=False, dns={"servers": [address_text(dns)]},
                    relay={"domains": ["a.example", ".below.example", "b.example"]})
    for name in ("a", "b"):
        dns.add(f"{name}.example", "MX", f"10 mx.{name}.example")
    done = run_ctl("-c", gate.config_file, "mta-sts")
    assert done.returncode == 0, done
    assert done.stdout.count("# https://mta-sts.") == 2 == done.stdout.count("version: STSv1")
    assert ".below.example" in done.stderr


def test_mta_sts_of_a_domain_without_mx_is_no_policy(ctl, dns):
    dns.host("bare.example", "192.0.2.1")
    done = ctl("mta-sts", "bare.example")
    assert done.returncode == 1 and "no MX" in done.stderr and done.stdout == "", done
    done = ctl("mta-sts", "not a domain")
    assert done.returncode == 2, done


def test_a_configuration_that_was_named_and_cannot_be_read_ends_the_command(folder):
    done = run_ctl("-c", folder / "none.conf", "mta-sts", "example.org")
    assert done.returncode == 1 and "none.conf" in done.stderr, done
