#!/usr/bin/env python3
"""Debian's masterzen/winrm, a Go library, runs programs on the embedded host over HTTPS.

Takes the arguments of pypsrp_client.py. Its NTLM does not seal, hence no plain HTTP. Prints one line a case.
"""
import json
import os
import subprocess
import sys
import tempfile

from pypsrp_peer import options

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARY = '/usr/share/gocode'
CASES = [
    ('a program', ['echo one two'], ('one two\n', '', 0)),
    ('exit code and stderr', ['echo bad >&2; exit 7'], ('', 'bad\n', 7)),
    ('a megabyte of output', ['head -c 1000000 /dev/zero | tr "\\0" x'], ('x' * 1000000, '', 0)),
    ('input', ['-stdin', 'first last', 'cat'], ('first last', '', 0)),
]


def say(name, outcome):
    print(f'masterzen/winrm: {name}: {outcome}', flush=True)


def run_again(program, given, mechanism, arguments):
    """Runs a program. The three legs of its NTLM are requests of their own on connections of a shared pool: of two at
    once, one may end on the connection of the other, which is refused. Then once more."""
    for _ in range(3):
        found = run(program, given, mechanism, arguments)
        if mechanism != 'ntlm' or not found['Error'].startswith('http response error: 401'):
            break
    return found


def run(program, given, mechanism, arguments, password=None):
    host, port = given.https.rsplit(':', 1)
    command = [program, '-host', host, '-port', port, '-user', given.user]
    command += ['-ntlm'] if mechanism == 'ntlm' else []
    done = subprocess.run(command + arguments, env={**os.environ, 'WINDLASS_PASSWORD': password or given.password},
                          capture_output=True, text=True, timeout=120)
    return json.loads(done.stdout)


def main():
    given = options()
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, 'masterzen_client')
        environment = {**os.environ, 'GOPATH': LIBRARY, 'GO111MODULE': 'off', 'GOCACHE': os.path.join(folder, 'cache'),
                       'GOFLAGS': '', 'CGO_ENABLED': '0'}
        built = subprocess.run(['go', 'build', '-o', program, os.path.join(HERE, 'masterzen_client.go')],
                               env=environment, cwd=folder, capture_output=True, text=True, timeout=400)
        if built.returncode != 0:
            say('all cases', f'skipped: it does not build: {" ".join(built.stderr.split())[-300:]}')
            sys.exit(0)
        for mechanism in ('basic', 'ntlm'):
            for name, arguments, expected in CASES:
                found = run_again(program, given, mechanism, arguments)
                same = (found['Stdout'], found['Stderr'], found['Code']) == expected and not found['Error']
                shown = {key: value[:80] if isinstance(value, str) else value for key, value in found.items()}
                say(f'{mechanism}: {name}', 'passed' if same else f'failed: {json.dumps(shown)}')
            refused = run(program, given, mechanism, ['echo'], password='wrong')
            say(f'{mechanism}: a wrong password', 'passed' if '401' in refused['Error'] else f'failed: {json.dumps(refused)}')


main()
