"""Our client built with the feature `gssapi`, which leaves Kerberos to the system's library: tickets in KCM and in the
kernel's keyring, RC4, and delegation, with a KDC of MIT's.

The servers are mini_winrm_server.py with the acceptor of MIT's GSS-API (HTTP, sealed) and Apache httpd with
mod_auth_gssapi (HTTPS, bound to the channel). Prints `gssapi: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import apache  # noqa: E402
import mit_apache  # noqa: E402
import mit_realm  # noqa: E402

REALM, USER, PASSWORD, HOST = mit_apache.REALM, mit_apache.USER, mit_apache.PASSWORD, "srv.windlass.test"
KCM, KCM_SOCKET = "/usr/sbin/kcm", "/var/run/.heim_org.h5l.kcm-socket"


class Kcm:
    """Heimdal's daemon that keeps tickets; its socket is where MIT's library looks for it."""

    def __init__(self, realm):
        reason = None if os.path.exists(KCM) else f"not installed: {KCM}"
        self.reason = reason or (None if os.access("/var/run", os.W_OK) else "its socket is in /var/run")
        self.process = None
        if not self.reason:
            command = [KCM, "-n", "--config-file=" + realm.file("krb5.conf")]
            self.process = subprocess.Popen(command, env=realm.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            until = time.monotonic() + 10
            while not os.path.exists(KCM_SOCKET) and self.process.poll() is None and time.monotonic() < until:
                time.sleep(0.05)

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            if os.path.exists(KCM_SOCKET):
                os.unlink(KCM_SOCKET)


def log_on(realm, cache):
    """kinit into this cache; why that does not work, or None."""
    done = subprocess.run(["/usr/bin/kinit", "-f", USER], input=PASSWORD + "\n", env=realm.environment(KRB5CCNAME=cache),
                          capture_output=True, text=True, timeout=60)
    return None if done.returncode == 0 else done.stderr.strip()


def sealed(program, realm, enctypes, report, run_client, kcm):
    """The tickets of each kind of cache, and each kind of key, over HTTP."""
    from mini_winrm_server import Server

    way = ["--host", HOST, "--resolve", f"{HOST}=127.0.0.1"]
    caches = [("FILE", "FILE:" + realm.file("ccache"), None), ("KCM", "KCM:", kcm.reason),
              ("keyring", "KEYRING:process:windlass" if os.getuid() else "KEYRING:session:windlass", None)]
    for name, cache, reason in caches:
        reason = reason or log_on(realm, cache)
        if reason:
            print(f"gssapi: tickets in {name}: skipped: {reason}", flush=True)
            continue
        environment = realm.environment(KRB5CCNAME=cache)
        for case, authentication in (("identify", "kerberos"), ("pipeline", "implicit"), ("pipeline-large", "kerberos"),
                                     ("pipeline-parallel", "implicit")):
            server = Server(user=USER, password=PASSWORD, kerberos=HOST).start()
            outcome = run_client(program, case, *way, "--user", "", "--authentication", authentication, "--port",
                                 server.server_port, environment=environment)
            server.stop()
            report("gssapi", f"tickets in {name}, {case} {authentication}, sealed, {enctypes}", outcome)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="the example interop_client with the feature gssapi")
    arguments, _ = parser.parse_known_args()
    reason = mit_realm.missing() or (None if os.path.exists(apache.PROGRAM) else "not installed: apache2")
    if not reason:
        try:
            mit_realm.import_gssapi()
            from foreign import Program, free_port, report, run_client
            from mini_winrm_server import Server
        except ImportError as error:
            reason = str(error)
    if reason:
        print(f"gssapi: all cases: skipped: {reason}")
        return
    for enctypes in ("AES", "RC4"):
        keys = "-e arcfour-hmac:normal" if enctypes == "RC4" else ""
        with mit_realm.Realm(REALM) as realm, tempfile.TemporaryDirectory() as folder:
            realm.add_user(USER, PASSWORD, keys)
            for service in ("HTTP/localhost", f"HTTP/{HOST}"):
                realm.admin(f"addprinc -randkey {keys} +ok_as_delegate {service}")
                realm.admin(f"ktadd {keys} -k {realm.file('keytab')} {service}")
            # Tickets got with a password can be handed on only if the configuration says so.
            with open(realm.file("krb5.conf"), encoding="ascii") as file:
                text = file.read()
            with open(realm.file("krb5.conf"), "w", encoding="ascii") as file:
                file.write(text.replace("[libdefaults]\n", "[libdefaults]\n forwardable = true\n", 1))
            os.environ.update({name: value for name, value in realm.environment().items() if name.startswith("KRB5")})
            kcm = Kcm(realm)
            try:
                sealed(arguments.bin, realm, enctypes, report, run_client, kcm)
            finally:
                kcm.stop()
            backend, port = Server(user=USER, password=PASSWORD, basic=True).start(), free_port()
            handed = os.path.join(folder, "handed")
            os.mkdir(handed)
            os.chmod(handed, 0o777)
            pem = mit_apache.configure(folder, realm, port, backend.server_port, f"GssapiDelegCcacheDir {handed}")
            way = ["--host", "localhost", "--port", port, "--tls-roots", pem]
            environment = {name: value for name, value in realm.environment().items() if name.startswith("KRB5")}
            with Program(apache.command(folder), port, environment):
                outcome = run_client(arguments.bin, "pipeline", *way, "--user", "", "--authentication", "implicit",
                                     environment=environment)
                report("gssapi", f"implicit through Apache, {enctypes}", outcome or (
                    f"tickets were handed over: {os.listdir(handed)}" if os.listdir(handed) else None))
                for authentication, user in (("implicit", ""), ("kerberos", f"{USER}@{REALM}"), ("negotiate", f"{USER}@{REALM}")):
                    outcome = run_client(arguments.bin, "pipeline", *way, "--user", user, "--authentication", authentication,
                                         "--delegate", "true", password=PASSWORD, environment=environment)
                    report("gssapi", f"{authentication} as {user or 'whom the tickets name'} delegates through Apache, {enctypes}",
                           outcome or (None if os.listdir(handed) else "no tickets were handed over"))
                    for name in os.listdir(handed):
                        os.unlink(os.path.join(handed, name))
                outcome = run_client(arguments.bin, "refused", *way, "--user", f"{USER}@{REALM}", "--authentication", "kerberos",
                                     "--delegate", "true", password="wrong", environment=environment)
                report("gssapi", f"wrong password, {enctypes}", outcome)
            backend.stop()


if __name__ == "__main__":
    main()
