# SPDX-License-Identifier: ISC
"""Dovecot's authentication service alone: the users of a Postfix (or any) backend."""

from .process import Process

CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = none
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256 digest-md5
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = static
  args = uid=dovecot gid=dovecot home=/nonexistent
}}
service auth {{
  unix_listener auth-smtp {{
    mode = 0666
  }}
}}
service stats {{
  client_limit = 50
}}
"""


class Dovecot:
    """`users`: password by name. `socket`: where smtpd_sasl_path points."""

    def __init__(self, folder, users):
        self.folder = folder / "dovecot"
        self.folder.mkdir()
        (self.folder / "users").write_text(
            "".join(f"{user}:{{PLAIN}}{password}\n" for user, password in users.items()),
            encoding="ascii")
        (self.folder / "users").chmod(0o644)
        config = self.folder / "dovecot.conf"
        config.write_text(CONFIG.format(folder=self.folder), encoding="ascii")
        self.socket = self.folder / "run" / "auth-smtp"
        self.process = Process(["dovecot", "-F", "-c", str(config)], self.folder / "output")
        self.process.wait_for(self.socket.exists, "its socket")

    def stop(self):
        self.process.stop()
