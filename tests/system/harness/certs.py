# SPDX-License-Identifier: ISC
"""A certificate authority of our own, by the openssl command."""

import subprocess


def _openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class Authority:
    """Makes certificates signed by itself below `folder`."""

    def __init__(self, folder):
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate = folder / "ca.pem"
        self.key = folder / "ca.key"
        self.serial = 1
        self.usual = None
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-subj", "/CN=Gatepost test CA", "-days", 30, "-keyout", self.key, "-out",
                 self.certificate)

    def mx(self):
        """The pair of mx.example.org that tests share which do not care."""
        if self.usual is None:
            self.usual = self.pair("mx.example.org")
        return self.usual

    def pair(self, name, kind="ec"):
        """(certificate, key) files for the DNS name `name`; kind "ec" or "rsa"."""
        self.serial += 1
        stem = f"{name}-{kind}-{self.serial}"
        certificate, key, request, extension = (
            self.folder / (stem + s) for s in (".pem", ".key", ".csr", ".ext"))
        algorithm = (["-newkey", "rsa:2048"] if kind == "rsa"
                     else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        _openssl("req", *algorithm, "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out",
                 request)
        extension.write_text(f"subjectAltName=DNS:{name}\n", encoding="ascii")
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
                 "-set_serial", self.serial, "-days", 20, "-extfile", extension, "-out",
                 certificate)
        key.chmod(0o644)  # so that a daemon that dropped its rights can read it again
        return certificate, key


def fingerprint(certificate):
    """SHA-256 of the certificate, hex."""
    done = subprocess.run(["openssl", "x509", "-in", str(certificate), "-noout", "-fingerprint",
                           "-sha256"], capture_output=True, text=True, check=True)
    return done.stdout.strip().split("=", 1)[1]
