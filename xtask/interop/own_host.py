"""An embedded host of a script's own, for peers that need more than the one that xtask starts."""
import contextlib
import json
import subprocess


@contextlib.contextmanager
def own_host(given, *arguments, environment=None):
    """Runs `windlass mock` with the same user; gives what it says when it is ready."""
    command = [given.windlass, 'mock', '--listen', '127.0.0.1:0', '--tls-listen', '127.0.0.1:0', '--allow-exec',
               '--user', f'{given.user}:{given.password}', *arguments]
    host = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        yield json.loads(host.stdout.readline())
    finally:
        host.stdin.close()
        host.wait(timeout=30)
