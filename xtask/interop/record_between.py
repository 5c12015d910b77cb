"""`windlass record` between pypsrp and a server that is not ours, mini_winrm_server.py: no part of either is this
project's.

Takes the arguments of pypsrp_client.py. Prints `record between: CASE: passed|failed: why`.
"""
import contextlib
import json
import os
import subprocess
import tempfile

from mini_winrm_server import Server
from own_host import OwnHost
from pypsrp_peer import PowerShell, RunspacePool, WSMan, check, options

USER, PASSWORD = 'alice', 'Pa55w0rd.1'
GREETING = f'hello {PASSWORD}'


def echoed(port, auth, encryption):
    """What a server says to `echo`, asked by pypsrp."""
    wsman = WSMan('127.0.0.1', port=port, username=USER, password=PASSWORD, ssl=False, auth=auth, encryption=encryption)
    with wsman, RunspacePool(wsman) as pool:
        shell = PowerShell(pool)
        shell.add_cmdlet('echo').add_argument(GREETING)
        return shell.invoke()


@contextlib.contextmanager
def between(windlass, folder, port):
    """The recorder; gives its port and a dictionary that holds its last words when it has ended."""
    command = [windlass, 'record', folder, '--listen', '127.0.0.1:0', '--to', f'127.0.0.1:{port}']
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    said = {}
    try:
        yield int(json.loads(process.stdout.readline())['listen'].rsplit(':', 1)[1]), said
    finally:
        process.stdin.close()
        said.update(json.loads(process.stdout.readline()))
        process.wait(timeout=30)


def recorded(windlass, folder, auth, encryption):
    server = Server(user=USER, password=PASSWORD, basic=True).start()
    try:
        with between(windlass, folder, server.server_port) as (port, said):
            check(echoed(port, auth, encryption), [GREETING])
    finally:
        server.stop()
    return said


def readable(windlass, folder):
    said = recorded(windlass, folder, 'basic', 'never')
    assert said['kept'] >= 4 and said['sealed'] == 0, said
    with open(os.path.join(folder, 'wsman-1.jsonl')) as file:
        assert PASSWORD not in file.read()
    with OwnHost(windlass, '--user', f'{USER}:{PASSWORD}', '--replay', folder) as host:
        check(echoed(host.http, 'negotiate', 'always'), [GREETING.replace(PASSWORD, 'x' * len(PASSWORD))])


def sealed(windlass, folder):
    said = recorded(windlass, folder, 'ntlm', 'always')
    assert said['kept'] == 0 and said['sealed'] >= 4, said


def main():
    given = options()
    for name, work in (('Basic, read and played back', readable), ('NTLM, sealed and handed on', sealed)):
        if given.only and given.only not in name:
            continue
        with tempfile.TemporaryDirectory(prefix='windlass-between-') as folder:
            try:
                work(given.windlass, folder)
                print(f'record between: {name}: passed', flush=True)
            except Exception as error:  # noqa: BLE001
                print(f'record between: {name}: failed: {error!r}', flush=True)


main()
