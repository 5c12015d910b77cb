#!/usr/bin/env python3
"""Couples our NTLM and SPNEGO contexts to those of pyspnego, both ways round.

    pyspnego_ntlm.py --bin PATH_OF_NTLM_STDIO

Prints one line a case: `pyspnego: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import os
import subprocess
import sys
import tempfile

try:
    import spnego
    from spnego._ntlm_raw.messages import Authenticate, AvFlags, AvId, TargetInfo
    from spnego.channel_bindings import GssChannelBindings
    from spnego.exceptions import SpnegoError
except ImportError as error:
    print(f'pyspnego: all cases: skipped: {error}')
    sys.exit(0)

USER, PASSWORD = 'CORP\\\u00dcser\u04dc', 'P\u04d3$sw0r\u0308d'
MESSAGES = [b'', b'<s:Envelope/>', bytes(range(256)) * 3, b'x' * 70000]
HERE = b'tls-server-end-point:' + bytes(range(32))
ELSEWHERE = b'tls-server-end-point:' + bytes(32)


class Refused(Exception):
    """Our side refused; the text is its reason."""


class Ours:
    """One of our contexts, behind the lines of the ntlm_stdio example."""

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        line = ' '.join(word if isinstance(word, str) else (word.hex() or '-') for word in words)
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()
        status, _, rest = self.process.stdout.readline().strip().partition(' ')
        if status == 'error':
            raise Refused(rest)
        return status, [bytes.fromhex(part) if part != '-' else b'' for part in rest.split()]

    def initiate(self, kind, user=USER, password=PASSWORD, target='HTTP/windlass', binding=b''):
        self.ask('initiate', kind, user.encode(), password.encode(), target.encode(), binding)
        return self

    def accept(self, kind, binding=b'', policy='relaxed'):
        user = USER.split('\\')[-1]
        self.ask('accept', kind, user.encode(), PASSWORD.encode(), binding, policy)
        return self

    def step(self, token=b''):
        status, (token,) = self.ask('step', token or b'')
        self.complete = status == 'complete'
        return token

    def wrap_winrm(self, message):
        return self.ask('seal', message)[1]

    def unwrap_winrm(self, header, data):
        return self.ask('unseal', header, data)[1][0]

    def sign(self, message):
        return self.ask('sign', message)[1][0]

    def verify(self, message, signature):
        self.ask('verify', message, signature)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


def options(kind):
    return spnego.NegotiateOptions.use_negotiate if kind == 'spnego' else spnego.NegotiateOptions.use_ntlm


def protocol(kind):
    return 'negotiate' if kind == 'spnego' else 'ntlm'


def bindings(data):
    return GssChannelBindings(application_data=data) if data else None


def their_client(kind, password=PASSWORD, binding=b''):
    return spnego.client(USER, password, hostname='windlass', service='HTTP', protocol=protocol(kind),
                         options=options(kind), channel_bindings=bindings(binding))


def their_server(kind, binding=b''):
    return spnego.server(protocol=protocol(kind), options=options(kind), channel_bindings=bindings(binding))


def shake_hands(client, server):
    """Exchanges tokens until both sides are done."""
    token = client.step()
    for _ in range(6):
        token = server.step(token)
        if not token:
            return
        token = client.step(token)
        if not token:
            return
    raise AssertionError('the handshake does not end')


def exchange(client, server):
    """Sealed and signed messages both ways, in order."""
    for message in MESSAGES:
        for sender, receiver in ((client, server), (server, client)):
            if isinstance(sender, Ours):
                header, data = sender.wrap_winrm(message)
            else:
                wrapped = sender.wrap_winrm(message)
                assert wrapped.padding_length == 0
                header, data = wrapped.header, wrapped.data
            assert message == b'' or data != message, 'it is not sealed'
            assert receiver.unwrap_winrm(header, data) == message, 'another message came out'
            receiver.verify(message, sender.sign(message))


def refused(action, *errors):
    """Makes sure that it is refused, and returns what the refusal said."""
    try:
        action()
    except errors as error:
        return str(error)
    raise AssertionError('it was accepted')


def good_handshake(ours, kind, ours_is, binding):
    if ours_is == 'client':
        client, server = ours.initiate(kind, binding=binding), their_server(kind, binding)
    else:
        client, server = their_client(kind, binding=binding), ours.accept(kind, binding, 'strict')
    shake_hands(client, server)
    if ours_is == 'client':
        assert server.complete and server.client_principal == USER, server.client_principal
    else:
        assert client.complete
        assert ours.ask('peer')[1][0].decode() == USER
    exchange(client, server)


def wrong_password(ours, kind, ours_is):
    if ours_is == 'client':
        client, server = ours.initiate(kind, password='wrong'), their_server(kind)
        refused(lambda: shake_hands(client, server), SpnegoError)
    else:
        client, server = their_client(kind, password='wrong'), ours.accept(kind)
        reason = refused(lambda: shake_hands(client, server), Refused)
        assert 'logon refused' in reason, reason


def wrong_binding(ours, kind, ours_is):
    if ours_is == 'client':
        client, server = ours.initiate(kind, binding=ELSEWHERE), their_server(kind, HERE)
        refused(lambda: shake_hands(client, server), SpnegoError)
    else:
        client, server = their_client(kind, binding=ELSEWHERE), ours.accept(kind, HERE)
        reason = refused(lambda: shake_hands(client, server), Refused)
        assert 'channel binding' in reason, reason


def missing_binding(ours, kind):
    client, server = their_client(kind), ours.accept(kind, HERE, 'strict')
    reason = refused(lambda: shake_hands(client, server), Refused)
    assert 'channel binding' in reason, reason


def authenticate_message(client, server):
    """The third message of a raw handshake."""
    return client.step(server.step(client.step()))


def forged_proof(ours):
    server = ours.accept('ntlm')
    token = bytearray(authenticate_message(their_client('ntlm'), server))
    proof = Authenticate.unpack(bytes(token)).nt_challenge_response[:16]
    position = bytes(token).index(proof)
    token[position] ^= 1
    reason = refused(lambda: server.step(bytes(token)), Refused)
    assert 'logon refused' in reason, reason


def altered_mic(ours):
    server = ours.accept('ntlm')
    token = authenticate_message(their_client('ntlm'), server)
    mic = Authenticate.unpack(token).mic
    assert mic and any(mic), 'pyspnego sent no MIC'
    for fake in (bytes(16), bytes([mic[0] ^ 1]) + mic[1:]):
        server = ours.accept('ntlm')
        token = authenticate_message(their_client('ntlm'), server)
        mic = Authenticate.unpack(token).mic
        reason = refused(lambda: server.step(token.replace(mic, fake)), Refused)
        assert 'integrity code' in reason, reason


def stripped_mic(ours):
    """The MIC removed and the fields moved up, as if there had never been one."""
    server = ours.accept('ntlm')
    token = authenticate_message(their_client('ntlm'), server)
    message = Authenticate.unpack(token)
    stripped = Authenticate(message.flags, message.lm_challenge_response, message.nt_challenge_response,
                            domain_name=message.domain_name, username=message.user_name,
                            workstation=message.workstation, version=message.version,
                            encrypted_session_key=message.encrypted_random_session_key)
    # The AV pairs, which the proof covers, still promise a MIC.
    reason = refused(lambda: server.step(stripped.pack()), Refused)
    assert 'integrity code' in reason, reason


def replayed_authenticate(ours):
    server = ours.accept('ntlm')
    token = authenticate_message(their_client('ntlm'), server)
    server.step(token)
    again = ours.accept('ntlm')
    again.step(their_client('ntlm').step())
    reason = refused(lambda: again.step(token), Refused)
    assert 'logon refused' in reason, reason


def replayed_message(ours, kind):
    client, server = their_client(kind), ours.accept(kind)
    shake_hands(client, server)
    wrapped = client.wrap_winrm(b'only once')
    server.unwrap_winrm(wrapped.header, wrapped.data)
    reason = refused(lambda: server.unwrap_winrm(wrapped.header, wrapped.data), Refused)
    assert 'integrity' in reason, reason


def reordered_messages(ours, kind):
    client, server = their_client(kind), ours.accept(kind)
    shake_hands(client, server)
    client.wrap_winrm(b'first')
    second = client.wrap_winrm(b'second')
    reason = refused(lambda: server.unwrap_winrm(second.header, second.data), Refused)
    assert 'integrity' in reason, reason


def tampered_message(ours, kind):
    client, server = ours.initiate(kind), their_server(kind)
    shake_hands(client, server)
    wrapped = server.wrap_winrm(b'some message')
    bad = bytes([wrapped.data[0] ^ 1]) + wrapped.data[1:]
    reason = refused(lambda: client.unwrap_winrm(wrapped.header, bad), Refused)
    assert 'integrity' in reason, reason


def ntlmv1(ours):
    os.environ['LM_COMPAT_LEVEL'] = '1'
    try:
        client, server = their_client('ntlm'), ours.accept('ntlm')
        reason = refused(lambda: shake_hands(client, server), Refused)
    finally:
        del os.environ['LM_COMPAT_LEVEL']
    assert 'NTLMv1' in reason, reason


def raw_in_negotiate(ours):
    client, server = their_client('ntlm'), ours.accept('spnego')
    shake_hands(client, server)
    exchange(client, server)


def target_name(ours):
    """pyspnego reads the service principal name and the MIC flag in what our client sends."""
    client = ours.initiate('ntlm', target='HTTP/elsewhere')
    server = their_server('ntlm')
    token = client.step(server.step(client.step()))
    pairs = TargetInfo.unpack(Authenticate.unpack(token).nt_challenge_response[16 + 28:])
    assert pairs[AvId.target_name] == 'HTTP/elsewhere', pairs
    assert pairs[AvId.flags] & AvFlags.mic
    server.step(token)


def cases():
    for kind in ('ntlm', 'spnego'):
        for ours_is in ('client', 'server'):
            for binding in (b'', HERE):
                name = f'{kind}, our {ours_is}, {"bound to a channel" if binding else "unbound"}'
                yield name, lambda ours, k=kind, o=ours_is, b=binding: good_handshake(ours, k, o, b)
            yield f'{kind}, our {ours_is}, wrong password', lambda ours, k=kind, o=ours_is: wrong_password(ours, k, o)
            yield f'{kind}, our {ours_is}, wrong binding', lambda ours, k=kind, o=ours_is: wrong_binding(ours, k, o)
        yield f'{kind}, missing binding', lambda ours, k=kind: missing_binding(ours, k)
        yield f'{kind}, replayed message', lambda ours, k=kind: replayed_message(ours, k)
        yield f'{kind}, reordered messages', lambda ours, k=kind: reordered_messages(ours, k)
        yield f'{kind}, tampered message', lambda ours, k=kind: tampered_message(ours, k)
    yield 'raw ntlm inside negotiate', raw_in_negotiate
    yield 'forged proof', forged_proof
    yield 'altered mic', altered_mic
    yield 'stripped mic', stripped_mic
    yield 'replayed logon', replayed_authenticate
    yield 'ntlmv1 response', ntlmv1
    yield 'target name', target_name


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--bin', required=True, help='the example ntlm_stdio of windlass-auth')
    arguments, _ = parser.parse_known_args()
    with tempfile.NamedTemporaryFile('w', suffix='.txt', delete=False) as file:
        domain, user = USER.split('\\')
        file.write(f'{domain}:{user}:{PASSWORD}\n')
    os.environ['NTLM_USER_FILE'] = file.name
    os.environ.pop('LM_COMPAT_LEVEL', None)
    try:
        for name, case in cases():
            ours = Ours(arguments.bin)
            try:
                case(ours)
                print(f'pyspnego: {name}: passed', flush=True)
            except Exception as error:  # whatever goes wrong is this case's failure
                print(f'pyspnego: {name}: failed: {type(error).__name__}: {error}', flush=True)
            finally:
                ours.close()
    finally:
        os.unlink(file.name)


if __name__ == '__main__':
    main()
