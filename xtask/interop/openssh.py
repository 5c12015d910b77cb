#!/usr/bin/env python3
"""PSSessions over SSH: the command line through OpenSSH's client and server, with psrpcore as the PowerShell behind it.

    openssh.py --windlass FILE ...

Prints one line a case: `openssh: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import getpass
import json
import os
import shutil
import subprocess
import sys
import tempfile

from foreign import free_port, is_gone, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = []


def case(function):
    CASES.append(function)
    return function


def check(found, expected):
    assert found == expected, f'{found!r} is not {expected!r}'


class Place:
    """An SSH server of its own, and the surroundings in which the command line runs."""

    def __init__(self, windlass, folder, sshd):
        self.windlass, self.folder = windlass, folder
        for name in ('host', 'key', 'stranger'):
            subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', self.file(name)], check=True)
        self.port = free_port()
        shutil.copy(self.file('key.pub'), self.file('authorized'))
        with open(self.file('config'), 'w', encoding='utf-8') as file:
            file.write(f'''ListenAddress 127.0.0.1:{self.port}
HostKey {self.file('host')}
AuthorizedKeysFile {self.file('authorized')}
PidFile none
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem powershell {sys.executable} {os.path.join(HERE, 'process_server.py')}
''')
        with open(self.file('host.pub'), encoding='utf-8') as key, open(self.file('known'), 'w', encoding='utf-8') as known:
            known.write(f'[127.0.0.1]:{self.port} {key.read()}')
        if os.geteuid() == 0:
            os.makedirs('/run/sshd', mode=0o755, exist_ok=True)
        self.log = open(self.file('log'), 'w', encoding='utf-8')
        self.server = subprocess.Popen([sshd, '-D', '-e', '-f', self.file('config')], stdin=subprocess.DEVNULL,
                                       stdout=self.log, stderr=self.log)
        wait_for(self.port, self.server)

    def file(self, name):
        return os.path.join(self.folder, name)

    def run(self, *arguments):
        environment = {name: value for name, value in os.environ.items() if name in ('PATH', 'LANG', 'TMPDIR')}
        environment |= {'HOME': self.folder, 'XDG_RUNTIME_DIR': self.folder, 'WINDLASS_CONFIG': ''}
        return subprocess.run([self.windlass, *arguments], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)

    def there(self, key='key', **changes):
        options = f"@{{ UserKnownHostsFile = '{self.file('known')}'; BatchMode = 'yes'; IdentitiesOnly = 'yes' }}"
        given = {'HostName': f'{getpass.getuser()}@127.0.0.1:{self.port}', 'KeyFilePath': self.file(key),
                 'Options': options, **changes}
        return [word for name, value in given.items() for word in (f'-{name}', value)]

    def invoke(self, script, **changes):
        return self.run('Invoke-Command', *self.there(**changes), '-ScriptBlock', f'{{ {script} }}', '--output', 'json')

    def stop(self):
        self.run('agent', 'stop')
        self.server.terminate()
        self.server.wait(30)
        self.log.close()


def values(ran):
    assert ran.returncode == 0, (ran.returncode, ran.stderr)
    return [found['value'] for found in json.loads(ran.stdout)]


@case
def commands_run_and_leave_nothing(place):
    check(values(place.invoke('echo one 2 drei')), ['one', 2, 'drei'])
    process, = values(place.invoke('pid'))
    check(is_gone(process), True)


@case
def much_output_arrives(place):
    check(values(place.invoke('count 3000')), list(range(3000)))


@case
def a_hash_table_says_where(place):
    table = (f"@{{ HostName = '127.0.0.1'; UserName = '{getpass.getuser()}'; Port = {place.port}; "
             f"KeyFilePath = '{place.file('key')}'; Options = @{{ UserKnownHostsFile = '{place.file('known')}' }} }}")
    check(values(place.run('Invoke-Command', '-SSHConnection', f'{table}, {table}', '-ScriptBlock', '{ echo x }',
                           '--output', 'json')), ['x', 'x'])


@case
def a_session_keeps_its_process_until_it_is_removed(place):
    opened = place.run('New-PSSession', *place.there(), '-Name', 'kept', '--output', 'json')
    assert opened.returncode == 0, opened.stderr
    session, = json.loads(opened.stdout)
    check((session['Transport'], session['ComputerName']), ('SSH', '127.0.0.1'))
    inside = ['Invoke-Command', '-Session', 'kept', '--output', 'json', '-ScriptBlock', '{ pid }']
    (first,), (second,) = values(place.run(*inside)), values(place.run(*inside))
    check(first, second)
    left = place.run('Disconnect-PSSession', '-Name', 'kept')
    assert left.returncode != 0 and 'cannot be left' in left.stderr, left.stderr
    check(place.run('Remove-PSSession', '-Name', 'kept').returncode, 0)
    check(is_gone(first), True)


@case
def a_server_that_dies_is_told_of(place):
    died = place.invoke('die')
    assert died.returncode not in (0, 3) and '127.0.0.1' in died.stderr, (died.returncode, died.stderr)


def refused(name, words, **changes):
    def run(place):
        ran = place.invoke('echo x', **changes)
        assert (ran.returncode, words in ran.stderr) == (3, True), (ran.returncode, ran.stderr)
    run.__name__ = name
    case(run)


refused('what_the_client_says_of_a_wrong_key_is_told', 'Permission denied (publickey)', key='stranger')
refused('what_it_says_of_a_missing_subsystem_is_told', 'subsystem request failed', Subsystem='nothing')
refused('what_it_says_of_a_closed_port_is_told', 'Connection refused', HostName='127.0.0.1:1')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--windlass', required=True)
    given, _ = parser.parse_known_args()
    sshd = shutil.which('sshd', path=os.environ.get('PATH', '') + ':/usr/sbin')
    if sshd is None or shutil.which('ssh') is None:
        print('openssh: all cases: skipped: OpenSSH cannot be had')
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Place(given.windlass, folder, sshd)
        try:
            for function in CASES:
                name = function.__name__.replace('_', ' ')
                try:
                    function(place)
                    print(f'openssh: {name}: passed', flush=True)
                except Exception as error:  # noqa: BLE001 - every failure is a line
                    why = ' '.join(f'{type(error).__name__}: {error}'.split())[:400]
                    print(f'openssh: {name}: failed: {why}', flush=True)
        finally:
            place.stop()


main()
