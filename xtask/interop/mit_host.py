"""Our host with a keytab: curl, pypsrp, pywinrm and our own binary log on with tickets of a KDC of MIT's.

Prints `mit-host: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mit_realm  # noqa: E402
from own_host import OwnHost  # noqa: E402

REALM, USER, PASSWORD, HOST = "WINDLASS.TEST", "alice", "Pa55w0rd", "srv.windlass.test"
# pywinrm's Kerberos is a package that has to be compiled, in an environment of its own.
PYWINRM = """
import sys
import winrm
url, host, encryption = sys.argv[1:]
session = winrm.Session(url, auth=("", ""), transport="kerberos", kerberos_hostname_override=host, service="HTTP",
                        server_cert_validation="ignore", message_encryption=encryption)
for count in (2, 20000):
    answer = session.run_cmd(f"seq 1 {count}")
    assert (answer.status_code, len(answer.std_out.split())) == (0, count), answer
"""
IDENTIFY = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">'
    "<s:Header/><s:Body><i:Identify/></s:Body></s:Envelope>"
)


def start(program, realm, *more):
    """`windlass mock` with the realm's keytab."""
    return OwnHost(program, "--keytab", realm.file("keytab"), *more)


def curl(realm, host, *more, port=None, service="HTTP"):
    port = port or host.https
    command = ["curl", "--silent", "--show-error", "--insecure", "--negotiate", "--user", ":",
               "--service-name", service, "--resolve", f"{HOST}:{port}:127.0.0.1", "--data-binary", IDENTIFY,
               "--header", "Content-Type: application/soap+xml;charset=UTF-8", "--write-out", "\n%{http_code}",
               *more, f"https://{HOST}:{port}/wsman"]
    done = subprocess.run(command, env=realm.environment(), capture_output=True, text=True, timeout=60)
    body, _, status = done.stdout.rpartition("\n")
    return status, body, done.stderr


def cases(program, realm, host):
    def curl_negotiate():
        status, body, error = curl(realm, host)
        assert status == "200" and "IdentifyResponse" in body, f"{status} {error} {body[:200]}"

    yield "curl, negotiate over https", curl_negotiate

    def curl_other_service():
        status, _, error = curl(realm, host, service="host")
        assert status == "401", f"{status} {error}"

    yield "curl, a ticket that the keytab has no key for", curl_other_service

    def wsman(auth, ssl, **more):
        from pypsrp.wsman import WSMan

        return WSMan(server="localhost", port=host.https if ssl else host.http, ssl=ssl, auth=auth,
                     encryption="auto" if ssl else "always", negotiate_hostname_override=HOST,
                     negotiate_service="HTTP", cert_validation=host.certificate if ssl else True, **more)

    def pypsrp_shell(auth, ssl):
        def case():
            from pypsrp.shell import Process, WinRS

            with wsman(auth, ssl) as connection, WinRS(connection) as shell:
                process = Process(shell, "echo", ["hello"])
                process.invoke()
                process.signal("ctrl_c") if process.rc is None else None
                assert process.rc == 0 and b"hello" in process.stdout, (process.rc, process.stdout, process.stderr)

        return case

    def pypsrp_pipeline(auth, ssl):
        def case():
            from pypsrp.powershell import PowerShell, RunspacePool

            with wsman(auth, ssl) as connection, RunspacePool(connection) as pool:
                for count in (1, 2000):
                    shell = PowerShell(pool)
                    shell.add_cmdlet("Write-Output").add_parameter("InputObject", ["x" * 100] * count)
                    assert len(shell.invoke()) == count and not shell.had_errors

        return case

    for auth in ("kerberos", "negotiate"):
        for ssl in (False, True):
            transport = "https" if ssl else "http, sealed"
            yield f"pypsrp, {auth} over {transport}, shell", pypsrp_shell(auth, ssl)
            yield f"pypsrp, {auth} over {transport}, pipeline", pypsrp_pipeline(auth, ssl)

    def pywinrm(ssl):
        def case():
            from own_venv import own_venv

            try:
                python = os.path.join(own_venv("pywinrm-kerberos", "pywinrm==0.5.0", "pykerberos==1.2.4"), "python")
            except subprocess.CalledProcessError as error:
                raise ImportError(f"pykerberos cannot be built: {error}") from error
            url = f"https://127.0.0.1:{host.https}/wsman" if ssl else f"http://127.0.0.1:{host.http}/wsman"
            done = subprocess.run([python, "-W", "ignore", "-c", PYWINRM, url, HOST, "auto" if ssl else "always"],
                                  env=realm.environment(), capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, done.stderr.strip().splitlines()[-1]

        return case

    for ssl in (False, True):
        yield f"pywinrm, kerberos over {'https' if ssl else 'http, sealed'}", pywinrm(ssl)

    def ours(authentication, *more):
        def case():
            command = [program, "Invoke-Command", "-ComputerName", HOST, "-Port", str(host.http), "--resolve",
                       f"{HOST}=127.0.0.1", "-Authentication", authentication, *more, "{", "Write-Output", "hello", "}"]
            environment = realm.environment(WINDLASS_PASSWORD=PASSWORD)
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0 and "hello" in done.stdout, f"{done.returncode} {done.stdout} {done.stderr}"

        return case

    yield "our own binary, kerberos with a password", ours("Kerberos", "-Credential", f"{USER}@{REALM}")
    yield "our own binary, the tickets that are held", ours("NegotiateWithImplicitCredential")

    def no_ntlm():
        strict = start(program, realm, "--auth", "kerberos", "--user", f"{USER}:{PASSWORD}")
        try:
            done = subprocess.run(["curl", "--silent", "--ntlm", "--user", f"{USER}:{PASSWORD}", "--insecure",
                                   "--data-binary", IDENTIFY, "--output", "/dev/null", "--write-out", "%{http_code}",
                                   f"https://localhost:{strict.https}/wsman"], capture_output=True, text=True, timeout=60)
            assert done.stdout == "401", done.stdout
            status, body, error = curl(realm, strict)
            assert status == "200", f"{status} {error}"
        finally:
            strict.stop()

    yield "kerberos alone on offer", no_ntlm


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windlass", required=True, help="the binary")
    parser.add_argument("--only", help="only cases whose name contains this")
    arguments, _ = parser.parse_known_args()
    reason = mit_realm.missing()
    if not reason:
        try:
            mit_realm.import_gssapi()
        except ImportError as error:
            reason = str(error)
    if reason:
        print(f"mit-host: all cases: skipped: {reason}")
        return
    with mit_realm.Realm(REALM) as realm:
        realm.add_user(USER, PASSWORD)
        realm.add_service(f"HTTP/{HOST}")
        realm.add_service(f"host/{HOST}", keytab="other.keytab")
        realm.kinit(USER, PASSWORD)
        os.environ.update({name: value for name, value in realm.environment().items() if name.startswith("KRB5")})
        host = start(arguments.windlass, realm)
        try:
            for name, case in cases(arguments.windlass, realm, host):
                if arguments.only and arguments.only not in name:
                    continue
                try:
                    case()
                    print(f"mit-host: {name}: passed", flush=True)
                except ImportError as error:
                    print(f"mit-host: {name}: skipped: {error}", flush=True)
                except Exception as error:  # whatever goes wrong is this case's failure
                    print(f"mit-host: {name}: failed: {type(error).__name__}: {error}", flush=True)
        finally:
            host.stop()


if __name__ == "__main__":
    main()
