"""An embedded host of a script's own, for peers that need more than the one that xtask starts."""
import contextlib
import json
import subprocess


class OwnHost:
    """`windlass mock` on free ports; `ready` is what it says when it listens. It stops when its input closes."""

    def __init__(self, windlass, *arguments, environment=None):
        command = [windlass, 'mock', '--listen', '127.0.0.1:0', '--tls-listen', '127.0.0.1:0', '--allow-exec', *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.ready = json.loads(self.process.stdout.readline())
        self.certificate = self.ready['certificate']
        self.http, self.https = (int(self.ready[name].rsplit(':', 1)[1]) for name in ('http', 'https'))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)

    def port(self, scheme):
        return self.https if scheme == 'https' else self.http

    def url(self, scheme):
        return f'{scheme}://localhost:{self.port(scheme)}/wsman'


@contextlib.contextmanager
def own_host(given, *arguments, environment=None):
    """A host with the same user as the one that xtask started; gives what it says when it is ready."""
    with OwnHost(given.windlass, '--user', f'{given.user}:{given.password}', *arguments, environment=environment) as host:
        yield host.ready
