#!/usr/bin/env python3
"""impacket, Samba's Python bindings and its rpcclient as RPC clients of the embedded host.

    rpc_host.py --rpc HOST:PORT --user NAME --password WORD --windlass PROGRAM

Prints one line a case: `PEER: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import contextlib
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys

try:
    from impacket.dcerpc.v5 import epm, mgmt, rpcrt, transport
    from impacket.dcerpc.v5.dtypes import NULL, ULONG
    from impacket.dcerpc.v5.ndr import NDRCALL, NDRUniConformantArray
    from impacket.uuid import uuidtup_to_bin
except ImportError as error:
    print(f'impacket: all cases: skipped: {error}')
    sys.exit(0)

ECHO = uuidtup_to_bin(('60a15ec5-4de8-11d7-a637-005056a20182', '1.0'))
LEVELS = {
    'none': None,
    'connect': rpcrt.RPC_C_AUTHN_LEVEL_CONNECT,
    'packet': rpcrt.RPC_C_AUTHN_LEVEL_PKT,
    'integrity': rpcrt.RPC_C_AUTHN_LEVEL_PKT_INTEGRITY,
    'privacy': rpcrt.RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
}
# At level packet impacket signs nothing: the host has to refuse its calls.
UNSIGNED = ('packet',)


class DCERPCSessionError(rpcrt.DCERPCException):
    """What impacket raises for calls that are defined here."""


class Bytes(NDRUniConformantArray):
    item = 'c'


class EchoData(NDRCALL):
    opnum = 1
    structure = (('len', ULONG), ('in_data', Bytes))


class EchoDataResponse(NDRCALL):
    structure = (('out_data', Bytes),)


class SourceData(NDRCALL):
    opnum = 3
    structure = (('len', ULONG),)


class SourceDataResponse(NDRCALL):
    structure = (('data', Bytes),)


class Peer:
    def __init__(self, options):
        self.options = options
        self.host, port = options.rpc.rsplit(':', 1)
        self.port = int(port)

    def connect(self, level, password=None):
        binding = transport.DCERPCTransportFactory(f'ncacn_ip_tcp:{self.host}[{self.port}]')
        if LEVELS[level] is not None:
            binding.set_credentials(self.options.user, password or self.options.password, '')
        dce = binding.get_dce_rpc()
        dce.set_credentials(*binding.get_credentials())
        dce.set_auth_type(rpcrt.RPC_C_AUTHN_WINNT)
        dce.set_auth_level(LEVELS[level] or rpcrt.RPC_C_AUTHN_LEVEL_NONE)
        dce.connect()
        return dce


def check(found, expected):
    assert found == expected, f'{found!r} is not {expected!r}'


def lookup(peer, level):
    """ept_lookup: every interface once, at the port that was dialled."""
    dce = peer.connect(level)
    dce.bind(epm.MSRPC_UUID_PORTMAP)
    request = epm.ept_lookup()
    request['inquiry_type'] = 0
    request['object'] = NULL
    request['Ifid'] = NULL
    request['vers_option'] = 1
    request['max_ents'] = 500
    answer = dce.request(request)
    assert answer['num_ents'] >= 2, 'two entries at least'
    for entry in answer['entries']:
        tower = epm.EPMTower(b''.join(entry['tower']['tower_octet_string']))
        binding = epm.PrintStringBinding(tower['Floors'])
        check(binding, f'ncacn_ip_tcp:{peer.host}[{peer.port}]')
    dce.disconnect()


def echo(peer, level):
    """Parameters and results of one and of many fragments."""
    dce = peer.connect(level)
    dce.bind(ECHO)
    for size in (0, 1, 15, 16, 4100, 5800, 40_000, 300_000):
        data = bytes(number % 251 for number in range(size))
        request = EchoData()
        request['len'] = size
        request['in_data'] = [data[at:at + 1] for at in range(size)]
        check(b''.join(dce.request(request, checkError=False)['out_data']), data)
    request = SourceData()
    request['len'] = 100_000
    check(b''.join(dce.request(request, checkError=False)['data']), bytes(number % 256 for number in range(100_000)))
    dce.disconnect()


def several_contexts(peer, level):
    """A new security context with each interface, on one connection."""
    first = peer.connect(level)
    first.bind(epm.MSRPC_UUID_PORTMAP)
    second = first.alter_ctx(ECHO)
    third = second.alter_ctx(mgmt.MSRPC_UUID_MGMT)
    for _ in range(2):
        check(mgmt.his_server_listening(third)['status'], 0)
        request = EchoData()
        request['len'] = 5
        request['in_data'] = [b'a'] * 5
        check(b''.join(second.request(request, checkError=False)['out_data']), b'aaaaa')
        lookup_once = epm.ept_lookup()
        lookup_once['object'] = NULL
        lookup_once['Ifid'] = NULL
        lookup_once['vers_option'] = 1
        lookup_once['max_ents'] = 1
        check(first.request(lookup_once)['num_ents'], 1)


def interfaces(peer, level):
    dce = peer.connect(level)
    dce.bind(mgmt.MSRPC_UUID_MGMT)
    vector = mgmt.hinq_if_ids(dce)['if_id_vector']
    found = {bytes(entry['Data']['Uuid']) for entry in vector['if_id']}
    assert ECHO[:16] in found and epm.MSRPC_UUID_PORTMAP[:16] in found, f'{found}'


def map_port(peer, level):
    dce = peer.connect(level)
    check(epm.hept_map(peer.host, ECHO, protocol='ncacn_ip_tcp', dce=dce),
          f'ncacn_ip_tcp:{peer.host}[{peer.port}]')


def wrong_password(peer, level):
    try:
        dce = peer.connect(level, password='not the password')
        dce.bind(epm.MSRPC_UUID_PORTMAP)
        interfaces_call = epm.ept_lookup()
        interfaces_call['object'] = NULL
        interfaces_call['Ifid'] = NULL
        dce.request(interfaces_call)
    except rpcrt.DCERPCException as error:
        assert 'access_denied' in str(error), f'{error}'
        return
    raise AssertionError('let in')


def unknown_interface(peer, level):
    dce = peer.connect(level)
    try:
        dce.bind(uuidtup_to_bin(('11111111-2222-3333-4444-555555555555', '1.0')))
    except rpcrt.DCERPCException as error:
        assert 'abstract_syntax_not_supported' in str(error), f'{error}'
        return
    raise AssertionError('bound')


def refused_unsigned(peer, level):
    dce = peer.connect(level)
    dce.bind(ECHO)
    request = SourceData()
    request['len'] = 1
    try:
        dce.request(request)
    except rpcrt.DCERPCException as error:
        assert 'access_denied' in str(error), f'{error}'
        return
    raise AssertionError('an unsigned call was taken')


def rpcdump(peer):
    """The program of that name."""
    program = shutil.which('rpcdump.py', path=os.path.dirname(sys.executable))
    if program is None:
        return 'rpcdump.py is not installed'
    spec = importlib.util.spec_from_file_location('rpcdump', program)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # It knows port 135 alone.
    module.RPCDump.KNOWN_PROTOCOLS[peer.port] = {'bindstr': rf'ncacn_ip_tcp:%s[{peer.port}]'}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        module.RPCDump(peer.options.user, peer.options.password, '', None, port=peer.port).dump(
            peer.host, peer.host)
    text = printed.getvalue()
    assert 'E1AF8308-5D1F-11C9-91A4-08002B14A0FA' in text.upper(), text
    assert '60A15EC5-4DE8-11D7-A637-005056A20182' in text.upper(), text
    return None


class OwnHost:
    """A second host, on the port that Samba's programs ask for endpoints: 135."""

    ADDRESS = '127.0.0.31'

    def __init__(self, options):
        if os.geteuid() != 0:
            raise RuntimeError('port 135 is for root')
        command = [options.windlass, 'mock', '--rpc-listen', f'{self.ADDRESS}:135', '--user',
                   f'{options.user}:{options.password}']
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if 'ready' not in self.process.stdout.readline():
            raise RuntimeError(f'cannot listen on {self.ADDRESS}:135')

    def stop(self):
        self.process.stdin.close()
        self.process.wait(30)


def rpcclient(options, sign, command, pattern, password=None):
    """Samba's rpcclient: it asks the endpoint mapper first."""
    program = shutil.which('rpcclient')
    if program is None:
        return 'rpcclient is not installed'
    binding = f'ncacn_ip_tcp:{OwnHost.ADDRESS}' + (f'[{sign}]' if sign else '')
    user = f'{options.user}%{password or options.password}'
    done = subprocess.run([program, '--configfile=/dev/null', '-U', user, '-c', command, binding],
                          capture_output=True, text=True, timeout=120, check=False)
    said = done.stdout + done.stderr
    assert re.search(pattern, said), f'{command} on {binding}: {said.strip()[-300:]}'
    return None


PYTHON_SAMBA = """
import sys
from samba import credentials, param
from samba.dcerpc import echo, epmapper, mgmt
host, user, password, options = sys.argv[1:]
loadparm = param.LoadParm()
loadparm.load('/dev/null')
login = credentials.Credentials()
login.guess(loadparm)
login.set_username(user)
login.set_password(password)
login.set_kerberos_state(credentials.DONT_USE_KERBEROS)
service = echo.rpcecho(f'ncacn_ip_tcp:{host}[{options}]', loadparm, login)
assert service.AddOne(41) == 42
for size in (1, 100, 6000, 100000):
    data = [number % 251 for number in range(size)]
    assert service.EchoData(data) == data, size
    service.SinkData(data)
    assert service.SourceData(size) == [number % 256 for number in range(size)]
"""


def python_samba(peer, sign):
    """Samba's Python bindings, straight to the port of the service."""
    python = '/usr/bin/python3'
    found = subprocess.run([python, '-c', 'import samba.dcerpc.echo'], capture_output=True, check=False)
    if found.returncode != 0:
        return 'python3-samba is not installed'
    binding = ','.join(filter(None, [str(peer.port), sign]))
    done = subprocess.run([python, '-c', PYTHON_SAMBA, peer.host, peer.options.user, peer.options.password, binding],
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f'{binding}: {done.stderr.strip()[-300:]}'
    return None


def run(name, function, *arguments):
    try:
        skipped = function(*arguments)
        outcome = f'skipped: {skipped}' if skipped else 'passed'
    except Exception as error:  # pylint: disable=broad-exception-caught
        reason = ' '.join(str(error).split())[:300]
        outcome = f'failed: {type(error).__name__}: {reason}'
    print(f'{name}: {outcome}', flush=True)


def main():
    parser = argparse.ArgumentParser()
    for name in ('rpc', 'user', 'password', 'windlass'):
        parser.add_argument(f'--{name}', required=True)
    options, _ = parser.parse_known_args()
    peer = Peer(options)
    for function in (lookup, echo, several_contexts, interfaces, map_port, unknown_interface):
        for level in LEVELS:
            name = f'impacket: {function.__name__.replace("_", "-")}, ' + (
                'anonymous' if level == 'none' else f'ntlm {level}')
            if level in UNSIGNED:
                continue
            run(name, function, peer, level)
    for level in UNSIGNED:
        run(f'impacket: unsigned calls refused, ntlm {level}', refused_unsigned, peer, level)
    for level in ('connect', 'integrity', 'privacy'):
        run(f'impacket: wrong-password, ntlm {level}', wrong_password, peer, level)
    run('impacket: rpcdump', rpcdump, peer)
    for sign in ('connect', 'packet', 'sign', 'seal', 'spnego,connect', 'spnego,sign', 'spnego,seal'):
        run(f'python3-samba: echo, {sign}', python_samba, peer, sign)
    try:
        own = OwnHost(options)
    except (OSError, RuntimeError) as error:
        print(f'rpcclient: all cases: skipped: {error}')
        return
    try:
        for sign in ('', 'connect', 'packet', 'sign', 'seal', 'spnego,sign', 'spnego,seal'):
            run(f'rpcclient: echo, {sign or "default"}', rpcclient, options, sign,
                'echoaddone 41; echodata 200000; sourcedata 100000; sinkdata 100000; echoaddone 42', '43')
        run('rpcclient: wrong password', rpcclient, options, 'seal', 'echoaddone 1',
            r'NT_STATUS_(LOGON_FAILURE|ACCESS_DENIED)', 'not the password')
    finally:
        own.stop()


if __name__ == '__main__':
    main()
