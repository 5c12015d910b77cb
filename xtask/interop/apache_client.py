"""Our client against the authentication of Apache httpd, which hands requests on to mini_winrm_server.py.

mod_auth_basic, mod_auth_digest and mod_auth_gssapi (NTLM through gss-ntlmssp) behind TLS. Runs the example
`interop_client`. Prints `apache: CASE: passed|failed: why`.
"""
import argparse
import base64
import hashlib
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import apache  # noqa: E402
from foreign import (  # noqa: E402
    PASSWORD, USER, Program, authority, certificate, fingerprint, free_port, report, revocation_list, run_client)
from mini_winrm_server import Server  # noqa: E402

MODULES = ("mpm_event authn_core authn_file authz_core authz_user auth_basic auth_digest auth_gssapi proxy proxy_http "
           "headers ssl socache_shmcb alias")
# How openssl writes PKCS #12 today, and how older programs and Windows write it.
PKCS12 = (("AES-256", []), ("legacy", ["-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"]))
CONTENT = """
  SSLCACertificateFile {authority}
  ProxyPass /basic http://127.0.0.1:{backend}/wsman
  ProxyPass /digest http://127.0.0.1:{backend}/wsman
  ProxyPass /ntlm http://127.0.0.1:{backend}/wsman
  <Location /basic>
    AuthType Basic
    AuthName "WSMAN"
    AuthUserFile {folder}/basic
    Require valid-user
  </Location>
  <Location /digest>
    AuthType Digest
    AuthName "WSMAN"
    AuthDigestProvider file
    AuthUserFile {folder}/digest
    Require valid-user
  </Location>
  <Location /ntlm>
    AuthType GSSAPI
    AuthName "WSMAN"
    GssapiAllowedMech ntlmssp
    GssapiConnectionBound On
    Require valid-user
  </Location>
  Redirect 301 /moved https://localhost:{port}/basic
  Redirect 307 /hop https://localhost:{port}/moved
  Redirect 308 /loop https://localhost:{port}/loop
  Redirect 302 /downgrade http://localhost:{backend}/wsman
  ProxyPass /late http://127.0.0.1:{backend}/wsman
  <Location /late>
    SSLVerifyClient require
  </Location>
"""
CERTIFICATES = """
  SSLCACertificateFile {authority}
  SSLVerifyClient require
  ProxyPass /wsman http://127.0.0.1:{backend}/wsman
"""


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def configure(folder, port, backend, certificate_port, root):
    shown = certificate(folder, issuer=root[1:])
    hashed = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
    write(f"{folder}/basic", f"{USER}:{{SHA}}{hashed}\n")
    write(f"{folder}/digest", f"{USER}:WSMAN:{hashlib.md5(f'{USER}:WSMAN:{PASSWORD}'.encode()).hexdigest()}\n")
    write(f"{folder}/ntlm", f"WSMAN:{USER}:{PASSWORD}\n:{USER}:{PASSWORD}\n")
    hosts = ((port, CONTENT), (certificate_port, CERTIFICATES))
    apache.configure(folder, MODULES, *(
        apache.host(number, shown, USER, PASSWORD, content.format(folder=folder, port=port, backend=backend, authority=root[0]))
        for number, content in hosts))
    return shown[0]


def certificates(program, folder, port, certificate_port, server, root):
    """Client certificates by thumbprint, a listener that asks too late, pins and revocation lists."""
    store = f"{folder}/store"
    os.mkdir(store)
    for name in ("other", USER):
        shown, _ = certificate(store, name, root[1:], client=name)
    for algorithm in ("sha1", "sha256"):
        way = ["--host", "localhost", "--tls-roots", root[0], "--thumbprint", fingerprint(shown, algorithm), "--identity", store]
        report("apache", f"client certificate {algorithm}", run_client(program, "pipeline", "--port", certificate_port, *way))
    sealed = f"{folder}/sealed"
    os.mkdir(sealed)
    for kind, options in PKCS12:
        path = f"{sealed}/{USER}.{'p12' if kind == 'legacy' else 'pfx'}"
        command = ["openssl", "pkcs12", "-export", "-in", f"{store}/{USER}.pem", "-inkey", f"{store}/{USER}.key", "-certfile", root[0],
                   "-name", USER, "-out", path, "-passout", f"pass:{PASSWORD}", *options]
        subprocess.run(command, check=True, capture_output=True)
        pkcs12 = way[:-1] + [sealed]
        report("apache", f"client certificate in PKCS #12 of openssl, {kind}",
               run_client(program, "pipeline", "--port", certificate_port, *pkcs12))
        outcome = run_client(program, "unreached", "--port", certificate_port, *pkcs12, password="wrong")
        report("apache", f"PKCS #12, {kind}, wrong password",
               None if outcome and "cannot be opened with this password" in outcome else f"said {outcome}")
        os.unlink(path)
    outcome = run_client(program, "unreached", "--port", port, "--path", "late", *way, expect="clientcertnegotiation")
    report("apache", "client certificate asked for after the handshake", outcome)

    way = ["--host", "localhost", "--port", port, "--path", "basic", "--authentication", "basic"]
    report("apache", "pinned certificate", run_client(program, "pipeline", *way, "--pin", fingerprint(server)))
    outcome = run_client(program, "unreached", *way, "--pin", fingerprint(shown), expect="not the pinned one")
    report("apache", "another certificate than the pinned one", outcome)
    way += ["--tls-roots", root[0], "--crl"]
    clean = revocation_list(folder, "clean.crl", root[1:])
    report("apache", "revocation list without the certificate", run_client(program, "pipeline", *way, clean))
    revoked = revocation_list(folder, "revoked.crl", root[1:], [server])
    report("apache", "revoked certificate", run_client(program, "unreached", *way, revoked, expect="was revoked"))


def redirections(program, port, pem):
    way = ["--host", "localhost", "--port", port, "--tls-roots", pem, "--authentication", "basic"]
    for path, allowed in (("moved", 1), ("hop", 2)):
        report("apache", f"redirection {path}", run_client(program, "pipeline", *way, "--path", path, "--redirections", allowed))
    for path, allowed, said in (("moved", 0, "redirections are not allowed"), ("hop", 1, "too many redirections"),
                                ("loop", 5, "too many redirections"), ("downgrade", 5, "without TLS")):
        outcome = run_client(program, "unreached", *way, "--path", path, "--redirections", allowed, expect=said)
        report("apache", f"redirection {path}, at most {allowed}", outcome)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="the example interop_client")
    arguments, _ = parser.parse_known_args()
    backend = Server(user=USER, password=PASSWORD, basic=True).start()
    with tempfile.TemporaryDirectory() as folder:
        port, certificate_port = free_port(), free_port()
        root = authority(folder)
        server = configure(folder, port, backend.server_port, certificate_port, root)
        pem = root[0]
        environment = {"NTLM_USER_FILE": f"{folder}/ntlm"}
        with Program(apache.command(folder), port, environment):
            for path in ("basic", "digest", "ntlm"):
                mechanism = "negotiate" if path == "ntlm" else path
                way = ["--host", "localhost", "--port", port, "--tls-roots", pem, "--path", path, "--authentication", mechanism]
                for case in ("identify", "shell-command", "pipeline", "pipeline-input"):
                    report("apache", f"{case} {path}", run_client(arguments.bin, case, *way))
                report("apache", f"refused {path}", run_client(arguments.bin, "refused", *way, password="wrong"))
            certificates(arguments.bin, folder, port, certificate_port, server, root)
            redirections(arguments.bin, port, pem)
            if "-v" in sys.argv:
                with open(f"{folder}/error.log", encoding="utf-8") as log:
                    print(log.read(), file=sys.stderr)
    left = len(backend.service.shells), backend.service.open_commands()
    report("apache", "nothing stays open", None if left == (0, 0) else f"{left[0]} shells and {left[1]} commands")
    backend.stop()


if __name__ == "__main__":
    main()
