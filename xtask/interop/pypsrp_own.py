#!/usr/bin/env python3
"""pypsrp's own tests, those that can run against a real server, with the embedded host as the server.

Takes the arguments of pypsrp_client.py; the host answers scripts as pypsrp_own.json says. The tests come from
pypsrp's source distribution, which `cargo xtask fixtures` fetches. Prints one line a test.
"""
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

from pypsrp_peer import options

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
TESTS = os.path.join(ROOT, 'target/fixtures/pypsrp-0.9.1/tests/tests_pypsrp')
FILES = ('test_powershell.py', 'test_shell.py', 'test_client.py')
REAL = re.compile(r'\[\[True, "\w+"\]\], indirect=True\)\n    def (\w+)')

WINDOWS = 'it asks for files, programs or settings of Windows'
SCRIPT = 'it runs script: the endpoint has commands and none'
WORDS = 'it compares the words of a fault with those of Windows'
NOT_APPLICABLE = {
    'test_psrp_no_profile': WINDOWS,
    'test_psrp_is_alive_other_wsman_error': WORDS,
    'test_psrp_multiple_commands': SCRIPT,
    'test_psrp_nested_command': SCRIPT,
    'test_psrp_with_history': SCRIPT,
    'test_psrp_with_input': SCRIPT,
    'test_psrp_receive_failure': WORDS,
    'test_winrs_standard': WINDOWS,
    'test_winrs_stderr_rc': WINDOWS,
    'test_winrs_send': WINDOWS,
    'test_winrs_environment': WINDOWS,
    'test_winrs_extra_opts': WINDOWS,
    'test_winrs_unicode': WINDOWS,
    'test_winrs_fail_poll_process': WORDS,
    'test_client_copy_file': SCRIPT,
    'test_client_copy_file_empty': SCRIPT,
    'test_client_copy_file_failure': SCRIPT,
    'test_client_fetch_file_fail_dir': SCRIPT,
    'test_client_fetch_file_fail_missing': SCRIPT,
    'test_client_execute_cmd': WINDOWS,
    'test_client_execute_cmd_environment': WINDOWS,
    'test_client_execute_ps': SCRIPT,
    'test_client_execute_ps_environment': SCRIPT,
    'test_client_execute_ps_failure': SCRIPT,
}


def say(name, outcome):
    print(f'pypsrp\'s own tests: {name}: {outcome}', flush=True)


def real_tests():
    names = []
    for file in FILES:
        with open(os.path.join(TESTS, file), encoding='utf-8') as text:
            names.extend(REAL.findall(text.read()))
    return names


def run(given, names):
    host, port = given.https.rsplit(':', 1)
    environment = {**os.environ, 'PYPSRP_SERVER': host, 'PYPSRP_PORT': port, 'PYPSRP_AUTH': 'negotiate',
                   'PYPSRP_USERNAME': given.user, 'PYPSRP_PASSWORD': given.password}
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, 'report.xml')
        command = [sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', f'--junitxml={report}',
                   '-k', ' or '.join(names), *(os.path.join(TESTS, file) for file in FILES)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500, cwd=folder)
        if not os.path.exists(report):
            say('all', f'failed: {" ".join((done.stdout + done.stderr).split())[-300:]}')
            return {}
        outcomes = {}
        for found in ET.parse(report).iter('testcase'):
            name = found.get('name').split('[')[0]
            problem = found.find('failure')
            problem = found.find('error') if problem is None else problem
            text = '' if problem is None else ' '.join((problem.get('message') or '').split())[:300]
            outcomes[name] = 'passed' if problem is None else f'failed: {text}'
        return outcomes


def main():
    given = options()
    try:
        import pytest, yaml  # noqa: F401, E401
    except ImportError as error:
        say('all', f'skipped: {error}')
        return
    if not os.path.isdir(TESTS):
        say('all', 'skipped: run cargo xtask fixtures')
        return
    names = real_tests()
    wanted = names if given.only == 'all' else [name for name in names if name not in NOT_APPLICABLE]
    outcomes = run(given, wanted)
    for name in names:
        if name in outcomes:
            say(name, outcomes[name])
        elif name in NOT_APPLICABLE:
            say(name, f'skipped: not applicable: {NOT_APPLICABLE[name]}')
        else:
            say(name, 'failed: it did not run')


main()
