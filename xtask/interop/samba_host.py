"""A real domain behind our host: `windlass mock --ntlm-auth` hands the proofs of its clients, which are pypsrp, to Samba's
`ntlm_auth`, and so to a Samba domain controller. Sessions run sealed under the key that the domain gives.

Prints `samba-domain: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import samba_dc  # noqa: E402
from foreign import report  # noqa: E402
from own_host import OwnHost  # noqa: E402
from samba_ntlm import DISABLED, FOLDER, PASSWORD, USER, helper, prepare  # noqa: E402


def run_pypsrp(port, user, password, auth):
    """The output of a command in a session, sealed where the mechanism can."""
    from pypsrp.powershell import PowerShell, RunspacePool
    from pypsrp.wsman import WSMan

    with WSMan("localhost", port=port, username=user, password=password, ssl=False, auth=auth,
               encryption="never" if auth == "basic" else "always") as wsman, RunspacePool(wsman) as pool:
        return PowerShell(pool).add_cmdlet("Write-Output").add_parameter("InputObject", "ran").invoke()


def behind_host(windlass, folder):
    from pypsrp.exceptions import AuthenticationError

    command = " ".join(helper(folder, "ntlm-server-1"))
    with OwnHost(windlass, "--allow-unencrypted", "--user", f"local:{PASSWORD}", "--ntlm-auth", command) as host:
        for auth in ("ntlm", "negotiate", "basic"):
            for user, password, right in ((USER, PASSWORD, True), ("local", PASSWORD, True), (USER, "wrong", False),
                                          (f"{samba_dc.DOMAIN}\\nobody", PASSWORD, False), (f"{samba_dc.DOMAIN}\\{DISABLED}", PASSWORD, False)):
                try:
                    outcome = None if run_pypsrp(host.http, user, password, auth) == ["ran"] else "other output"
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
