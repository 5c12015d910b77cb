"""Our client through squid, which wants Kerberos (Debian's negotiate_kerberos_auth), with a KDC of MIT's; and with Kerberos
inside CredSSP, which pyspnego accepts. Behind both stands mini_winrm_server.py. Runs the example `interop_client`.

Prints `squid-krb5: CASE: passed|failed: why|skipped: why` and `pyspnego: CASE: ...`.
"""
import argparse
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mit_realm  # noqa: E402

REALM, USER, PASSWORD = "WINDLASS.TEST", "alice", "Pa55w0rd"
PRINCIPAL = f"{USER}@{REALM}"
HELPER = "/usr/lib/squid/negotiate_kerberos_auth"
SQUID = """
http_port 127.0.0.1:{port}
pid_filename {folder}/squid.pid
cache_log {folder}/cache.log
access_log none
cache deny all
shutdown_lifetime 0 seconds
coredump_dir {folder}
{user}
auth_param negotiate program /usr/bin/env KRB5RCACHENAME=none: KRB5_CONFIG={config} {helper} -k {keytab} -s HTTP/localhost@{realm}
auth_param negotiate children 4 startup=1 idle=1
{tunnels}
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
"""


def squid(folder, realm, port, tunnels):
    from foreign import Program

    keytab, config = f"{folder}/keytab", f"{folder}/krb5.conf"
    shutil.copy(realm.file("keytab"), keytab)
    shutil.copy(realm.file("krb5.conf"), config)
    with open(f"{folder}/squid.conf", "w", encoding="ascii") as file:
        file.write(SQUID.format(folder=folder, port=port, config=config, keytab=keytab, realm=REALM, helper=HELPER,
                                tunnels="" if tunnels else "acl tunnel method CONNECT\nhttp_access deny tunnel",
                                user="cache_effective_user proxy" if os.getuid() == 0 else ""))
    os.chmod(folder, 0o755)
    if os.getuid() == 0:
        for path in (folder, *(os.path.join(folder, name) for name in os.listdir(folder))):
            shutil.chown(path, "proxy", "proxy")
    command = [shutil.which("squid") or "/usr/sbin/squid", "-N", "-n", f"krb{port}", "-f", f"{folder}/squid.conf"]
    return Program(command, port, folder=folder)


def through_squid(program, realm, report, run_client, server_class, tunnels):
    from foreign import free_port

    backend = server_class(user=USER, password=PASSWORD, basic=True).start()
    peer = "squid-krb5" if tunnels else "squid-krb5 without tunnels"
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        environment = realm.environment(WINDLASS_PROXY_AUTHENTICATION="negotiate")
        way = ["--port", backend.server_port, "--authentication", "basic"]
        with squid(folder, realm, port, tunnels):
            before = realm.issued()
            for name, login, right in (("a password", f"{USER}%40{REALM}:{PASSWORD}@", True),
                                       ("a wrong password", f"{USER}%40{REALM}:wrong@", False), ("no credential", "", False)):
                proxied = ["--proxy", f"http://{login}localhost:{port}"]
                if right:
                    outcome = run_client(program, "pipeline-parallel", *way, *proxied, password=PASSWORD, environment=environment)
                    issued = tuple(now - then for now, then in zip(realm.issued(), before))
                    outcome = outcome or (None if issued == (1, 1) else f"{issued} initial and service tickets")
                else:
                    outcome = run_client(program, "unreached", *way, *proxied, password=PASSWORD, environment=environment,
                                         expect="refused")
                report(peer, f"kerberos with {name}", outcome)
    backend.stop()


def inside_credssp(program, realm, report, run_client, server_class):
    from our_client import credssp

    way = ["--host", "localhost", "--authentication", "credssp"]
    for user in (PRINCIPAL, USER):
        server = server_class(user=USER, password=PASSWORD, credssp=credssp("credssp")).start()
        before = realm.issued()
        outcome = run_client(program, "pipeline", *way, "--user", user, "--port", server.server_port, password=PASSWORD,
                             environment=realm.environment())
        server.stop()
        issued = tuple(now - then for now, then in zip(realm.issued(), before))
        expected = (1, 1) if user == PRINCIPAL else (0, 0)
        kind = "kerberos" if user == PRINCIPAL else "ntlm"
        report("pyspnego", f"credssp with {kind} inside, sealed",
               outcome or (None if issued == expected else f"{issued} initial and service tickets"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="the example interop_client")
    arguments, _ = parser.parse_known_args()
    reason = mit_realm.missing() or (None if os.path.exists(HELPER) else f"not installed: {HELPER}")
    if not reason:
        try:
            mit_realm.import_gssapi()
            from foreign import report, run_client
            from mini_winrm_server import Server
        except ImportError as error:
            reason = str(error)
    if reason:
        print(f"squid-krb5: all cases: skipped: {reason}")
        return
    with mit_realm.Realm(REALM) as realm:
        realm.add_user(USER, PASSWORD)
        realm.add_service("HTTP/localhost")
        os.environ.update({name: value for name, value in realm.environment().items() if name.startswith("KRB5")})
        for tunnels in (True, False):
            through_squid(arguments.bin, realm, report, run_client, Server, tunnels)
        inside_credssp(arguments.bin, realm, report, run_client, Server)


if __name__ == "__main__":
    main()
