#!/usr/bin/env python3
"""Our NTLM and SPNEGO contexts beside those of Samba (`ntlm_auth`) and of gss-ntlmssp (through python-gssapi).

    ntlm_peers.py --bin PATH_OF_NTLM_STDIO

Prints one line a case: `PEER: CASE: passed|failed: why|skipped: why`. With `--gss initiate|accept` it is the
peer itself: gss-ntlmssp behind lines, run by Debian's own Python, which has python3-gssapi.
"""
import argparse
import base64
import os
import subprocess
import sys
import tempfile
import time

NTLM = '1.3.6.1.4.1.311.2.2.10'
DOMAIN, NAME, PASSWORD = 'WINTEST', 'alice', 'Pa55w0rd.1'
USER = f'{DOMAIN}\\{NAME}'
MESSAGES = [b'<s:Envelope/>', bytes(range(256)) * 3, b'x' * 70000]


def gss(role):
    """Lines: `step TOKEN` -> `TOKEN complete|continue`, `wrap HEX` and `unwrap HEX` -> HEX, `peer` -> name."""
    import gssapi
    mechanism = gssapi.OID.from_int_seq(NTLM)
    if role == 'initiate':
        user = gssapi.Name(USER, gssapi.NameType.user)
        password = os.environ['GSS_PASSWORD'].encode()
        credential = gssapi.raw.acquire_cred_with_password(user, password, usage='initiate', mechs=[mechanism]).creds
        flag = gssapi.RequirementFlag
        context = gssapi.SecurityContext(
            name=gssapi.Name('HTTP@windlass', gssapi.NameType.hostbased_service), creds=gssapi.Credentials(credential),
            mech=mechanism, usage='initiate',
            flags=flag.integrity | flag.confidentiality | flag.mutual_authentication | flag.replay_detection | flag.out_of_sequence_detection)
    else:
        context = gssapi.SecurityContext(creds=gssapi.Credentials(usage='accept', mechs=[mechanism]), usage='accept')
    for line in sys.stdin:
        verb, _, text = line.strip().partition(' ')
        data = bytes.fromhex(text)
        try:
            if verb == 'step':
                answer = (context.step(data or None) or b'').hex() + (' complete' if context.complete else ' continue')
            elif verb == 'wrap':
                answer = context.wrap(data, True).message.hex()
            elif verb == 'unwrap':
                answer = context.unwrap(data).message.hex()
            else:
                answer = str(context.initiator_name).encode().hex()
        except gssapi.exceptions.GSSError as error:
            answer = f'error {" ".join(str(error).split())}'
        print(answer, flush=True)


class Lines:
    """A program that answers each line with one."""

    def __init__(self, command, **environment):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                        env=dict(os.environ, **environment))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)

    def ask(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if answer.startswith('error'):
            raise PermissionError(answer)
        return answer


class Ours(Lines):
    def __init__(self, program):
        super().__init__([program])

    def words(self, *words):
        return self.ask(' '.join(word if isinstance(word, str) else (word.hex() or '-') for word in words)).split()

    def initiate(self, password=PASSWORD):
        self.words('initiate', 'ntlm', USER.encode(), password.encode(), b'HTTP/windlass', b'')
        return self

    def accept(self, kind='ntlm', password=PASSWORD):
        now = int((time.time() + 11_644_473_600) * 10_000_000)
        self.words('accept', kind, NAME.encode(), password.encode(), b'', 'relaxed', str(now))
        return self

    def step(self, token=b''):
        status, token = self.words('step', token)
        return status == 'complete', b'' if token == '-' else bytes.fromhex(token)

    def seal(self, message):
        _, header, data = self.words('seal', message)
        return bytes.fromhex(header) + bytes.fromhex(data.replace('-', ''))

    def unseal(self, message):
        _, plain = self.words('unseal', message[:16], message[16:])
        return bytes.fromhex(plain.replace('-', ''))


class Gss(Lines):
    def __init__(self, role, accounts, password=PASSWORD):
        super().__init__(['/usr/bin/python3', os.path.abspath(__file__), '--gss', role], NTLM_USER_FILE=accounts, GSS_PASSWORD=password)

    def step(self, token=b''):
        token, _, status = self.ask(f'step {token.hex()}').rpartition(' ')
        return status == 'complete', bytes.fromhex(token)

    def seal(self, message):
        return bytes.fromhex(self.ask(f'wrap {message.hex()}'))

    def unseal(self, message):
        return bytes.fromhex(self.ask(f'unwrap {message.hex()}'))


def couple(client, server):
    """The three messages of NTLM, then sealed ones both ways."""
    _, token = client.step()
    _, token = server.step(token)
    _, token = client.step(token)
    complete, _ = server.step(token)
    assert complete, 'the acceptor is not complete'
    for message in MESSAGES:
        assert server.unseal(client.seal(message)) == message, 'client to server'
        assert client.unseal(server.seal(message)) == message, 'server to client'


def gss_initiator(program, scratch, password=PASSWORD):
    with Gss('initiate', '', password) as client, Ours(program).accept() as server:
        couple(client, server)
        peer = bytes.fromhex(server.words('peer')[1]).decode()
        assert NAME in peer, peer


def gss_acceptor(program, scratch, password=PASSWORD):
    accounts = os.path.join(scratch, 'accounts')
    with open(accounts, 'w', encoding='ascii') as file:
        file.write(f'{DOMAIN}:{NAME}:{PASSWORD}\n')
    with Ours(program).initiate(password) as client, Gss('accept', accounts) as server:
        couple(client, server)
        peer = bytes.fromhex(server.ask('peer')).decode()
        assert NAME in peer, peer


def samba_initiator(program, scratch, password=PASSWORD, kind='ntlm'):
    """Samba's client needs no domain; it seals nothing, so that the logon is all there is to see."""
    configuration = os.path.join(scratch, 'smb.conf')
    with open(configuration, 'w', encoding='ascii') as file:
        file.write('[global]\nworkgroup = WINTEST\n' + ''.join(
            f'{name} = {scratch}\n' for name in ('private dir', 'lock directory', 'state directory', 'cache directory', 'pid directory')))
    helper = 'ntlmssp-client-1' if kind == 'ntlm' else 'gss-spnego-client'
    command = ['/usr/bin/ntlm_auth', f'--configfile={configuration}', f'--helper-protocol={helper}', f'--username={NAME}',
               f'--domain={DOMAIN}', f'--password={password}']
    with Lines(command) as client, Ours(program).accept(kind) as server:
        answer = client.ask('YR' if kind == 'ntlm' else 'SPNEGO-INIT')
        for _ in range(4):
            verdict, _, token = answer.partition(' ')
            assert verdict in ('YR', 'KK', 'AF'), answer
            complete, token = server.step(base64.b64decode(token))
            if complete:
                break
            answer = client.ask('TT ' + base64.b64encode(token).decode())
        assert complete, 'the acceptor is not complete'
        assert NAME in bytes.fromhex(server.words('peer')[1]).decode()


CASES = [
    ('gss-ntlmssp', 'its initiator, our acceptor, sealed both ways', gss_initiator),
    ('gss-ntlmssp', 'our initiator, its acceptor, sealed both ways', gss_acceptor),
    ('ntlm_auth', 'its initiator, our acceptor', samba_initiator),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--bin')
    parser.add_argument('--gss', choices=['initiate', 'accept'])
    options, _ = parser.parse_known_args()
    if options.gss:
        gss(options.gss)
        return
    for peer, name, case in CASES:
        for password, expected in ((PASSWORD, True), ('wrong', False)):
            label = name if expected else f'{name}: wrong password'
            with tempfile.TemporaryDirectory() as scratch:
                try:
                    case(options.bin, scratch, password)
                    outcome = 'passed' if expected else 'failed: the wrong password was accepted'
                except PermissionError as error:
                    outcome = f'failed: {error}' if expected else 'passed'
                except Exception as error:  # noqa: BLE001: a case may fail in any way
                    outcome = f'failed: {type(error).__name__}: {" ".join(str(error).split())[:200]}'
            print(f'{peer}: {label}: {outcome}', flush=True)


if __name__ == '__main__':
    main()
