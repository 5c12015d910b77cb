#!/usr/bin/env python3
"""pywinrm's own integration tests, with the embedded host as the server.

Takes the arguments of pywinrm_client.py. The tests come with pywinrm. They run two programs of Windows, for
which stand-ins are put on the path of a host of their own: what they look at is the protocol. Prints one line a
test.
"""
import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

from own_host import own_host

FILES = ('test_integration_protocol.py', 'test_integration_session.py')
EMPTY = 'it is not written'
NOT_APPLICABLE = {
    'test_run_command_with_env': 'it leaves the names of variables to cmd.exe, as %NAME%',
    'test_set_timeout': EMPTY,
    'test_set_max_env_size': EMPTY,
    'test_set_locale': EMPTY,
    'test_run_cmd': EMPTY,
}
STAND_INS = {
    'ipconfig': '#!/bin/sh\necho "Windows IP Configuration"\n',
    'PowerShell': '#!/bin/sh\nshift\ncase "$1" in\nWrite-Host) echo "$2" ;;\nStart-Sleep) sleep "$3" ;;\n*) exit 1 ;;\nesac\n',
}


def say(name, outcome):
    print(f'pywinrm\'s own tests: {name}: {outcome}', flush=True)


def run(given, tests, names):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in STAND_INS.items():
            path = os.path.join(folder, name)
            with open(path, 'w', encoding='ascii') as file:
                file.write(text)
            os.chmod(path, 0o755)
        report = os.path.join(folder, 'report.xml')
        path = f'{folder}:{os.environ["PATH"]}'
        with own_host(given, environment={**os.environ, 'PATH': path}) as ready:
            environment = {**os.environ, 'WINRM_ENDPOINT': f'http://{ready["http"]}/wsman', 'WINRM_TRANSPORT': 'ntlm',
                           'WINRM_USERNAME': given.user, 'WINRM_PASSWORD': given.password}
            command = [sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', f'--junitxml={report}',
                       '-k', ' or '.join(names), *(os.path.join(tests, file) for file in FILES)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500, cwd=folder)
        if not os.path.exists(report):
            say('all', f'failed: {" ".join((done.stdout + done.stderr).split())[-300:]}')
            return {}
        outcomes = {}
        for found in ET.parse(report).iter('testcase'):
            problem = next((part for part in found if part.tag in ('failure', 'error', 'skipped')), None)
            text = '' if problem is None else ' '.join((problem.get('message') or '').split())[:300]
            outcomes[found.get('name')] = 'passed' if problem is None else f'failed: {text}'
        return outcomes


def main():
    parser = argparse.ArgumentParser()
    for name in ('user', 'password', 'windlass'):
        parser.add_argument(f'--{name}', required=True)
    given, _ = parser.parse_known_args()
    found = importlib.util.find_spec('winrm')
    if found is None or importlib.util.find_spec('pytest') is None:
        say('all', 'skipped: pywinrm or pytest is not installed')
        return
    tests = os.path.join(os.path.dirname(found.origin), 'tests')
    names = []
    for file in FILES:
        with open(os.path.join(tests, file), encoding='utf-8') as text:
            names.extend(re.findall(r'^def (test_\w+)', text.read(), re.M))
    outcomes = run(given, tests, [name for name in names if name not in NOT_APPLICABLE])
    for name in names:
        if name in NOT_APPLICABLE:
            say(name, f'skipped: not applicable: {NOT_APPLICABLE[name]}')
        else:
            say(name, outcomes.get(name, 'failed: it did not run'))


main()
