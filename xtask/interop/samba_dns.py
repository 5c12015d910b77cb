"""Our client finds a KDC through the DNS: the name server of a Samba domain controller says where the KDC of its domain
is, and the ticket from there opens a session of our host, which has the service's keys.

The client runs with a `resolv.conf` of its own, in a mount namespace.

Prints `samba-dns: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import samba_dc  # noqa: E402
from foreign import report  # noqa: E402
from own_host import OwnHost  # noqa: E402
from samba_krb5 import PASSWORD, USER, Directory  # noqa: E402

HOST = "krb.win.test"
FOLDER = os.path.abspath("target/interop/samba-dc")
# case, what krb5.conf says beside the realm, who logs on, what the client writes, whether it is let in
CASES = [
    ("a KDC that the DNS names", "dns_lookup_kdc = true", f"{USER}@{samba_dc.REALM}", 'kdc="dc1.win.test:88"', True),
    ("a domain whose own name leads to its KDC", "", f"{USER}@{samba_dc.REALM}", 'kdc="WIN.TEST"', True),
    ("a realm that the DNS does not know", "dns_lookup_kdc = true", f"{USER}@NOWHERE.TEST",
     "the DNS names no KDC of NOWHERE.TEST: there is no such entry", False),
]


def in_namespace(name_server_file, command):
    script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, name_server_file, *command]


def run(windlass, host, name_servers, config, user, writes, good):
    folder = os.path.dirname(name_servers)
    krb5_conf = os.path.join(folder, "dns-krb5.conf")
    with open(krb5_conf, "w", encoding="utf-8") as file:
        file.write(f"[libdefaults]\n default_realm = {samba_dc.REALM}\n {config}\n"
                   f"[domain_realm]\n .win.test = {samba_dc.REALM}\n")
    command = [windlass, "Invoke-Command", "-ComputerName", HOST, "-Port", str(host.http), "--resolve", f"{HOST}=127.0.0.1",
               "-Authentication", "Kerberos", "-Credential", user, "{", "Write-Output", "hello", "}"]
    environment = os.environ | {"WINDLASS_PASSWORD": PASSWORD, "WINDLASS_LOG": "windlass_net=debug", "NO_COLOR": "1",
                                "KRB5_CONFIG": krb5_conf, "KRB5CCNAME": os.path.join(folder, "no-tickets")}
    done = subprocess.run(in_namespace(name_servers, command), env=environment, capture_output=True, text=True, timeout=120)
    as_told = (done.returncode == 0 and "hello" in done.stdout) == good and writes in done.stderr
    return None if as_told else f"{done.returncode}: {done.stdout} {done.stderr}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windlass", required=True, help="the program windlass")
    arguments, _ = parser.parse_known_args()
    try:
        if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
            raise RuntimeError("no mount namespace can be had")
        with samba_dc.DomainController(FOLDER) as controller:
            controller.wait_for(53)
            domain = Directory(samba_dc, FOLDER)
            domain.prepare()
            name_servers = domain.file("resolv.conf")
            with open(name_servers, "w", encoding="utf-8") as file:
                file.write(f"nameserver {samba_dc.ADDRESS}\n")
            with OwnHost(arguments.windlass, "--keytab", domain.file("krb.keytab")) as host:
                for name, config, user, writes, good in CASES:
                    try:
                        outcome = run(arguments.windlass, host, name_servers, config, user, writes, good)
                    except subprocess.TimeoutExpired as error:
                        outcome = error
                    report("samba-dns", name, outcome)
    except RuntimeError as error:
        print(f"samba-dns: all cases: skipped: {error}")


if __name__ == "__main__":
    main()
