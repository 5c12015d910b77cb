#!/usr/bin/env python3
"""pywinrm as the client of the embedded host.

    pywinrm_client.py --http HOST:PORT --https HOST:PORT --certificate FILE --user NAME --password WORD

Prints one line a case: `pywinrm: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import sys

try:
    import winrm
    from winrm.exceptions import InvalidCredentialsError, WSManFaultError
except ImportError as error:
    print(f'pywinrm: all cases: skipped: {error}')
    sys.exit(0)

CASES = []
TRANSPORTS = ('ntlm-http', 'basic-https', 'ntlm-https')


def case(function):
    CASES.append(function)
    return function


def check(found, expected):
    assert found == expected, f'{found!r} is not {expected!r}'


class Peer:
    """The host, reached over one transport."""

    def __init__(self, options, transport):
        self.options, self.transport = options, transport

    def arguments(self, **changes):
        mechanism, scheme = self.transport.split('-')
        address = self.options.https if scheme == 'https' else self.options.http
        arguments = {
            'transport': mechanism,
            'server_cert_validation': 'validate' if scheme == 'https' else 'ignore',
            'message_encryption': 'auto' if scheme == 'https' else 'always',
        }
        if scheme == 'https':
            arguments['ca_trust_path'] = self.options.certificate
        arguments.update(changes)
        return f'{scheme}://{address}/wsman', arguments

    def session(self, password=None, **changes):
        target, arguments = self.arguments(**changes)
        return winrm.Session(target, auth=(self.options.user, password or self.options.password), **arguments)

    def protocol(self, **changes):
        target, arguments = self.arguments(**changes)
        return winrm.Protocol(target, username=self.options.user, password=self.options.password, **arguments)


@case
def run_cmd(peer):
    answer = peer.session().run_cmd('echo', ['one', 'two'])
    check((answer.status_code, answer.std_out, answer.std_err), (0, b'one two\n', b''))


@case
def exit_code_and_stderr(peer):
    answer = peer.session().run_cmd('echo bad >&2; exit 7')
    check((answer.status_code, answer.std_out, answer.std_err), (7, b'', b'bad\n'))


@case
def several_commands_in_one_shell(peer):
    protocol = peer.protocol()
    shell = protocol.open_shell(env_vars={'WINDLASS_CASE': 'set'}, working_directory='/')
    try:
        for command, expected in [('echo $WINDLASS_CASE', b'set\n'), ('pwd', b'/\n')]:
            running = protocol.run_command(shell, command)
            out, _, code = protocol.get_command_output(shell, running)
            protocol.cleanup_command(shell, running)
            check((out, code), (expected, 0))
    finally:
        protocol.close_shell(shell)


@case
def program_input(peer):
    protocol = peer.protocol()
    shell = protocol.open_shell()
    try:
        running = protocol.run_command(shell, 'cat', skip_cmd_shell=True)
        protocol.send_command_input(shell, running, 'first ')
        protocol.send_command_input(shell, running, 'last', end=True)
        out, _, code = protocol.get_command_output(shell, running)
        protocol.cleanup_command(shell, running)
        check((out, code), (b'first last', 0))
    finally:
        protocol.close_shell(shell)


@case
def long_output(peer):
    answer = peer.session().run_cmd('head -c 1000000 /dev/zero | tr "\\0" x')
    check((len(answer.std_out), answer.status_code), (1000000, 0))


@case
def slow_command(peer):
    answer = peer.session(operation_timeout_sec=1, read_timeout_sec=30).run_cmd('sleep 3; echo late')
    check((answer.std_out, answer.status_code), (b'late\n', 0))


@case
def unknown_shell(peer):
    protocol = peer.protocol()
    try:
        protocol.run_command('00000000-0000-0000-0000-000000000000', 'echo')
        raise AssertionError('a command was started in no shell')
    except WSManFaultError as error:
        check(error.wsman_fault_code, 2150858843)


@case
def wrong_password(peer):
    try:
        peer.session(password='wrong').run_cmd('echo')
        raise AssertionError('the wrong password was taken')
    except InvalidCredentialsError:
        pass


def main():
    parser = argparse.ArgumentParser()
    for name in ('http', 'https', 'certificate', 'user', 'password'):
        parser.add_argument(f'--{name}', required=True)
    parser.add_argument('--windlass')
    parser.add_argument('--only')
    options, _ = parser.parse_known_args()
    for transport in TRANSPORTS:
        peer = Peer(options, transport)
        for function in CASES:
            name = f'{transport} {function.__name__.replace("_", " ")}'
            if options.only and options.only not in name:
                continue
            try:
                function(peer)
                print(f'pywinrm: {name}: passed', flush=True)
            except Exception as error:  # noqa: BLE001 - every failure is a line
                why = ' '.join(f'{type(error).__name__}: {error}'.split())[:400]
                print(f'pywinrm: {name}: failed: {why}', flush=True)


main()
