"""Our client with Kerberos: a KDC of MIT's, and mini_winrm_server.py with the acceptor of MIT's GSS-API.

Prints `mit-server: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mit_realm  # noqa: E402

REALM, USER, PASSWORD, HOST = "WINDLASS.TEST", "alice", "Pa55w0rd", "srv.windlass.test"
PRINCIPAL = f"{USER}@{REALM}"
# A session with one command: the ticket; then Create, Receive, Command, Receive and Delete.
REQUESTS = 6
# case, authentication, user (none: the tickets that are held), what goes beside
CASES = [
    ("identify", "kerberos", PRINCIPAL, {}),
    ("shell-command", "kerberos", PRINCIPAL, {}),
    ("shell-input", "kerberos", PRINCIPAL, {}),
    ("pipeline", "kerberos", PRINCIPAL, {}),
    ("pipeline-streams", "kerberos", PRINCIPAL, {}),
    ("pipeline-parallel", "kerberos", PRINCIPAL, {}),
    ("pipeline-large", "kerberos", PRINCIPAL, {}),
    ("pipeline", "kerberos", USER, {}),
    ("pipeline", "kerberos", f"WINDLASS\\{USER}", {}),
    ("pipeline", "kerberos", PRINCIPAL, {"keytab": "client.keytab"}),
    ("pipeline", "kerberos", "", {}),
    ("pipeline", "kerberos", "", {"cache": "DIR"}),
    ("pipeline", "implicit", "", {}),
    ("pipeline", "negotiate", PRINCIPAL, {}),
    ("pipeline-parallel", "negotiate", PRINCIPAL, {}),
    ("pipeline", "negotiate", USER, {"ntlm": True}),
    ("refused", "negotiate", f"{USER}@nowhere.test", {"ntlm": True}),
    ("refused", "kerberos", PRINCIPAL, {"password": "wrong"}),
    ("refused", "kerberos", PRINCIPAL, {"spn-class": "NOSUCH"}),
    ("pipeline", "kerberos", PRINCIPAL, {"spn-class": "WSMAN"}),
    ("pipeline", "negotiate", PRINCIPAL, {"spn-class": "HOST"}),
]


def run(program, realm, server_class, case, authentication, user, more):
    server = server_class(user=USER, password=PASSWORD, kerberos=None if more.get("ntlm") else HOST,
                          spn_class=more.get("spn-class", "HTTP")).start()
    cache = "DIR:" + realm.file("caches") if more.get("cache") else realm.file("ccache")
    environment = realm.environment(WINDLASS_PASSWORD=more.get("password", PASSWORD), KRB5CCNAME=cache)
    command = [program, "--host", HOST, "--resolve", f"{HOST}=127.0.0.1", "--port", str(server.server_port),
               "--user", user, "--authentication", authentication, "--case", case]
    if "keytab" in more:
        command += ["--keytab", realm.file(more["keytab"])]
    if "spn-class" in more:
        command += ["--spn-class", more["spn-class"]]
    before = realm.issued()
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
    if case == "pipeline" and sent != REQUESTS:
        return f"{sent} requests instead of {REQUESTS}"
    issued = tuple(now - then for now, then in zip(realm.issued(), before))
    # A cache has the initial ticket; further connections need no KDC.
    expected = (0, 0) if more.get("ntlm") or case == "refused" else (1 if user else 0, 1)
    if case != "refused" and issued != expected:
        return f"{issued} initial and service tickets instead of {expected}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="the example interop_client")
    parser.add_argument("--only", help="only cases whose name contains this")
    arguments, _ = parser.parse_known_args()
    reason = mit_realm.missing()
    if not reason:
        try:
            mit_realm.import_gssapi()
            from mini_winrm_server import Server
        except ImportError as error:
            reason = str(error)
    if reason:
        print(f"mit-server: all cases: skipped: {reason}")
        return
    with mit_realm.Realm(REALM) as realm:
        realm.add_user(USER, PASSWORD)
        realm.admin(f"ktadd -norandkey -k {realm.file('client.keytab')} {USER}")
        for spn_class in ("HTTP", "WSMAN", "HOST"):
            realm.add_service(f"{spn_class}/{HOST}")
        realm.kinit(USER, PASSWORD)
        os.mkdir(realm.file("caches"))
        realm.run("/usr/bin/kinit", "-c", "DIR:" + realm.file("caches"), USER, input=PASSWORD + "\n")
        os.environ.update({name: value for name, value in realm.environment().items() if name.startswith("KRB5")})
        for case, authentication, user, more in CASES:
            name = " ".join([case, authentication, f"as {user}" if user else "as whom the tickets name",
                             *(f"{key} {value}" for key, value in more.items() if key != "ntlm")])
            if arguments.only and arguments.only not in name:
                continue
            try:
                reason = run(arguments.bin, realm, Server, case, authentication, user, more)
            except Exception as error:  # whatever goes wrong is this case's failure
                reason = f"{type(error).__name__}: {error}"
            print(f"mit-server: {name}: " + ("passed" if reason is None else f"failed: {reason}"), flush=True)


if __name__ == "__main__":
    main()
