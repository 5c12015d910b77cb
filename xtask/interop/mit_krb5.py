#!/usr/bin/env python3
"""Couples our Kerberos and SPNEGO contexts to those of MIT Kerberos and of pyspnego, both ways round, in a
realm of its own.

    mit_krb5.py --bin PATH_OF_KERBEROS_STDIO

Prints one line a case: `mit-krb5: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mit_realm  # noqa: E402

REALM, USER, PASSWORD, SERVICE = "WINDLASS.TEST", "alice", "Pa55w0rd", "HTTP/srv.windlass.test"
HOST = SERVICE.split("/")[1]
MESSAGES = [b"", b"<s:Envelope/>", bytes(range(256)) * 3, b"x" * 70000] + [b"y" * size for size in range(1, 34)]
HERE = b"tls-server-end-point:" + bytes(range(32))
ELSEWHERE = b"tls-server-end-point:" + bytes(32)


class Refused(Exception):
    """Our side refused; the text is its reason."""


class Ours:
    """Our contexts, behind the lines of the kerberos_stdio example."""

    def __init__(self, path, realm, realms=()):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.realms = {each.name: each for each in (realm, *realms)}
        self.realm, self.udp = realm, False
        self.asked = 0
        self.ask("config", realm.config().encode())

    def ask(self, *words):
        line = " ".join(word if isinstance(word, str) else (word.hex() or "-") for word in words)
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        status, _, rest = self.process.stdout.readline().strip().partition(" ")
        if status == "error":
            raise Refused(rest)
        return status, [bytes.fromhex(part) if part != "-" else b"" for part in rest.split()]

    def password(self, user=USER, password=PASSWORD):
        self.ask("password", user.encode(), password.encode())
        return self

    def keytab(self, name="keytab", principal=f"{USER}@{REALM}"):
        self.ask("keytab", principal.encode(), open(self.realm.file(name), "rb").read())
        return self

    def tickets(self, name="ccache"):
        self.ask("tickets", open(self.realm.file(name), "rb").read())
        return self

    def initiate(self, kind="kerberos", service=SERVICE, binding=b""):
        self.ask("initiate", kind, service.encode(), binding)
        return self

    def accept(self, kind="kerberos", binding=b"", policy="relaxed"):
        self.ask("accept", kind, binding, policy)
        return self

    def step(self, token=None):
        status, values = self.ask("step", token or b"")
        while status == "ask":
            self.asked += 1
            realm = self.realms[values[0].decode()]
            status, values = self.ask("kdc", realm.ask(values[1], self.udp))
        self.complete = status == "complete"
        return values[0]

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


class Theirs:
    """A context of MIT Kerberos through python-gssapi."""

    def __init__(self, gssapi, usage, service=SERVICE, binding=b"", dce=False, mech="1.2.840.113554.1.2.2",
                 mutual=True):
        self.raw = gssapi.raw
        mech = gssapi.OID.from_int_seq(mech)
        bindings = gssapi.raw.ChannelBindings(application_data=binding) if binding else None
        if usage == "initiate":
            kind = gssapi.NameType.kerberos_principal
            flag = gssapi.RequirementFlag
            flags = [flag.replay_detection, flag.out_of_sequence_detection, flag.confidentiality, flag.integrity]
            flags += [flag.mutual_authentication] if mutual else []
            flags += [flag.dce_style] if dce else []
            self.context = gssapi.SecurityContext(
                name=gssapi.Name(f"{service}@{REALM}", kind), usage="initiate", mech=mech, flags=flags,
                channel_bindings=bindings)
        else:
            self.context = gssapi.SecurityContext(
                usage="accept", creds=gssapi.Credentials(usage="accept"), channel_bindings=bindings)

    @property
    def complete(self):
        return self.context.complete

    def step(self, token=None):
        return self.context.step(token)


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
    raise AssertionError("the handshake does not end")


def exchange(ours, theirs):
    """Sealed and signed messages both ways, in order, in the pieces that WinRM sends."""
    raw, context = theirs.raw, theirs.context
    for message in MESSAGES:
        header, data = ours.ask("seal", message)[1]
        assert len(data) == len(message) and (len(message) < 9 or data != message), "it is not sealed in place"
        assert context.unwrap(header + data).message == message, "MIT unwraps another message"
        iov = raw.IOV(raw.IOVBufferType.header, message, raw.IOVBufferType.padding, std_layout=False)
        raw.wrap_iov(context, iov, confidential=True)
        header, data = iov[0].value, iov[1].value + (iov[2].value or b"")
        assert ours.ask("unseal", header, data)[1][0] == message, "we unseal another message"
        # One piece, not rotated: the form of a plain gss_wrap, cut where Windows would not cut it.
        token = context.wrap(message, True).message
        assert ours.ask("unseal", token[:16], token[16:])[1][0] == message, "we unwrap another message"
        ours.ask("verify", message, context.get_signature(message))
        context.verify_signature(message, ours.ask("sign", message)[1][0])


def exchange_ours(client, server):
    """The handshake of two contexts of ours, and messages both ways."""
    shake_hands(client, server)
    for sender, receiver in ((client, server), (server, client)):
        header, data = sender.ask("seal", b"a message")[1]
        assert receiver.ask("unseal", header, data)[1][0] == b"a message"
        receiver.ask("verify", b"signed", sender.ask("sign", b"signed")[1][0])


def exchange_between(ours, theirs):
    """The same with parts that are signed alone, as in RPC."""
    raw, context = theirs.raw, theirs.context
    kind = raw.IOVBufferType
    for message in [bytes(16), bytes(range(64)), b"z" * 4096]:
        before, after = b"header of the pdu", b"trailer!"
        data, signature = ours.ask("seal-between", before, message, after)[1]
        iov = raw.IOV((kind.header, False, signature), (kind.sign_only, False, before), data,
                      (kind.sign_only, False, after), std_layout=False)
        raw.unwrap_iov(context, iov)
        assert iov[2].value == message, "MIT unwraps another message"
        iov = raw.IOV(kind.header, (kind.sign_only, False, before), message, (kind.sign_only, False, after),
                      std_layout=False)
        raw.wrap_iov(context, iov, confidential=True)
        signature, data = iov[0].value, iov[2].value
        assert ours.ask("unseal-between", before, data, after, signature)[1][0] == message


def refused(action, *errors, says=""):
    """Makes sure that it is refused, and that the refusal says so."""
    try:
        action()
    except errors as error:
        assert says in str(error), f"it says: {error}"
        return
    raise AssertionError("it was accepted")


def cases(gssapi, realm, new):
    def initiator(credential, kind="kerberos", binding=b""):
        def case():
            ours = credential(new()).initiate(kind, binding=binding)
            theirs = Theirs(gssapi, "accept", binding=binding)
            shake_hands(ours, theirs)
            assert theirs.complete and ours.complete
            assert str(theirs.context.initiator_name) == f"{USER}@{REALM}", theirs.context.initiator_name
            exchange(ours, theirs)

        return case

    def acceptor(mech="1.2.840.113554.1.2.2", kind="kerberos", binding=b"", mutual=True):
        def case():
            ours = new().keytab().accept(kind, binding=binding, policy="strict")
            theirs = Theirs(gssapi, "initiate", binding=binding, mech=mech, mutual=mutual)
            shake_hands(theirs, ours)
            assert theirs.complete and ours.complete
            assert ours.ask("peer")[1][0].decode() == f"{REALM}\\{USER}"
            exchange(ours, theirs)

        return case

    yield "client, password, kerberos", initiator(lambda ours: ours.password())
    yield "client, password of user@realm", initiator(lambda ours: ours.password(f"{USER}@windlass.test"))
    yield "client, keytab", initiator(lambda ours: ours.keytab("client.keytab"))
    yield "client, credential cache", initiator(lambda ours: ours.tickets())
    yield "client, spnego", initiator(lambda ours: ours.password(), "spnego")
    yield "client, channel binding", initiator(lambda ours: ours.password(), "kerberos", HERE)
    yield "client, spnego, channel binding", initiator(lambda ours: ours.password(), "spnego", HERE)
    yield "host, kerberos", acceptor()
    yield "host, without mutual authentication", acceptor(mutual=False)
    yield "host, raw kerberos in negotiate", acceptor(kind="spnego")
    yield "host, spnego", acceptor("1.3.6.1.5.5.2", "spnego")
    yield "host, channel binding", acceptor(binding=HERE)
    yield "host, spnego, channel binding", acceptor("1.3.6.1.5.5.2", "spnego", HERE)

    def dce_client():
        ours, theirs = new().password().initiate("dce"), Theirs(gssapi, "accept")
        shake_hands(ours, theirs)
        assert theirs.complete and ours.complete
        exchange_between(ours, theirs)

    def dce_host():
        ours, theirs = new().keytab().accept(), Theirs(gssapi, "initiate", dce=True)
        shake_hands(theirs, ours)
        assert theirs.complete and ours.complete
        exchange_between(ours, theirs)

    yield "client, three legs", dce_client
    yield "host, three legs", dce_host

    def trips():
        ours, before = new().password(), realm.issued()
        for _ in range(100):
            ours.initiate()
            shake_hands(ours, Theirs(gssapi, "accept"))
        initial, service = (now - then for now, then in zip(realm.issued(), before))
        assert (initial, service) == (1, 1), f"{initial} initial and {service} service tickets"

    yield "one initial and one service ticket for 100 contexts", trips

    def udp():
        ours = new().password()
        ours.udp = True
        shake_hands(ours.initiate(), Theirs(gssapi, "accept"))

    yield "client, over udp", udp

    def fails(says, credential, service=SERVICE):
        return lambda: refused(lambda: credential(new()).initiate(service=service).step(), Refused, says=says)

    yield "wrong password", fails("password or key of alice@WINDLASS.TEST is wrong", lambda o: o.password(password="no"))
    yield "unknown user", fails("there is no user nobody", lambda o: o.password("nobody"))
    yield "disabled user", fails("disabled", lambda o: o.password("disabled"))
    yield "expired password", fails("password of expired@WINDLASS.TEST has expired", lambda o: o.password("expired"))
    yield "unknown service", fails("there is no service HTTP/other", lambda o: o.password(), "HTTP/other")
    yield "user with an RC4 key only", fails("RC4", lambda o: o.password("old"))
    yield "user with AES-SHA2 keys only", fails("HMAC-SHA2", lambda o: o.password("new"))
    yield "aes128 alone", initiator_to(gssapi, new, "short", "HTTP/short")

    def skew():
        ours = new().password()
        ours.ask("clock", "900")
        refused(lambda: ours.initiate().step(), Refused, says="the clock here is")

    yield "client with a wrong clock", skew

    def expired():
        ours = new().tickets()
        ours.ask("clock", str(48 * 3600))
        refused(lambda: ours.initiate().step(), Refused, says="has expired")

    yield "expired ticket", expired

    def token():
        return Theirs(gssapi, "initiate").step()

    def host_skew(ahead, says):
        def case():
            ours = new().keytab()
            ours.ask("clock", str(ahead))
            refused(lambda: ours.accept().step(token()), Refused, says=says)

        return case

    yield "host with a wrong clock", host_skew(900, "clocks")
    yield "expired ticket at the host", host_skew(48 * 3600, "expired")

    def replay():
        ours, first = new().keytab(), token()
        ours.accept().step(first)
        refused(lambda: ours.accept().step(first), Refused, says="repeats")

    yield "replayed logon", replay

    def other_channel():
        ours = new().keytab().accept(binding=ELSEWHERE)
        refused(lambda: ours.step(Theirs(gssapi, "initiate", binding=HERE).step()), Refused, says="another TLS channel")
        ours = new().keytab().accept(binding=HERE, policy="strict")
        refused(lambda: ours.step(token()), Refused, says="sent none")

    yield "another channel", other_channel

    def other_channel_client():
        ours, theirs = new().password().initiate(binding=HERE), Theirs(gssapi, "accept", binding=ELSEWHERE)
        refused(lambda: shake_hands(ours, theirs), gssapi.raw.GSSError, Refused)

    yield "another channel, seen by mit", other_channel_client

    def wrong_key():
        ours = new().keytab("wrong.keytab")
        refused(lambda: ours.accept().step(token()), Refused, says="not encrypted with a key of the keytab")

    yield "a keytab without the key", wrong_key

    def truncated():
        ours, whole = new().keytab(), token()
        for length in range(1, len(whole), 7):
            refused(lambda: ours.accept().step(whole[:length]), Refused)
        ours.accept().step(whole)

    yield "truncated tokens", truncated

    def flipped():
        ours, whole = new().keytab(), token()
        accepted = []
        for position in range(len(whole)):
            bad = bytearray(whole)
            bad[position] ^= 0x11
            try:
                ours.accept().step(bytes(bad))
                accepted.append(position)
            except Refused:
                pass
        # The name and key version outside the ticket are hints that nothing protects.
        assert len(accepted) < 60, f"accepted with bytes altered at {accepted}"
        assert all(position < 150 for position in accepted), accepted

    yield "altered tokens", flipped

    def messages():
        ours, theirs = new().password().initiate(), Theirs(gssapi, "accept")
        shake_hands(ours, theirs)
        good = theirs.context.wrap(b"some message", True).message
        for position in range(len(good)):
            bad = bytearray(good)
            bad[position] ^= 1
            refused(lambda: ours.ask("unseal", bytes(bad[:16]), bytes(bad[16:])), Refused, says="integrity")
        for length in range(len(good)):
            refused(lambda: ours.ask("unseal", good[:16][:length], good[16:length]), Refused, says="integrity")
        later = theirs.context.wrap(b"another", True).message
        refused(lambda: ours.ask("unseal", later[:16], later[16:]), Refused, says="integrity")
        assert ours.ask("unseal", good[:16], good[16:])[1][0] == b"some message"
        refused(lambda: ours.ask("unseal", good[:16], good[16:]), Refused, says="integrity")
        assert ours.ask("unseal", later[:16], later[16:])[1][0] == b"another"

    yield "altered, cut, reordered and replayed messages", messages

    def fallback():
        ours = new().password().initiate("spnego", "HTTP/other")
        token = ours.step()
        assert b"NTLMSSP\0" in token, "it does not offer NTLM"

    yield "spnego without a ticket goes on with ntlm", fallback

    def locked_out():
        ours = new().password(password="no").initiate("spnego")
        refused(ours.step, Refused, says="is wrong")

    yield "spnego with a wrong password stops", locked_out


def initiator_to(gssapi, new, user, service):
    def case():
        ours, theirs = new().password(user).initiate(service=service), Theirs(gssapi, "accept")
        shake_hands(ours, theirs)
        exchange(ours, theirs)

    return case


def referral_case(path):
    """A service in another realm, found by a referral of the user's own KDC and by domain_realm."""
    def case():
        with mit_realm.Realm("OTHER.TEST") as other:
            with mit_realm.Realm(REALM, others=[other], domains=[(".other.test", "OTHER.TEST")]) as realm:
                realm.add_user(USER, PASSWORD)
                other.add_service("HTTP/far.other.test")
                for each in (realm, other):
                    each.admin(f"addprinc -pw shared krbtgt/OTHER.TEST@{REALM}")
                ours = Ours(path, realm, (other,))
                try:
                    ours.password().initiate(service="HTTP/far.other.test").step()
                    assert ours.asked == 4, f"{ours.asked} trips"
                    assert other.issued() == (0, 1), other.issued()
                finally:
                    ours.close()

    return case


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, help="the example kerberos_stdio of windlass-auth")
    parser.add_argument("--only", help="only cases whose name contains this")
    arguments, _ = parser.parse_known_args()
    reason = mit_realm.missing()
    gssapi = None
    if not reason:
        try:
            gssapi = mit_realm.import_gssapi()
        except ImportError as error:
            reason = str(error)
    if reason:
        print(f"mit-krb5: all cases: skipped: {reason}")
        return
    with mit_realm.Realm(REALM) as realm:
        realm.add_user(USER, PASSWORD)
        realm.admin(f"ktadd -norandkey -k {realm.file('client.keytab')} {USER}")
        realm.add_user("disabled", PASSWORD, "-allow_tix")
        realm.add_user("expired", PASSWORD, "-pwexpire", "yesterday")
        realm.add_user("old", PASSWORD, "-e", "arcfour-hmac:normal")
        realm.add_user("new", PASSWORD, "-e", "aes256-sha2:normal,aes128-sha2:normal")
        realm.add_user("short", PASSWORD, "-e", "aes128-cts:normal")
        realm.add_service("HTTP/short", "-e", "aes128-cts:normal")
        realm.add_service("HTTP/elsewhere", keytab="wrong.keytab")
        realm.add_service(SERVICE)
        # A second version of the key, so that there are several.
        realm.admin(f"ktadd -k {realm.file('keytab')} {SERVICE}")
        realm.kinit(USER, PASSWORD)
        os.environ.update({name: value for name, value in realm.environment().items() if name.startswith("KRB5")})
        opened = []

        def new():
            opened.append(Ours(arguments.bin, realm))
            return opened[-1]

        every = list(cases(gssapi, realm, new)) + [("service in another realm", referral_case(arguments.bin))]
        for name, case in every:
            if arguments.only and arguments.only not in name:
                continue
            try:
                case()
                print(f"mit-krb5: {name}: passed", flush=True)
            except Exception as error:  # whatever goes wrong is this case's failure
                print(f"mit-krb5: {name}: failed: {type(error).__name__}: {error}", flush=True)
            while opened:
                opened.pop().close()


if __name__ == "__main__":
    main()
