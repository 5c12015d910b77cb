"""Our client against a server that is not ours: mini_winrm_server.py on loopback.

Runs the example `interop_client` of the crate `windlass` once a case and checks, beside what it says, that
nothing stays open on the server. Prints `mini-server: CASE: passed|failed: why`.
"""
import argparse
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mini_winrm_server import Server  # noqa: E402

USER, PASSWORD = "alice", "Pa55w0rd.1"
# name of the case, authentication, whether the server allows Basic and plain bodies, password, requests expected
CASES = [
    ("identify", "ntlm", False, PASSWORD, None),
    ("shell-command", "ntlm", False, PASSWORD, None),
    ("shell-input", "ntlm", False, PASSWORD, None),
    ("pipeline", "ntlm", False, PASSWORD, 6),
    ("pipeline-streams", "ntlm", False, PASSWORD, None),
    ("pipeline-input", "ntlm", False, PASSWORD, None),
    ("pipeline-parallel", "ntlm", False, PASSWORD, None),
    ("pipeline-stop", "ntlm", False, PASSWORD, None),
    ("pipeline-drop", "ntlm", False, PASSWORD, None),
    ("pipeline-large", "ntlm", False, PASSWORD, None),
    ("secrets", "ntlm", False, PASSWORD, None),
    ("secrets-asked-for", "ntlm", False, PASSWORD, None),
    ("unknown-endpoint", "ntlm", False, PASSWORD, None),
    ("refused", "ntlm", False, "not the password", None),
    ("identify", "negotiate", False, PASSWORD, None),
    ("shell-command", "negotiate", False, PASSWORD, None),
    ("pipeline", "negotiate", False, PASSWORD, 6),
    ("pipeline-streams", "negotiate", False, PASSWORD, None),
    ("shell-command", "basic", True, PASSWORD, None),
    ("pipeline", "basic", True, PASSWORD, 5),
    ("pipeline-streams", "basic", True, PASSWORD, None),
    ("secrets", "basic", True, PASSWORD, None),
    ("refused", "basic", True, "not the password", None),
    ("shell-command", "digest", False, PASSWORD, None),
    ("pipeline", "digest", False, PASSWORD, None),
    ("pipeline-large", "digest", False, PASSWORD, None),
    ("refused", "digest", False, "not the password", None),
    ("identify", "credssp", False, PASSWORD, None),
    ("shell-command", "credssp", False, PASSWORD, None),
    ("pipeline", "credssp", False, PASSWORD, None),
    ("pipeline-input", "credssp", False, PASSWORD, None),
    ("pipeline-large", "credssp", False, PASSWORD, None),
    ("secrets-asked-for", "credssp", False, PASSWORD, None),
    ("pipeline", "credssp-tls12", False, PASSWORD, None),
    ("refused", "credssp", False, "not the password", None),
    ("refused", "credssp-v4", False, PASSWORD, None),
]


def credssp(authentication):
    """What pyspnego's CredSSP acceptor gets: its defaults, no TLS 1.3, or the version from before CVE-2018-0886."""
    mechanism, _, variant = authentication.partition("-")
    if mechanism != "credssp":
        return None
    if variant != "tls12":
        return {}
    import ssl

    import spnego._credssp
    context = spnego._credssp._create_tls_context("accept")
    context.context.maximum_version = ssl.TLSVersion.TLSv1_2
    return {"credssp_tls_context": context}


def run(program, case, authentication, basic, password, requests):
    import spnego._credssp
    spnego._credssp._CREDSSP_VERSION = 4 if authentication.endswith("v4") else 6
    server = Server(user=USER, password=PASSWORD, basic=basic, credssp=credssp(authentication),
                    digest=authentication == "digest").start()
    authentication = authentication.partition("-")[0]
    environment = dict(os.environ, WINDLASS_PASSWORD=password)
    command = [program, "--port", str(server.server_port), "--user", USER, "--authentication", authentication, "--case", case]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        shells, commands, sent = len(server.service.shells), server.service.open_commands(), server.service.requests
    except subprocess.TimeoutExpired:
        return "no end after 60 s"
    finally:
        server.stop()
    if done.returncode != 0:
        return (done.stderr.strip() or done.stdout.strip() or f"status {done.returncode}").splitlines()[-1]
    if shells or commands:
        return f"{shells} shells and {commands} commands stay open"
    if requests is not None and sent != requests:
        return f"{sent} requests instead of {requests}"
    return None


def run_process(program):
    """The same machine without WS-Man: a process that speaks PowerShell's out-of-process framing."""
    server = os.path.join(os.path.dirname(os.path.abspath(__file__)), "process_server.py")
    environment = dict(os.environ, WINDLASS_PASSWORD="")
    command = [program, "--case", "process", "--program", sys.executable, "--argument", server]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        return "no end after 60 s"
    return None if done.returncode == 0 else (done.stderr.strip() or f"status {done.returncode}").splitlines()[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="the example interop_client")
    parser.add_argument("--only", help="only cases whose name contains this")
    arguments, _ = parser.parse_known_args()
    for case, authentication, basic, password, requests in CASES:
        name = f"{case} {authentication}"
        if arguments.only and arguments.only not in name:
            continue
        reason = run(arguments.bin, case, authentication, basic, password, requests)
        report(name, reason)
    if not arguments.only or arguments.only in "process":
        report("process", run_process(arguments.bin))


def report(name, reason):
    print(f"mini-server: {name}: " + ("passed" if reason is None else f"failed: {reason}"), flush=True)


if __name__ == "__main__":
    main()
