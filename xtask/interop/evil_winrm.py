#!/usr/bin/env python3
"""evil-winrm-py runs commands on the embedded host: as pipelines, as it does with JEA endpoints.

Takes the arguments of pypsrp_client.py. The program wants a terminal and gets one. Prints one line a case.
"""
import os
import pty
import re
import select
import signal
import subprocess
import tempfile
import time

from own_venv import own_venv
from pypsrp_peer import options

ESCAPES = re.compile(r'\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>])')


def converse(command, environment, steps):
    """Types each step after its prompt; gives all that the program wrote, and its exit status."""
    process, terminal = pty.fork()
    if process == 0:
        os.execve(command[0], command, environment)
    written, deadline, steps = '', time.monotonic() + 60, list(steps)
    try:
        while time.monotonic() < deadline:
            if terminal in select.select([terminal], [], [], 0.2)[0]:
                try:
                    data = os.read(terminal, 65536)
                except OSError:
                    break
                if not data:
                    break
                written += data.decode('utf-8', 'replace')
                if '\x1b[6n' in data.decode('utf-8', 'replace'):
                    os.write(terminal, b'\x1b[1;1R')
            if steps and re.search(steps[0][0], ESCAPES.sub('', written)):
                # What is typed before the program reads its terminal is lost.
                time.sleep(1)
                os.write(terminal, steps.pop(0)[1].encode() + b'\r')
        else:
            os.kill(process, signal.SIGKILL)
    finally:
        _, status = os.waitpid(process, 0)
        os.close(terminal)
    return ESCAPES.sub('', written), os.waitstatus_to_exitcode(status)


def case(given, program, scheme):
    host, port = (given.https if scheme == 'https' else given.http).rsplit(':', 1)
    with tempfile.TemporaryDirectory() as home:
        command = [program, '-i', host, '--port', port, '-u', given.user, '-p', given.password,
                   '-c', 'PowerShell.7', '--no-colors', *(['--ssl'] if scheme == 'https' else [])]
        environment = {**os.environ, 'HOME': home, 'TERM': 'xterm'}
        written, status = converse(command, environment, [
            (r'\(JEA\)>', 'Write-Output said-by-windlass'),
            (r'(?m)^\s*said-by-windlass', 'exit'),
        ])
    if status == 0 and len(re.findall(r'(?m)^\s*said-by-windlass', written)) == 1:
        outcome = 'passed'
    else:
        outcome = f'failed: status {status}: {" ".join(written.split())[-300:]}'
    print(f'evil-winrm-py: a command over {scheme}: {outcome}', flush=True)


def main():
    given = options()
    try:
        programs = own_venv('evil-winrm-py', 'evil-winrm-py==1.7.0')
    except (OSError, subprocess.SubprocessError) as error:
        print(f'evil-winrm-py: all cases: skipped: {error}')
        return
    for scheme in ('http', 'https'):
        case(given, os.path.join(programs, 'evil-winrm-py'), scheme)


main()
