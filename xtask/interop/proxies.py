"""Our client through proxies that are not ours: squid (Basic, Digest, Negotiate with NTLM) and pproxy (SOCKS 5).

Behind them stands mini_winrm_server.py. Runs the example `interop_client`. Prints
`squid: CASE: passed|failed: why` and `pproxy: CASE: ...`.
"""
import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from foreign import PASSWORD, USER, Program, free_port, report, run_client  # noqa: E402
from mini_winrm_server import Server  # noqa: E402

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
http_access {rule}
http_access deny all
"""
AUTHENTICATION = {
    "basic": "auth_param basic program /usr/lib/squid/basic_ncsa_auth {folder}/basic\nauth_param basic realm proxy",
    "digest": "auth_param digest program /usr/lib/squid/digest_file_auth -c {folder}/digest\nauth_param digest realm proxy",
    "negotiate": "auth_param negotiate program {python} {helper}\nauth_param negotiate children 2 startup=1 idle=1",
    "open": "",
}


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def squid(folder, kind, port):
    hashed = subprocess.run(["openssl", "passwd", "-apr1", PROXY_PASSWORD], capture_output=True, text=True, check=True).stdout.strip()
    write(f"{folder}/basic", f"{PROXY_USER}:{hashed}\n")
    write(f"{folder}/digest", f"{PROXY_USER}:proxy:{hashlib.md5(f'{PROXY_USER}:proxy:{PROXY_PASSWORD}'.encode()).hexdigest()}\n")
    write(f"{folder}/accounts", f"PROXY:{PROXY_USER}:{PROXY_PASSWORD}\n:{PROXY_USER}:{PROXY_PASSWORD}\n")
    helper = os.path.join(os.path.dirname(os.path.abspath(__file__)), "squid_negotiate.py")
    configuration = SQUID.format(
        folder=folder, port=port, user="cache_effective_user root" if os.getuid() == 0 else "",
        authentication=AUTHENTICATION[kind].format(folder=folder, python=sys.executable, helper=helper),
        rule="allow all" if kind == "open" else "allow known")
    if kind == "open":
        configuration = configuration.replace("acl known proxy_auth REQUIRED\n", "")
    write(f"{folder}/squid.conf", configuration)
    os.chmod(folder, 0o755)
    environment = {"NTLM_USER_FILE": f"{folder}/accounts"}
    return Program([shutil.which("squid") or "/usr/sbin/squid", "-N", "-f", f"{folder}/squid.conf"], port, environment, folder)


def through(arguments, peer, kind, proxy, mechanism="ntlm", environment=None, password=PROXY_PASSWORD):
    """Commands through the proxy, then a logon to it that fails."""
    way = ["--port", arguments.backend, "--authentication", mechanism]
    login = "" if kind == "open" else f"{PROXY_USER}:{password}@"
    for case in ("shell-command", "pipeline", "pipeline-parallel"):
        outcome = run_client(arguments.bin, case, *way, "--proxy", proxy.format(login), environment=environment)
        report(peer, f"{case} {kind}", outcome)
    if kind != "open":
        for name, wrong, said in (("wrong password", f"{PROXY_USER}:wrong@", "refused"), ("no credential", "", "refused")):
            outcome = run_client(arguments.bin, "unreached", *way, "--proxy", proxy.format(wrong), environment=environment, expect=said)
            report(peer, f"{name} {kind}", outcome)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="the example interop_client")
    arguments, _ = parser.parse_known_args()
    backend = Server(user=USER, password=PASSWORD).start()
    arguments.backend = backend.server_port
    for kind in AUTHENTICATION:
        with tempfile.TemporaryDirectory() as folder:
            port = free_port()
            try:
                with squid(folder, kind, port):
                    through(arguments, "squid", kind, f"http://{{}}127.0.0.1:{port}", environment={"WINDLASS_PROXY_AUTHENTICATION": kind})
            except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                report("squid", kind, error)
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
