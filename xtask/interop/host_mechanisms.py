#!/usr/bin/env python3
"""Every mechanism of the embedded host, used by clients that are not ours: a real operation each time.

    host_mechanisms.py --windlass PROGRAM

Starts hosts of its own. Prints one line a case, `PEER: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import foreign  # noqa: E402
from own_host import OwnHost  # noqa: E402

warnings.filterwarnings('ignore')
os.environ.pop('REQUESTS_CA_BUNDLE', None)

USER, PASSWORD = 'alice', 'Pa55w0rd.1'
SOAP_TYPE = 'application/soap+xml;charset=UTF-8'
ENUMERATE = '''<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header>
<a:To>http://localhost/wsman</a:To><a:ReplyTo><a:Address s:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>
<a:Action s:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate</a:Action>
<a:MessageID>uuid:11111111-2222-3333-4444-555555555555</a:MessageID>
<w:ResourceURI s:mustUnderstand="true">http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_OperatingSystem</w:ResourceURI>
<w:OperationTimeout>PT20S</w:OperationTimeout></s:Header><s:Body><n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>10</w:MaxElements></n:Enumerate></s:Body></s:Envelope>'''


def Host(program, *arguments):  # noqa: N802: it stands for a class
    """A host with the user."""
    return OwnHost(program, '--user', f'{USER}:{PASSWORD}', *arguments)


def check(found, expected):
    assert found == expected, f'{found!r} is not {expected!r}'


def curl(host, scheme, mechanism, password=PASSWORD):
    """Enumerates Win32_OperatingSystem; gives status and body."""
    with tempfile.TemporaryDirectory() as scratch:
        body = os.path.join(scratch, 'answer')
        config = f'user = "{USER}:{password}"\n'
        command = ['curl', '--silent', '--show-error', '--max-time', '20', f'--{mechanism}', '--config', '-', '--cacert',
                   host.certificate, '--header', f'Content-Type: {SOAP_TYPE}', '--data-binary', ENUMERATE, '--output', body,
                   '--write-out', '%{http_code}', host.url(scheme)]
        done = subprocess.run(command, input=config, capture_output=True, text=True, timeout=40)
        assert done.returncode == 0, done.stderr.strip()
        with open(body, encoding='utf-8') as file:
            return int(done.stdout), file.read()


def curl_case(mechanism, scheme, *arguments):
    def run(program):
        with Host(program, *arguments) as host:
            status, answer = curl(host, scheme, mechanism)
            check(status, 200)
            assert 'Win32_OperatingSystem' in answer, answer[:200]
            check(curl(host, scheme, mechanism, 'wrong')[0], 401)
    return run


def pywinrm_digest(program):
    import requests.auth
    import winrm
    with Host(program, '--auth', 'digest') as host:
        for password, expected in ((PASSWORD, True), ('wrong', False)):
            protocol = winrm.Protocol(host.url('https'), transport='basic', username=USER, password=password,
                                      server_cert_validation='validate', ca_trust_path=host.certificate)
            protocol.transport.build_session()
            protocol.transport.session.auth = requests.auth.HTTPDigestAuth(USER, password)
            try:
                shell = protocol.open_shell()
            except winrm.exceptions.InvalidCredentialsError:
                check(False, expected)
                continue
            check(True, expected)
            command = protocol.run_command(shell, 'echo', ['one', 'two'])
            check(protocol.get_command_output(shell, command), (b'one two\n', b'', 0))
            protocol.cleanup_command(shell, command)
            protocol.close_shell(shell)


def aiohttp_digest(program):
    """Of what the host offers it takes auth-int, which covers the body."""
    import asyncio
    import ssl

    import aiohttp

    async def enumerate_with(host, password):
        logon = aiohttp.DigestAuthMiddleware(USER, password)
        trusted = ssl.create_default_context(cafile=host.certificate)
        async with aiohttp.ClientSession(middlewares=[logon]) as session:
            post = session.post(host.url('https'), data=ENUMERATE, headers={'Content-Type': SOAP_TYPE}, ssl=trusted)
            async with post as answer:
                assert 'qop=auth-int' in answer.request_info.headers['Authorization']
                return answer.status, await answer.text()

    with Host(program, '--auth', 'digest') as host:
        status, answer = asyncio.run(enumerate_with(host, PASSWORD))
        check(status, 200)
        assert 'Win32_OperatingSystem' in answer, answer[:200]
        check(asyncio.run(enumerate_with(host, 'wrong'))[0], 401)


def pywinrm_case(transport, scheme, *arguments):
    """A command with output long enough for several sealed messages."""
    def run(program):
        import winrm
        with Host(program, *arguments) as host:
            for password, expected in ((PASSWORD, True), ('wrong', False)):
                session = winrm.Session(host.url(scheme), auth=(USER, password), transport=transport,
                                        server_cert_validation='validate', ca_trust_path=host.certificate,
                                        message_encryption='always' if scheme == 'http' else 'auto')
                try:
                    answer = session.run_cmd('seq 1 20000')
                except Exception as error:  # noqa: BLE001: every library has its own refusal
                    assert not expected, repr(error)
                    continue
                check(expected, True)
                check((answer.status_code, answer.std_out.split()), (0, [b'%d' % n for n in range(1, 20001)]))
    return run


def pypsrp_case(auth, scheme, *arguments, **more):
    """A pipeline, with text long enough for several sealed messages both ways, and a shell command."""
    def run(program):
        from pypsrp.powershell import PowerShell, RunspacePool
        from pypsrp.shell import Process, WinRS
        from pypsrp.wsman import WSMan
        with Host(program, *arguments) as host:
            for password, expected in ((PASSWORD, True), ('wrong', False)):
                options = dict(port=host.port(scheme), username=USER, password=password,
                               ssl=scheme == 'https', auth=auth, cert_validation=host.certificate,
                               encryption='always' if scheme == 'http' else 'auto', **more)
                try:
                    with WSMan('localhost', **options) as wsman, RunspacePool(wsman) as pool:
                        check(expected, True)
                        shell = PowerShell(pool)
                        shell.add_cmdlet('Write-Output').add_parameter('InputObject', 'x' * 100_000)
                        check(shell.invoke(), ['x' * 100_000])
                        check(shell.had_errors, False)
                        with WinRS(wsman) as cmd:
                            process = Process(cmd, 'echo', ['one'])
                            process.invoke()
                            check((process.stdout, process.rc), (b'one\n', 0))
                except AssertionError:
                    raise
                except Exception as error:  # noqa: BLE001: every library has its own refusal
                    assert not expected, repr(error)
    return run


def with_certificates(case):
    """A host that knows the certificate of the user, and an authority whose certificates name users."""
    def run(program):
        with tempfile.TemporaryDirectory() as folder:
            root = foreign.authority(folder)
            own = foreign.certificate(folder, 'own', client='somebody')
            named = foreign.certificate(folder, 'named', root[1:], client=f'{USER}@localhost')
            nobody = foreign.certificate(folder, 'nobody', root[1:], client='nobody@localhost')
            stranger = foreign.certificate(folder, 'stranger', client=f'{USER}@localhost')
            with Host(program, '--client-certificate', f'{USER}={own[0]}', '--client-ca', root[0]) as host:
                for shown, expected in ((own, True), (named, True), (nobody, False), (stranger, False)):
                    case(host, shown, expected)
    return run


@with_certificates
def pypsrp_certificate(host, shown, expected):
    from pypsrp.powershell import PowerShell, RunspacePool
    from pypsrp.wsman import WSMan
    try:
        with WSMan('localhost', port=host.https, ssl=True, auth='certificate', certificate_pem=shown[0],
                   certificate_key_pem=shown[1], cert_validation=host.certificate) as wsman, RunspacePool(wsman) as pool:
            check(expected, True)
            check(PowerShell(pool).add_cmdlet('Write-Output').add_parameter('InputObject', 'x').invoke(), ['x'])
    except AssertionError:
        raise
    except Exception as error:  # noqa: BLE001: every library has its own refusal
        assert not expected, repr(error)


@with_certificates
def pywinrm_certificate(host, shown, expected):
    import winrm
    session = winrm.Session(host.url('https'), auth=('', ''), transport='certificate', cert_pem=shown[0], cert_key_pem=shown[1],
                            server_cert_validation='validate', ca_trust_path=host.certificate)
    try:
        answer = session.run_cmd('echo', ['one'])
    except Exception as error:  # noqa: BLE001: every library has its own refusal
        assert not expected, repr(error)
        return
    check((expected, answer.std_out), (True, b'one\n'))


# peer, mechanism, transport, case
CASES = [
    ('curl', 'Basic', 'HTTPS', curl_case('basic', 'https')),
    ('curl', 'Digest', 'HTTPS', curl_case('digest', 'https', '--auth', 'digest')),
    ('aiohttp', 'Digest with auth-int', 'HTTPS', aiohttp_digest),
    ('curl', 'Digest', 'HTTP readable', curl_case('digest', 'http', '--auth', 'digest', '--allow-unencrypted')),
    ('pywinrm', 'Basic', 'HTTPS', pywinrm_case('basic', 'https')),
    ('pywinrm', 'Digest', 'HTTPS', pywinrm_digest),
    ('curl', 'NTLM', 'HTTPS', curl_case('ntlm', 'https', '--auth', 'ntlm')),
    ('curl', 'NTLM', 'HTTP readable', curl_case('ntlm', 'http', '--auth', 'ntlm', '--allow-unencrypted')),
    ('pywinrm', 'NTLM', 'HTTP sealed', pywinrm_case('ntlm', 'http')),
    ('pywinrm', 'NTLM', 'HTTPS', pywinrm_case('ntlm', 'https')),
    ('pypsrp', 'NTLM', 'HTTP sealed', pypsrp_case('ntlm', 'http')),
    ('pypsrp', 'NTLM', 'HTTPS', pypsrp_case('ntlm', 'https')),
    ('pypsrp', 'Negotiate', 'HTTP sealed', pypsrp_case('negotiate', 'http', negotiate_hostname_override='localhost')),
    ('pypsrp', 'Negotiate', 'HTTPS', pypsrp_case('negotiate', 'https')),
    ('pypsrp', 'NTLM', 'HTTPS, strict binding', pypsrp_case('ntlm', 'https', '--channel-binding', 'strict')),
    ('pywinrm', 'NTLM', 'HTTPS, strict binding', pywinrm_case('ntlm', 'https', '--channel-binding', 'strict')),
    ('pypsrp', 'Certificate', 'HTTPS', pypsrp_certificate),
    ('pywinrm', 'Certificate', 'HTTPS', pywinrm_certificate),
    ('pywinrm', 'CredSSP', 'HTTP sealed', pywinrm_case('credssp', 'http', '--auth', 'credssp')),
    ('pywinrm', 'CredSSP', 'HTTPS', pywinrm_case('credssp', 'https', '--auth', 'credssp')),
    ('pypsrp', 'CredSSP', 'HTTP sealed', pypsrp_case('credssp', 'http', '--auth', 'credssp', credssp_minimum_version=5)),
    ('pypsrp', 'CredSSP', 'HTTPS', pypsrp_case('credssp', 'https')),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--windlass', required=True)
    parser.add_argument('--only', default='', help='only cases whose name contains this')
    options, _ = parser.parse_known_args()
    for peer, mechanism, transport, case in CASES:
        name = f'{peer}: {mechanism} over {transport}'
        if options.only not in name:
            continue
        try:
            case(options.windlass)
            line = 'passed'
        except ImportError as error:
            line = f'skipped: {error}'
        except Exception as error:  # noqa: BLE001: a case may fail in any way
            reason = ' '.join(str(error).split())[:300]
            line = f'failed: {type(error).__name__}: {reason}'
        print(f'{name}: {line}', flush=True)


if __name__ == '__main__':
    main()
