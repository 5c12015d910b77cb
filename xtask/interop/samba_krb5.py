"""Our Kerberos against the KDC of a Samba domain controller: what Active Directory is like, with its salts, its large
tickets, its short domain names and its errors. The service's keytab is Samba's, too.

    samba_krb5.py --bin PATH_OF_KERBEROS_STDIO

Prints `samba-krb5: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mit_krb5 import Ours, Refused, exchange_ours, refused  # noqa: E402

USER, PASSWORD, SERVICE = "krb-alice", "Pa55w0rd.1", "HTTP/krb.win.test"
# What samba-tool has no words for: which keys accounts have.
ENCTYPES = """
import ldb, sys
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
lp = LoadParm(); lp.load(sys.argv[1])
sam = SamDB(url=sys.argv[2], session_info=system_session(), lp=lp)
for name, numbers in zip(sys.argv[3::2], sys.argv[4::2]):
    message = ldb.Message(sam.search(expression=f'(sAMAccountName={name})')[0].dn)
    message['keys'] = ldb.MessageElement(numbers, ldb.FLAG_MOD_REPLACE, 'msDS-SupportedEncryptionTypes')
    sam.modify(message)
"""


class Directory:
    """The domain, as mit_krb5.Ours wants a realm."""

    def __init__(self, samba_dc, folder):
        self.name, self.address, self.folder = samba_dc.REALM, samba_dc.ADDRESS, folder
        self.environment = samba_dc.environment()
        self.answers = []

    def file(self, name):
        return os.path.join(self.folder, name)

    def config(self):
        return f"[libdefaults]\n default_realm = {self.name}\n[realms]\n {self.name} = {{\n  kdc = {self.address}\n }}\n"

    def tool(self, *words, check=True):
        command = ["samba-tool", *words, f"--configfile={self.file('etc/smb.conf')}"]
        subprocess.run(command, check=check, capture_output=True, text=True, env=self.environment, timeout=120)

    def add_user(self, name, *options):
        self.tool("user", "delete", name, check=False)
        self.tool("user", "create", name, PASSWORD, *options)

    def prepare(self):
        self.add_user(USER)
        self.add_user("krb-service")
        self.add_user("krb-disabled")
        self.tool("user", "disable", "krb-disabled")
        self.add_user("krb-late", "--must-change-at-next-login")
        self.tool("spn", "add", SERVICE, "krb-service")
        subprocess.run(["/usr/bin/python3", "-c", ENCTYPES, self.file("etc/smb.conf"), self.file("private/sam.ldb"),
                        USER, "24", "krb-service", "24"], check=True, env=self.environment, timeout=120)
        # Keys of the kinds that an account is said to have are made when its password is set.
        self.tool("user", "setpassword", "krb-service", f"--newpassword={PASSWORD}2")
        if os.path.exists(self.file("krb.keytab")):
            os.unlink(self.file("krb.keytab"))
        self.tool("domain", "exportkeytab", self.file("krb.keytab"), f"--principal={SERVICE}")

    def ask(self, message, udp=False):
        if udp:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(5)
                sock.sendto(message, (self.address, 88))
                self.answers.append(sock.recv(65536))
        else:
            with socket.create_connection((self.address, 88), 10) as sock:
                sock.sendall(len(message).to_bytes(4, "big") + message)
                with sock.makefile("rb") as file:
                    self.answers.append(file.read(int.from_bytes(file.read(4), "big")))
        return self.answers[-1]


def cases(domain, new):
    def logon(user, kind="kerberos"):
        def case():
            ours, host = new().password(user, PASSWORD).initiate(kind, SERVICE), new().keytab("krb.keytab").accept(kind)
            exchange_ours(ours, host)
            assert host.ask("peer")[1][0].decode() == f"{domain.name}\\{USER}"

        return case

    yield "bare name", logon(USER)
    yield "user@realm", logon(f"{USER}@win.test")
    yield "short domain name", logon(f"WIN\\{USER}")
    yield "spnego", logon(USER, "spnego")
    yield "three legs", logon(USER, "dce")

    def fails(says, user, password=PASSWORD, service=SERVICE):
        return lambda: refused(lambda: new().password(user, password).initiate(service=service).step(), Refused, says=says)

    yield "wrong password", fails(f"password or key of {USER}@{domain.name} is wrong", USER, "wrong")
    yield "unknown user", fails("there is no user krb-nobody", "krb-nobody")
    yield "disabled user", fails("disabled", "krb-disabled")
    yield "password that has to be changed", fails("password of krb-late@WIN.TEST has expired", "krb-late")
    yield "unknown service", fails("there is no service HTTP/nowhere", USER, service="HTTP/nowhere")

    def skew():
        ours = new().password(USER, PASSWORD)
        ours.ask("clock", "900")
        refused(lambda: ours.initiate(service=SERVICE).step(), Refused, says="the clock here is")

    yield "wrong clock", skew

    def too_big():
        ours = new().password(USER, PASSWORD)
        ours.udp = True
        refused(lambda: ours.initiate(service=SERVICE).step(), Refused, says="error 52")

    yield "a ticket too large for a datagram", too_big


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="the example kerberos_stdio of windlass-auth")
    arguments, _ = parser.parse_known_args()
    try:
        import samba_dc

        folder = os.path.abspath("target/interop/samba-dc")
        with samba_dc.DomainController(folder):
            domain = Directory(samba_dc, folder)
            domain.prepare()
            opened = []

            def new():
                opened.append(Ours(arguments.bin, domain))
                return opened[-1]

            for name, case in cases(domain, new):
                try:
                    case()
                    print(f"samba-krb5: {name}: passed", flush=True)
                except Exception as error:  # whatever goes wrong is this case's failure
                    print(f"samba-krb5: {name}: failed: {type(error).__name__}: {error}", flush=True)
                while opened:
                    opened.pop().close()
    except (ImportError, RuntimeError) as error:
        print(f"samba-krb5: all cases: skipped: {error}")


if __name__ == "__main__":
    main()
