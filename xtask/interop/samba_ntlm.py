"""Logons to a real domain, a Samba domain controller: our NTLM and SPNEGO against Samba's `ntlm_auth` as the acceptor.

    samba_ntlm.py --bin PATH_OF_NTLM_STDIO

Prints `ntlm_auth: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import base64
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import samba_dc  # noqa: E402
from foreign import report  # noqa: E402
from ntlm_peers import Lines, Ours  # noqa: E402

NAME, PASSWORD, DISABLED = "ntlm-alice", "Pa55w0rd.1", "ntlm-disabled"
FOLDER = os.path.join("target", "interop", "samba-dc")
USER = f"{samba_dc.DOMAIN}\\{NAME}"


def helper(folder, protocol):
    return ["/usr/bin/ntlm_auth", f"--configfile={folder}/etc/smb.conf", f"--helper-protocol={protocol}"]


def accepted(program, folder, kind, protocol, password):
    """Our initiator; ntlm_auth asks the domain. Whom it names, or why it refuses."""
    with Ours(program) as ours, Lines(helper(folder, protocol)) as samba:
        ours.words("initiate", kind, USER.encode(), password.encode(), b"HTTP/windlass", b"")
        complete, token = ours.step()
        verb = "YR"
        for _ in range(6):
            verdict, _, rest = samba.ask(f"{verb} {base64.b64encode(token).decode()}").partition(" ")
            if verdict == "AF":
                words = rest.split()
                if kind == "spnego" and not complete and words[0] != "*":
                    complete, _ = ours.step(base64.b64decode(words[0]))
                assert complete or kind == "ntlm", "our side is not complete"
                return words[-1]
            if verdict != "TT":
                return f"refused: {verdict} {rest}"
            complete, token = ours.step(base64.b64decode(rest.split()[0]))
            verb = "KK"
    return "no end"


def acceptors(program, folder):
    for kind, protocol in (("ntlm", "squid-2.5-ntlmssp"), ("spnego", "gss-spnego")):
        for password, right in ((PASSWORD, True), ("wrong", False)):
            try:
                said = accepted(program, folder, kind, protocol, password)
            except Exception as error:  # noqa: BLE001: a case may fail in any way
                said = f"refused: {type(error).__name__}: {error}"
            good = said.lower().endswith(NAME) if right else said.startswith("refused")
            name = "logon to the domain" if right else "wrong password"
            report("ntlm_auth", f"our initiator, its {protocol}: {name}", None if good else said)


def prepare(domain):
    """Users of the domain."""
    environment = samba_dc.environment()
    for name in (NAME, DISABLED):
        for words in (["delete", name], ["create", name, PASSWORD]):
            tool = ["samba-tool", "user", *words, f"--configfile={domain.folder}/etc/smb.conf"]
            subprocess.run(tool, capture_output=True, env=environment, timeout=120)
    tool = ["samba-tool", "user", "disable", DISABLED, f"--configfile={domain.folder}/etc/smb.conf"]
    subprocess.run(tool, check=True, capture_output=True, env=environment, timeout=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="the example ntlm_stdio")
    arguments, _ = parser.parse_known_args()
    try:
        with samba_dc.DomainController(FOLDER) as domain:
            prepare(domain)
            acceptors(arguments.bin, domain.folder)
    except RuntimeError as error:
        print(f"ntlm_auth: all cases: skipped: {error}")


if __name__ == "__main__":
    main()
