#!/usr/bin/env python3
"""npm's winrm-client runs a program on the embedded host, over HTTP without encryption, as it knows nothing else.

Takes the arguments of pypsrp_client.py. Prints one line a case.
"""
import json
import os
import subprocess

from own_host import own_host
from own_venv import HERE
from pypsrp_peer import options

PACKAGE = 'winrm-client@0.0.11'
PROGRAM = '''
const { runCommand } = require('winrm-client');
const [command, host, user, password, port] = JSON.parse(process.argv[1]);
runCommand(command, host, user, password, Number(port)).then(
  (output) => { console.log(JSON.stringify(output)); },
  (error) => { console.log(String(error)); process.exit(1); });
'''


def case(given, ready, folder, name, user, command, expected):
    host, port = ready['http'].rsplit(':', 1)
    arguments = json.dumps([command, host, user, given.password, port])
    done = subprocess.run(['node', '-e', PROGRAM, arguments], cwd=folder, capture_output=True, text=True, timeout=60)
    found = done.stdout.strip()
    if done.returncode == 0 and json.loads(found).strip() == expected:
        outcome = 'passed'
    else:
        outcome = f'failed: status {done.returncode}: {" ".join((found + done.stderr).split())[-300:]}'
    print(f'winrm-client: {name}: {outcome}', flush=True)


def main():
    given = options()
    folder = os.path.abspath(os.path.join(HERE, 'npm'))
    os.makedirs(folder, exist_ok=True)
    try:
        if not os.path.isdir(os.path.join(folder, 'node_modules/winrm-client')):
            subprocess.run(['npm', 'install', '--no-audit', '--no-fund', '--prefix', folder, PACKAGE],
                           check=True, capture_output=True, timeout=300)
    except (OSError, subprocess.SubprocessError) as error:
        print(f'winrm-client: all cases: skipped: {error}')
        return
    with own_host(given, '--allow-unencrypted') as ready:
        for name, user in (('basic', given.user), ('ntlm', f'WINDLASS\\{given.user}')):
            case(given, ready, folder, f'a program with {name}', user, 'echo said-by-windlass', 'said-by-windlass')


main()
