#!/usr/bin/env python3
"""impacket as a client of the embedded host over DCOM: its codecs, its WMI programs, and its own tests.

    impacket_wmi.py --rpc HOST:PORT --user NAME --password WORD

The programs and tests of impacket expect the resolver on port 135; here it is on a port of the host's own.
Prints one line a case: `impacket: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import contextlib
import importlib.util
import io
import logging
import os
import runpy
import sys
import tempfile
import time
import types
import unittest

try:
    from impacket import ntlm
    from impacket.dcerpc.v5 import dcomrt, transport
    from impacket.dcerpc.v5.dcom import comev, wmi
    from impacket.dcerpc.v5.dcomrt import DCOMConnection
    from impacket.dcerpc.v5.dtypes import NULL
    from impacket.dcerpc.v5.rpcrt import RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, RPC_C_AUTHN_LEVEL_PKT_PRIVACY
except ImportError as error:
    print(f'impacket: all cases: skipped: {error}')
    sys.exit(0)

CASES = []
LEVELS = {'integrity': RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, 'privacy': RPC_C_AUTHN_LEVEL_PKT_PRIVACY}


def case(function):
    CASES.append((function.__name__.replace('_', ' '), function))
    return function


def say(name, outcome):
    print(f'impacket: {name}: {outcome}', flush=True)


class Peer:
    """The host, logged in to at one level."""

    def __init__(self, options, level=RPC_C_AUTHN_LEVEL_PKT_PRIVACY):
        self.options, self.level = options, level

    @contextlib.contextmanager
    def services(self, namespace='//./root/cimv2', password=None):
        dcom = DCOMConnection(self.options.host, self.options.user, password or self.options.password,
                              authLevel=self.level, **getattr(self.options, 'connection', {}))
        try:
            interface = dcom.CoCreateInstanceEx(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login)
            login = wmi.IWbemLevel1Login(interface)
            services = login.NTLMLogin(namespace, NULL, NULL)
            login.RemRelease()
            yield services
            services.RemRelease()
        except Exception:
            # What was not connected cannot be disconnected.
            with contextlib.suppress(Exception):
                dcom.disconnect()
            raise
        dcom.disconnect()

    def query(self, services, text):
        enumeration = services.ExecQuery(text)
        rows = []
        while True:
            try:
                rows.append(enumeration.Next(0xffffffff, 1)[0].getProperties())
            except Exception as error:  # the end is an error, too
                if 'S_FALSE' not in str(error):
                    raise
                enumeration.RemRelease()
                return rows


def at_both_levels(function):
    name = function.__name__.replace('_', ' ')
    for level_name, level in LEVELS.items():
        def run(options, level=level):
            function(Peer(options, level))
        CASES.append((f'{level_name}: {name}', run))
    return function


@at_both_levels
def processes_with_all_their_properties(peer):
    with peer.services() as services:
        rows = peer.query(services, 'SELECT * FROM Win32_Process')
        assert any(row['ProcessId']['value'] == os.getpid() for row in rows), f'{len(rows)} processes'


@at_both_levels
def a_projection_has_its_columns_alone(peer):
    with peer.services() as services:
        rows = peer.query(services, f'SELECT ProcessId, Name FROM Win32_Process WHERE ProcessId = {os.getpid()}')
        assert len(rows) == 1 and set(rows[0]) == {'ProcessId', 'Name'}, rows


@at_both_levels
def every_class_is_parsed_with_its_methods(peer):
    with peer.services() as services:
        enumeration = services.ExecQuery('SELECT * FROM meta_class')
        names = []
        try:
            while True:
                names.append(enumeration.Next(0xffffffff, 1)[0].getClassName().strip())
        except Exception as error:
            if 'S_FALSE' not in str(error):
                raise
        assert 'Win32_Process' in names, names
        for name in names:
            found, _ = services.GetObject(name.split(' ')[0])
            with contextlib.redirect_stdout(io.StringIO()):
                found.printInformation()


@at_both_levels
def every_instance_is_parsed(peer):
    with peer.services() as services:
        for name in ['Win32_OperatingSystem', 'Win32_ComputerSystem', 'Win32_LogicalDisk',
                     'Win32_NetworkAdapterConfiguration', 'Win32_Service']:
            peer.query(services, f'SELECT * FROM {name}')


@at_both_levels
def what_is_associated_is_found(peer):
    with peer.services() as services:
        of = f"OF {{Win32_Process.Handle='{os.getpid()}'}}"
        rows = peer.query(services, f'ASSOCIATORS {of} WHERE AssocClass = Windlass_ProcessParent ResultRole = Antecedent')
        assert [row['ProcessId']['value'] for row in rows] == [os.getppid()], rows
        rows = peer.query(services, f'REFERENCES {of} WHERE ResultClass = Win32_SystemProcesses')
        assert len(rows) == 1 and f'"{os.getpid()}"' in rows[0]['PartComponent']['value'], rows
        for query, name in [(f'ASSOCIATORS {of} WHERE AssocClass = Win32_SystemProcesses ClassDefsOnly',
                             'Win32_ComputerSystem'),
                            ('REFERENCES OF {Win32_Process} WHERE SchemaOnly', 'Win32_SystemProcesses')]:
            enumeration = services.ExecQuery(query)
            assert name in enumeration.Next(0xffffffff, 1)[0].getClassName(), query
            enumeration.RemRelease()


@at_both_levels
def a_process_is_made_and_ended(peer):
    with peer.services() as services:
        processes, _ = services.GetObject('Win32_Process')
        made = processes.Create('/bin/sleep 60', '/tmp', None).getProperties()
        assert made['ReturnValue']['value'] == 0, made
        handle = made['ProcessId']['value']
        enumeration = services.ExecQuery(f'SELECT * FROM Win32_Process WHERE Handle = "{handle}"')
        found = enumeration.Next(0xffffffff, 1)[0]
        assert found.Terminate(1).getProperties()['ReturnValue']['value'] == 0


@case
def a_wrong_password_is_refused(options):
    try:
        with Peer(options).services(password='wrong'):
            pass
    except Exception as error:
        assert 'denied' in str(error).lower() or '0x5' in str(error), error
    else:
        raise AssertionError('it was let in')


@case
def less_than_integrity_is_refused(options):
    try:
        with Peer(options, level=ntlm.NTLM_AUTH_CONNECT).services():
            pass
    except Exception as error:
        assert 'denied' in str(error).lower(), error
    else:
        raise AssertionError('it was let in')


@case
def errors_have_their_codes(options):
    peer = Peer(options)
    with peer.services() as services:
        for text, expected in [('SELECT * FROM Win32_Nothing', 'WBEM_E_INVALID_CLASS'),
                               ('SELEC', 'WBEM_E_INVALID_QUERY')]:
            try:
                peer.query(services, text)
            except Exception as error:
                assert expected in str(error), error
            else:
                raise AssertionError(f'{text} was answered')
        try:
            services.GetObject('Win32_Nothing')
        except Exception as error:
            assert 'WBEM_E_NOT_FOUND' in str(error), error
    try:
        with peer.services('//./root/nothing'):
            pass
    except Exception as error:
        assert 'WBEM_E_INVALID_NAMESPACE' in str(error), error
    else:
        raise AssertionError('there is no such namespace')


def program(options, name, arguments, commands=None):
    """Runs a program of impacket in this process, on the host's port. Returns what it printed and logged."""
    path = os.path.join(os.path.dirname(sys.executable), name)
    if not os.path.exists(path):
        raise unittest.SkipTest(f'{name} is not installed')
    target = options and f'{options.user}:{options.password}@{options.host}'
    output = io.StringIO()
    # Each program adds a handler of its own, for the output that it has.
    logging.getLogger().handlers.clear()
    before = sys.argv
    with tempfile.NamedTemporaryFile('w', suffix='.txt') as file:
        if commands is not None:
            file.write('\n'.join(commands) + '\nexit\n')
            file.flush()
            arguments = [*arguments, '-file', file.name]
        sys.argv = [name, *[target if argument == '@' else argument for argument in arguments]]
        try:
            with contextlib.redirect_stdout(output):
                runpy.run_path(path, run_name='__main__')
        except SystemExit:
            pass
        finally:
            sys.argv = before
    return output.getvalue()


def expect(output, *texts):
    for text in texts:
        assert text in output, f'no {text!r} in {output[-600:]!r}'
    assert '[-]' not in output, output[output.index('[-]'):][:300]


for level in LEVELS:
    def wmiquery(options, level=level):
        output = program(options, 'wmiquery.py', ['@', '-rpc-auth-level', level], [
            'SELECT Name, ProcessId FROM Win32_Process',
            'SELECT Caption, Version FROM Win32_OperatingSystem',
            'SELECT DeviceID, Size FROM Win32_LogicalDisk',
            'describe Win32_Process',
        ])
        expect(output, '| Name | ProcessId |', 'class Win32_Process', 'Create')
    CASES.append((f'wmiquery.py: {level}', wmiquery))


@case
def wmiexec_without_output(options):
    with tempfile.TemporaryDirectory() as folder:
        mark = os.path.join(folder, 'mark')
        program(options, 'wmiexec.py', ['-nooutput', '-silentcommand', '@', f'/usr/bin/touch {mark}'])
        for _ in range(100):
            if os.path.exists(mark):
                return
            time.sleep(0.1)
        raise AssertionError('the program did not run')


@case
def wmipersist_installs_and_removes(options):
    with tempfile.NamedTemporaryFile('w', suffix='.vbs') as script:
        script.write("' nothing\n")
        script.flush()
        installed = program(options, 'wmipersist.py',
                            ['@', 'install', '-name', 'WINDLASS', '-vbs', script.name, '-timer', '1000'])
        assert installed.count('- OK') == 4, installed[-600:]
        removed = program(options, 'wmipersist.py', ['@', 'remove', '-name', 'WINDLASS'])
        assert removed.count('- OK') == 4, removed[-600:]


class Marks:
    """Stands in for pytest's marks where there is no pytest."""

    def __getattr__(self, name):
        return lambda marked=None, **_: marked


class OwnTests:
    """impacket's tests of its clients, aimed at the host."""

    # What this host does not have, by name.
    NOT_APPLICABLE = {
        'test_scmp': 'the volume shadow copy service',
        'test_vds': 'the virtual disk service',
        'test_oaut': 'a class with IDispatch',
        'test_ie': 'a browser',
        'test_comev': 'the event system',
        'test_RemoteGetClassObject': 'class objects',
        'test_activation': 'expected to fail by impacket itself',
        'test_IWbemServices_ExecMethod': 'a notepad.exe',
        'test_IWbemServices_OpenNamespace': 'expected to fail by impacket itself',
    }

    def __init__(self, options, folder):
        self.options, self.folder = options, folder

    def run(self):
        for path in ['dcerpc/test_dcomrt.py', 'SMB_RPC/test_wmi.py']:
            if not os.path.exists(os.path.join(self.folder, 'tests', path)):
                say(path, 'skipped: the source distribution of impacket is not unpacked')
                continue
            self.module(path)

    def module(self, path):
        name = os.path.basename(path)[:-3]
        sys.path.insert(0, self.folder)
        if importlib.util.find_spec('pytest') is None:
            sys.modules['pytest'] = types.SimpleNamespace(mark=Marks(), fixture=lambda *_, **__: lambda made: made)
        try:
            module = __import__('tests.' + path[:-3].replace('/', '.'), fromlist=['*'])
        except Exception as error:
            say(name, f'skipped: {error}')
            return
        finally:
            sys.path.remove(self.folder)
        # The tests of activation use the event system; here it is the class that the host has.
        comev.CLSID_EventSystem, comev.IID_IEventSystem = wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login
        for group in vars(module).values():
            if isinstance(group, type) and issubclass(group, unittest.TestCase):
                for test in unittest.defaultTestLoader.getTestCaseNames(group):
                    self.one(name, group, test)

    def one(self, module, group, test):
        title = f'{module}: {test}'
        if test in self.NOT_APPLICABLE:
            say(title, f'skipped: not applicable: {self.NOT_APPLICABLE[test]}')
            return
        case = group(test)
        options = self.options

        def configure(**_):
            case.username, case.password, case.domain = options.user, options.password, ''
            case.machine, case.serverName = options.host, options.host
            case.lmhash = case.nthash = ''
            case.hashes = ''
            case.aes_key_128 = case.aes_key_256 = ''
        case.set_transport_config = configure
        # DCOM knows no NDR64.
        if hasattr(case, 'transfer_syntax'):
            case.transfer_syntax = type(case).TRANSFER_SYNTAX_NDR
        result = unittest.TestResult()
        with contextlib.redirect_stdout(io.StringIO()):
            case.run(result)
        trouble = result.errors + result.failures
        if trouble:
            say(title, 'failed: ' + trouble[0][1].strip().splitlines()[-1])
        elif result.skipped:
            say(title, f'skipped: {result.skipped[0][1]}')
        else:
            say(title, 'passed')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--rpc', default='')
    parser.add_argument('--user', default='alice')
    parser.add_argument('--password', required=True)
    parser.add_argument('--only', default='')
    options, _ = parser.parse_known_args()
    if not options.rpc:
        say('all cases', 'skipped: the host serves no RPC')
        return
    options.host, port = options.rpc.rsplit(':', 1)
    transport.TCPTransport.__init__.__defaults__ = (int(port),)
    for name, run in CASES:
        if options.only not in name:
            continue
        try:
            run(options)
        except unittest.SkipTest as reason:
            say(name, f'skipped: {reason}')
        except Exception as error:
            say(name, f'failed: {type(error).__name__}: {error}'.replace('\n', ' ')[:300])
        else:
            say(name, 'passed')
    if not options.only or options.only == 'own':
        OwnTests(options, 'target/fixtures/impacket-0.13.1').run()


if __name__ == '__main__':
    main()
    # impacket's timers must not keep the process alive.
    sys.stdout.flush()
    os._exit(0)
