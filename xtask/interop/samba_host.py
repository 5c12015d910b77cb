"""A real domain behind our host: `windlass mock --ntlm-auth` hands the proofs of its clients, which are pypsrp, to Samba's
`ntlm_auth`, and so to a Samba domain controller. Sessions run sealed under the key that the domain gives.

Prints `samba-domain: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import samba_dc  # noqa: E402
from foreign import report  # noqa: E402
from samba_ntlm import DISABLED, FOLDER, PASSWORD, USER, helper, prepare  # noqa: E402


class Domain:
    """`windlass mock` that hands the proofs of its clients on."""

    def __init__(self, windlass, folder):
        command = [windlass, "mock", "--listen", "127.0.0.1:0", "--allow-exec", "--allow-unencrypted", "--user", "local:Pa55w0rd.1",
                   "--ntlm-auth", " ".join(helper(folder, "ntlm-server-1"))]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = json.loads(self.process.stdout.readline())["http"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(20)


def run_pypsrp(address, user, password, auth):
    """The output of a script in a session, sealed where the mechanism can."""
    from pypsrp.client import Client

    host, _, port = address.rpartition("/")[2].rpartition(":") if "/" in address else address.rpartition(":")
    client = Client(host, port=int(port), username=user, password=password, ssl=False, auth=auth,
                    encryption="never" if auth == "basic" else "always")
    output, _, failed = client.execute_ps("'ran'")
    return output.strip() if not failed else "failed"


def behind_host(windlass, folder):
    from pypsrp.exceptions import AuthenticationError

    with Domain(windlass, folder) as host:
        for auth in ("ntlm", "negotiate", "basic"):
            for user, password, right in ((USER, PASSWORD, True), ("local", PASSWORD, True), (USER, "wrong", False),
                                          (f"{samba_dc.DOMAIN}\\nobody", PASSWORD, False), (f"{samba_dc.DOMAIN}\\{DISABLED}", PASSWORD, False)):
                try:
                    outcome = None if run_pypsrp(host.address, user, password, auth) == "ran" else "other output"
                    outcome = outcome if right else "was let in"
                except AuthenticationError as error:
                    outcome = str(error) if right else None
                except Exception as error:  # noqa: BLE001: a case may fail in any way
                    outcome = f"{type(error).__name__}: {error}"
                report("samba-domain", f"{auth} as {user} with {password}, domain behind the host", outcome)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windlass", required=True, help="the program windlass")
    arguments, _ = parser.parse_known_args()
    try:
        with samba_dc.DomainController(FOLDER) as domain:
            prepare(domain)
            behind_host(arguments.windlass, domain.folder)
    except RuntimeError as error:
        print(f"samba-domain: all cases: skipped: {error}")


if __name__ == "__main__":
    main()
