"""Our client against Apache httpd with mod_auth_gssapi and Kerberos, with a KDC of MIT's; what is let through goes
on to mini_winrm_server.py. Runs the example `interop_client`.

Prints `apache-krb5: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import apache  # noqa: E402
import mit_realm  # noqa: E402

REALM, USER, PASSWORD = "WINDLASS.TEST", "alice", "Pa55w0rd"
MODULES = "mpm_event authn_core authz_core authz_user auth_gssapi proxy proxy_http headers ssl socache_shmcb"
CONTENT = """
  ProxyPass /wsman http://127.0.0.1:{backend}/wsman
  <Location /wsman>
    AuthType GSSAPI
    AuthName "WSMAN"
    GssapiAllowedMech krb5
    GssapiCredStore keytab:{keytab}
    GssapiConnectionBound On
    {more}
    Require user {principal}
  </Location>
"""


def configure(folder, realm, port, backend, more=""):
    from foreign import certificate

    shown = certificate(folder)
    keytab = shutil.copy(realm.file("keytab"), os.path.join(folder, "keytab"))
    for path in (keytab, shown[1]):
        os.chmod(path, 0o644)
    os.chmod(realm.path, 0o755)
    content = CONTENT.format(backend=backend, keytab=keytab, principal=f"{USER}@{REALM}", more=more)
    apache.configure(folder, MODULES, apache.host(port, shown, USER, PASSWORD, content))
    return shown[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="the example interop_client")
    arguments, _ = parser.parse_known_args()
    reason = mit_realm.missing() or (None if os.path.exists(apache.PROGRAM) else "not installed: apache2")
    if reason:
        print(f"apache-krb5: all cases: skipped: {reason}")
        return
    from foreign import Program, free_port, report, run_client
    from mini_winrm_server import Server

    backend = Server(user=USER, password=PASSWORD, basic=True).start()
    with mit_realm.Realm(REALM) as realm, tempfile.TemporaryDirectory() as folder:
        realm.add_user(USER, PASSWORD)
        realm.add_user("mallory", PASSWORD)
        realm.add_service("HTTP/localhost")
        realm.kinit(USER, PASSWORD)
        port = free_port()
        pem = configure(folder, realm, port, backend.server_port)
        environment = {name: value for name, value in realm.environment().items() if name.startswith("KRB5")}
        way = ["--host", "localhost", "--port", port, "--tls-roots", pem]
        with Program(apache.command(folder), port, environment):
            for authentication, user in (("kerberos", f"{USER}@{REALM}"), ("negotiate", f"{USER}@{REALM}"),
                                         ("kerberos", ""), ("implicit", "")):
                outcome = run_client(arguments.bin, "pipeline", *way, "--authentication", authentication, "--user", user,
                                     password=PASSWORD, environment=environment)
                report("apache-krb5", f"{authentication} as {user or 'whom the tickets name'}", outcome)
            for user, password in (("mallory", PASSWORD), (USER, "wrong")):
                outcome = run_client(arguments.bin, "refused", *way, "--authentication", "kerberos", "--user", user,
                                     password=password, environment=environment)
                report("apache-krb5", f"{user} with the password {password} refused", outcome)
    backend.stop()


if __name__ == "__main__":
    main()
