"""What the scripts with pypsrp share: the host over one transport, cases, and their lines."""
import argparse
import sys

try:
    from pypsrp.powershell import PowerShell, RunspacePool
    from pypsrp.wsman import WSMan
except ImportError as error:
    print(f'pypsrp: all cases: skipped: {error}')
    sys.exit(0)

CASES = []
TRANSPORTS = ('ntlm-http', 'basic-https', 'ntlm-https')


def case(function):
    CASES.append(function)
    return function


class Skipped(Exception):
    """A case cannot run here."""


def check(found, expected):
    assert found == expected, f'{found!r} is not {expected!r}'


class Peer:
    """The host, reached over one transport."""

    def __init__(self, options, transport):
        self.options, self.transport = options, transport

    def connection(self, **changes):
        scheme = self.transport.split('-')[1]
        address = self.options.https if scheme == 'https' else self.options.http
        host, port = address.rsplit(':', 1)
        arguments = {
            'server': host,
            'port': int(port),
            'username': self.options.user,
            'password': self.options.password,
            'ssl': scheme == 'https',
            'auth': 'basic' if self.transport.startswith('basic') else 'negotiate',
            'encryption': 'auto' if scheme == 'https' else 'always',
            'cert_validation': self.options.certificate if scheme == 'https' else True,
        }
        arguments.update(changes)
        return arguments

    def wsman(self, **changes):
        return WSMan(**self.connection(**changes))

    def pool(self, **settings):
        return RunspacePool(self.wsman(), **settings)


def run(pool, build, **settings):
    shell = PowerShell(pool)
    build(shell)
    shell.invoke(**settings)
    return shell


def options(*more):
    parser = argparse.ArgumentParser()
    for name in ('http', 'https', 'certificate', 'user', 'password'):
        parser.add_argument(f'--{name}', required=True)
    for name in ('windlass', 'only', *more):
        parser.add_argument(f'--{name}')
    return parser.parse_known_args()[0]


def main(given, transports=TRANSPORTS, label='pypsrp', made=Peer):
    for transport in transports:
        peer = made(given, transport)
        for function in CASES:
            name = f'{transport} {function.__name__.replace("_", " ")}'
            if given.only and given.only not in name:
                continue
            try:
                function(peer)
                print(f'{label}: {name}: passed', flush=True)
            except Skipped as why:
                print(f'{label}: {name}: skipped: {why}', flush=True)
            except Exception as error:  # noqa: BLE001 - every failure is a line
                why = ' '.join(f'{type(error).__name__}: {error}'.split())[:400]
                print(f'{label}: {name}: failed: {why}', flush=True)
