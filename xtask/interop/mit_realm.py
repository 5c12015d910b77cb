"""A realm of MIT Kerberos of our own: a KDC on loopback, its database in a temporary directory.

Needs the Debian packages krb5-kdc, krb5-admin-server, krb5-user and python3-gssapi. `import_gssapi()` finds
the last one from within a virtual environment.
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import types

PROGRAMS = ("/usr/sbin/krb5kdc", "/usr/sbin/kdb5_util", "/usr/sbin/kadmin.local", "/usr/bin/kinit", "/usr/bin/kvno")


def missing():
    """Why there can be no realm, or None."""
    absent = [program for program in PROGRAMS if not os.path.exists(program)]
    return f"not installed: {', '.join(absent)}" if absent else None


def import_gssapi():
    """Debian's python3-gssapi, also from a virtual environment; pyspnego then offers Kerberos, too."""
    if "/usr/lib/python3/dist-packages" not in sys.path:
        sys.path.append("/usr/lib/python3/dist-packages")
    # pyspnego imports krb5 for passwords and keytabs that a caller hands over; with tickets of the
    # environment it never calls it.
    sys.modules.setdefault("krb5", types.ModuleType("krb5"))
    import gssapi
    import gssapi.raw

    return gssapi


class Realm:
    """A KDC with its database; `with Realm("NAME") as realm:`."""

    def __init__(self, name, enctypes="aes256-cts aes128-cts", domains=(), max_life="10h", others=()):
        self.name, self.enctypes, self.max_life = name, enctypes, max_life
        self.domains, self.others = domains, others
        self.path = tempfile.mkdtemp(prefix="krb5-")
        self.kdc = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def file(self, name):
        return os.path.join(self.path, name)

    def environment(self, **more):
        values = {
            "KRB5_CONFIG": self.file("krb5.conf"),
            "KRB5_KDC_PROFILE": self.file("kdc.conf"),
            "KRB5CCNAME": self.file("ccache"),
            "KRB5_KTNAME": self.file("keytab"),
            "KRB5_CLIENT_KTNAME": self.file("client.keytab"),
            "KRB5RCACHENAME": "none:",
            "LC_ALL": "C.UTF-8",
        }
        return {**os.environ, **values, **more}

    def config(self):
        """krb5.conf."""
        realms = [(self.name, self.port)] + [(other.name, other.port) for other in self.others]
        kdcs = "".join(f" {name} = {{\n  kdc = 127.0.0.1:{port}\n }}\n" for name, port in realms)
        domains = "".join(f" {domain} = {realm}\n" for domain, realm in self.domains)
        return (
            f"[libdefaults]\n default_realm = {self.name}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n"
            " dns_canonicalize_hostname = false\n rdns = false\n allow_weak_crypto = true\n"
            f" permitted_enctypes = {self.enctypes} arcfour-hmac aes256-sha2 aes128-sha2\n"
            f"[realms]\n{kdcs}[domain_realm]\n{domains}"
        )

    def __enter__(self):
        with open(self.file("krb5.conf"), "w") as file:
            file.write(self.config())
        with open(self.file("kdc.conf"), "w") as file:
            file.write(
                f"[kdcdefaults]\n kdc_listen = 127.0.0.1:{self.port}\n kdc_tcp_listen = 127.0.0.1:{self.port}\n"
                f"[realms]\n {self.name} = {{\n  database_name = {self.file('principal')}\n"
                f"  key_stash_file = {self.file('stash')}\n  acl_file = {self.file('acl')}\n"
                f"  max_life = {self.max_life}\n  supported_enctypes = {self.enctypes}\n"
                "  default_principal_flags = +preauth\n }\n"
                f"[logging]\n kdc = FILE:{self.file('kdc.log')}\n"
            )
        self.run("/usr/sbin/kdb5_util", "create", "-s", "-r", self.name, "-P", "master")
        self.start()
        return self

    def start(self):
        self.kdc = subprocess.Popen(["/usr/sbin/krb5kdc", "-n", "-r", self.name], env=self.environment(),
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.kdc.poll() is not None:
                raise RuntimeError("the KDC ended: " + self.log()[-500:])
            time.sleep(0.05)
        raise RuntimeError("the KDC does not answer")

    def stop(self):
        if self.kdc and self.kdc.poll() is None:
            self.kdc.terminate()
            self.kdc.wait(10)

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.path, ignore_errors=True)

    def run(self, *command, input=None, environment=None):
        done = subprocess.run(command, env=environment or self.environment(), input=input, capture_output=True,
                              text=True, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def admin(self, query):
        output = self.run("/usr/sbin/kadmin.local", "-r", self.name, "-q", query)
        return output

    def add_user(self, name, password, *options):
        self.admin(f"addprinc {' '.join(options)} -pw {password} {name}")

    def add_service(self, name, *options, keytab="keytab"):
        self.admin(f"addprinc -randkey {' '.join(options)} {name}")
        self.admin(f"ktadd -k {self.file(keytab)} {name}")

    def kinit(self, name, password, *options, cache="ccache"):
        self.run("/usr/bin/kinit", *options, "-c", self.file(cache), name, input=password + "\n")

    def log(self):
        try:
            with open(self.file("kdc.log")) as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def issued(self):
        """How many initial and how many service tickets the KDC gave so far."""
        lines = [line for line in self.log().splitlines() if ": ISSUE: " in line]
        return sum("AS_REQ" in line for line in lines), sum("TGS_REQ" in line for line in lines)

    def ask(self, message, udp=False):
        """Brings a message to the KDC and its answer back."""
        if udp:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(5)
                sock.sendto(message, ("127.0.0.1", self.port))
                return sock.recv(65536)
        with socket.create_connection(("127.0.0.1", self.port), 5) as sock:
            sock.sendall(len(message).to_bytes(4, "big") + message)
            with sock.makefile("rb") as file:
                return file.read(int.from_bytes(file.read(4), "big"))
