"""Our client through proxies that are not ours: squid (Basic, Digest, NTLM, Negotiate with NTLM, tunnels and requests handed
on) and pproxy (SOCKS 5).

Behind them stands mini_winrm_server.py. Runs the example `interop_client`. Prints
`squid: CASE: passed|failed: why` and `pproxy: CASE: ...`.
"""
import argparse
import base64
import hashlib
import os
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from foreign import PASSWORD, USER, Program, free_port, report, run_client  # noqa: E402
from mini_winrm_server import Server  # noqa: E402
import spnego  # noqa: E402

PROXY_USER, PROXY_PASSWORD = "bob", "Prox1pass"
SQUID = """
http_port 127.0.0.1:{port}
pid_filename {folder}/squid.pid
cache_log {folder}/cache.log
access_log stdio:{folder}/access.log
cache deny all
shutdown_lifetime 0 seconds
coredump_dir {folder}
{user}
{authentication}
acl known proxy_auth REQUIRED
{tunnels}
http_access {rule}
http_access deny all
"""
AUTHENTICATION = {
    "basic": "auth_param basic program /usr/lib/squid/basic_ncsa_auth {folder}/basic\nauth_param basic realm proxy",
    "digest": "auth_param digest program /usr/lib/squid/digest_file_auth -c {folder}/digest\nauth_param digest realm proxy",
    "negotiate": "auth_param negotiate program /bin/bash {folder}/relay {helper}\nauth_param negotiate children 4 startup=1 idle=1",
    "ntlm": "auth_param ntlm program /bin/bash {folder}/relay {helper}\nauth_param ntlm children 4 startup=1 idle=1",
    "open": "",
}


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def squid(folder, kind, port, helper, tunnels):
    hashed = subprocess.run(["openssl", "passwd", "-apr1", PROXY_PASSWORD], capture_output=True, text=True, check=True).stdout.strip()
    write(f"{folder}/basic", f"{PROXY_USER}:{hashed}\n")
    write(f"{folder}/digest", f"{PROXY_USER}:proxy:{hashlib.md5(f'{PROXY_USER}:proxy:{PROXY_PASSWORD}'.encode()).hexdigest()}\n")
    # squid's own user may not be able to start this Python: its helper only carries lines to and fro.
    write(f"{folder}/relay", 'exec 3<>/dev/tcp/127.0.0.1/$1\ncat <&3 &\nexec cat >&3\n')
    configuration = SQUID.format(
        folder=folder, port=port, user="cache_effective_user proxy" if os.getuid() == 0 else "",
        authentication=AUTHENTICATION[kind].format(folder=folder, helper=helper),
        rule="allow all" if kind == "open" else "allow known",
        tunnels="" if tunnels else "acl tunnel method CONNECT\nhttp_access deny tunnel")
    if kind == "open":
        configuration = configuration.replace("acl known proxy_auth REQUIRED\n", "")
    write(f"{folder}/squid.conf", configuration)
    os.chmod(folder, 0o755)
    if os.getuid() == 0:
        # squid changes to a user of its own, who has to read and write here.
        for path in (folder, *(os.path.join(folder, name) for name in os.listdir(folder))):
            shutil.chown(path, "proxy", "proxy")
    return Program([shutil.which("squid") or "/usr/sbin/squid", "-N", "-n", f"windlass{port}", "-f", f"{folder}/squid.conf"], port, folder=folder)


class Acceptor(socketserver.StreamRequestHandler):
    """What squid asks its helper for Negotiate or NTLM, answered by pyspnego: `YR TOKEN` begins, `KK TOKEN` goes on."""

    def handle(self):
        context = None
        for line in self.rfile:
            kind, _, token = line.decode().strip().partition(" ")
            try:
                token = base64.b64decode(token)
                if kind == "YR":
                    raw = token.startswith(b"NTLMSSP\0")
                    options = spnego.NegotiateOptions.use_ntlm if raw else spnego.NegotiateOptions.use_negotiate
                    protocol = "ntlm" if raw else "negotiate"
                    context = spnego.server(hostname="localhost", service="HTTP", protocol=protocol, options=options)
                said = base64.b64encode(context.step(token) or b"").decode()
                answer = f"OK token={said or 'AA=='} user={PROXY_USER}" if context.complete else f"TT {said}"
            except Exception as error:  # noqa: BLE001: whatever fails is a refusal
                answer = f'NA token=AA== message="{type(error).__name__}"'
            self.wfile.write(answer.encode() + b"\n")


def through(arguments, peer, kind, proxy, mechanism="ntlm", environment=None, password=PROXY_PASSWORD):
    """Logons to the proxy that fail, first of all: pproxy remembers who was let in. Then commands through it."""
    way = ["--port", arguments.backend, "--authentication", mechanism]
    login = "" if kind == "open" else f"{PROXY_USER}:{password}@"
    if kind != "open":
        for name, wrong in (("wrong password", f"{PROXY_USER}:wrong@"), ("no credential", "")):
            proxied = ["--proxy", proxy.format(wrong)]
            outcome = run_client(arguments.bin, "unreached", *way, *proxied, environment=environment, expect="refused")
            report(peer, f"{name} {kind}", outcome)
    for case in ("shell-command", "pipeline", "pipeline-parallel"):
        outcome = run_client(arguments.bin, case, *way, "--proxy", proxy.format(login), environment=environment)
        report(peer, f"{case} {kind}", outcome)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="the example interop_client")
    arguments, _ = parser.parse_known_args()
    backend = Server(user=USER, password=PASSWORD).start()
    with open(os.environ["NTLM_USER_FILE"], "a", encoding="ascii") as file:
        file.write(f"PROXY:{PROXY_USER}:{PROXY_PASSWORD}\n:{PROXY_USER}:{PROXY_PASSWORD}\n")
    arguments.backend = backend.server_port
    acceptor = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Acceptor)
    acceptor.daemon_threads = True
    threading.Thread(target=acceptor.serve_forever, daemon=True).start()
    helper = acceptor.server_address[1]
    for kind, tunnels in [(kind, tunnels) for tunnels in (True, False) for kind in AUTHENTICATION]:
        with tempfile.TemporaryDirectory() as folder:
            port = free_port()
            peer = "squid" if tunnels else "squid without tunnels"
            try:
                with squid(folder, kind, port, helper, tunnels):
                    # Who would negotiate takes the scheme NTLM where a proxy offers no other.
                    asked = "negotiate" if kind == "ntlm" else kind
                    through(arguments, peer, kind, f"http://{{}}127.0.0.1:{port}", environment={"WINDLASS_PROXY_AUTHENTICATION": asked})
            except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                report(peer, kind, error)
            if "-v" in sys.argv:
                for name in ("cache.log", "access.log"):
                    if os.path.exists(f"{folder}/{name}"):
                        print(open(f"{folder}/{name}", encoding="utf-8", errors="replace").read()[-3000:], file=sys.stderr)
    socks(arguments)
    left = len(backend.service.shells), backend.service.open_commands()
    report("squid", "nothing stays open", None if left == (0, 0) else f"{left[0]} shells and {left[1]} commands")
    backend.stop()


def socks(arguments):
    try:
        import pproxy  # noqa: F401
    except ImportError as error:
        print(f"pproxy: all cases: skipped: {error}", flush=True)
        return
    for kind in ("open", "password"):
        port = free_port()
        login = "" if kind == "open" else f"#{PROXY_USER}:{PROXY_PASSWORD}"
        with Program([sys.executable, "-m", "pproxy", "-l", f"socks5://127.0.0.1:{port}{login}"], port):
            through(arguments, "pproxy", kind, f"socks5h://{{}}127.0.0.1:{port}")


if __name__ == "__main__":
    main()
