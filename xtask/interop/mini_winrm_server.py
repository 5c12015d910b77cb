"""A small WinRM server made of other people's parts, to show that our client talks to more than our host.

psrpcore's server pool reads and writes PowerShell remoting, pyspnego accepts the logon and unseals the
messages; the SOAP and HTTP between them are written here after [MS-WSMV], DSP0226 and [MS-PSRP], and share
no code with the project. It listens on loopback only.

Commands of the PowerShell endpoint (the text of the first command of the pipeline):
  echo      writes each argument, then each input object
  streams   writes one record to every stream
  wait      runs until it is stopped
  numbers   writes the integers from 1 to its argument
  fail      writes an error record
  reveal    writes the texts of secure strings and credentials among its arguments and its input
  secret    writes a secure string and a credential
  ask-key   asks for the client's key first, then does as secret does
anything else writes the text back. The cmd shell runs its command line with /bin/sh.
"""
import argparse
import base64
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import threading
import uuid
import xml.etree.ElementTree as ET
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

import psrpcore
import spnego
from psrpcore.types import NETException, PSCredential, PSSecureString

SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
PWSH = "http://schemas.microsoft.com/powershell"
IDENTITY = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
FAULT = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
SOAP_TYPE = "application/soap+xml;charset=UTF-8"

# The object identifiers of both mechanisms, as tokens carry them.
KERBEROS = bytes.fromhex("06092a864886f712010202")
SPNEGO = bytes.fromhex("06062b0601050502")

TIMED_OUT, NOT_FOUND, UNKNOWN_RESOURCE = 2150858793, 2150858843, 2150858811


class SoapFault(Exception):
    """What the client did wrong, as WS-Man numbers it."""

    def __init__(self, subcode, code, text):
        super().__init__(text)
        self.subcode, self.code, self.text = subcode, code, text


class Command:
    """A running command: chunks of its streams wait here for a Receive."""

    def __init__(self, ident):
        self.ident, self.chunks, self.done, self.exit_code = ident, [], False, None
        self.pipeline, self.text, self.inputs, self.arguments = None, "", [], []
        self.stdin = bytearray()
        self.process = None


class Shell:
    """A shell with its commands. One condition wakes every parked Receive."""

    def __init__(self, ident, uri):
        self.ident, self.uri = ident, uri
        self.commands, self.chunks = {}, []
        self.changed = threading.Condition()
        self.closed = False
        self.pool = psrpcore.ServerRunspacePool() if "/powershell/" in uri.lower() else None
        self.after_key = []

    def feed(self, data, command=None):
        """Hands fragments to the pool and acts on what they say. The caller holds the condition."""
        pipeline = uuid.UUID(command) if command else None
        self.pool.receive_data(psrpcore.PSRPPayload(data, psrpcore.StreamType.default, pipeline))
        while (event := self.pool.next_event()) is not None:
            if isinstance(event, psrpcore.CreatePipelineEvent):
                self.start(event)
            elif isinstance(event, psrpcore.PipelineInputEvent):
                self.commands[str(event.pipeline_id).upper()].inputs.append(event.data)
            elif isinstance(event, psrpcore.EndOfPipelineInputEvent):
                self.run(self.commands[str(event.pipeline_id).upper()])
            elif isinstance(event, psrpcore.PublicKeyEvent):
                waiting, self.after_key = self.after_key, []
                for command in waiting:
                    write_secrets(command.pipeline)
                    command.pipeline.complete()
                    command.done = True
        self.drain()

    def start(self, event):
        command = self.commands[str(event.pipeline_id).upper()]
        command.pipeline = self.pool.pipeline_table[event.pipeline_id]
        first = event.pipeline.commands[0]
        command.text = first.command_text
        command.arguments = [value for _, value in first.parameters]
        command.pipeline.start()
        if event.pipeline.no_input:
            self.run(command)

    def run(self, command):
        pipeline, text = command.pipeline, command.text
        if text == "wait":
            return
        if text == "echo":
            for value in [*command.arguments, *command.inputs]:
                pipeline.write_output(value)
        elif text == "numbers":
            for number in range(1, int(command.arguments[0]) + 1):
                pipeline.write_output(number)
        elif text == "streams":
            pipeline.write_output("an output object")
            pipeline.write_error(NETException(Message="an error"), fully_qualified_error_id="Mini,Streams")
            pipeline.write_warning("a warning")
            pipeline.write_verbose("a verbose text")
            pipeline.write_debug("a debug text")
            pipeline.write_information("an information", "mini")
            pipeline.write_progress("an activity", 1, "half way", percent_complete=50)
        elif text == "reveal":
            for value in [*command.arguments, *command.inputs]:
                pipeline.write_output(f"{value.UserName} {value.Password.decrypt()}" if isinstance(value, PSCredential) else value.decrypt())
        elif text == "secret":
            write_secrets(pipeline)
        elif text == "ask-key":
            self.pool.request_key()
            self.after_key.append(command)
            return
        elif text == "fail":
            pipeline.write_error(NETException(Message="it failed"), fully_qualified_error_id="Mini,Fail")
        else:
            pipeline.write_output(text)
        pipeline.complete()
        command.done = True

    def drain(self):
        """Moves what the pool wants to send to where a Receive finds it."""
        while (payload := self.pool.data_to_send(1 << 16)) is not None:
            owner = self.commands.get(str(payload.pipeline_id).upper()) if payload.pipeline_id else self
            (owner or self).chunks.append(("stdout", payload.data))
        self.changed.notify_all()

    def run_program(self, command, line):
        """Runs a command line of the cmd shell to its end, in a thread of its own."""
        command.process = subprocess.Popen(["/bin/sh", "-c", line], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

        def pump(name, pipe):
            for piece in iter(lambda: pipe.read1(4096), b""):
                with self.changed:
                    command.chunks.append((name, piece))
                    self.changed.notify_all()

        def wait():
            pumps = [threading.Thread(target=pump, args=pair) for pair in (("stdout", command.process.stdout), ("stderr", command.process.stderr))]
            for thread in pumps:
                thread.start()
            for thread in pumps:
                thread.join()
            code = command.process.wait()
            with self.changed:
                command.exit_code, command.done = code, True
                self.changed.notify_all()

        threading.Thread(target=wait, daemon=True).start()

    def end(self, command):
        if command.process and command.process.poll() is None:
            command.process.kill()
        command.done = True


def write_secrets(pipeline):
    pipeline.write_output(PSSecureString("server \u2603"))
    pipeline.write_output(PSCredential(UserName="dave", Password=PSSecureString("his")))


class Service:
    """The WS-Man operations. Counts what a leak test wants to know."""

    def __init__(self):
        self.shells, self.lock, self.requests = {}, threading.Lock(), 0

    def open_commands(self):
        return sum(len(shell.commands) for shell in self.shells.values())

    def answer(self, text):
        """Envelope in, (HTTP status, envelope) out."""
        root = ET.fromstring(text)
        header, body = root.find(f"{{{SOAP}}}Header"), root.find(f"{{{SOAP}}}Body")
        if body.find(f"{{{IDENTITY}}}Identify") is not None:
            return 200, identify()
        message = header.findtext(f"{{{ADDRESSING}}}MessageID", "")
        action = header.findtext(f"{{{ADDRESSING}}}Action", "")
        try:
            suffix, content = self.dispatch(action, header, body)
            return 200, envelope(suffix, message, content)
        except SoapFault as fault:
            return 500, fault_envelope(message, fault)

    def dispatch(self, action, header, body):
        uri = header.findtext(f"{{{WSMAN}}}ResourceURI", "")
        selectors = {node.get("Name"): node.text for node in header.iter(f"{{{WSMAN}}}Selector")}
        limit = seconds(header.findtext(f"{{{WSMAN}}}OperationTimeout", "PT60S"))
        if action == f"{TRANSFER}/Create":
            return f"{TRANSFER}/CreateResponse", self.create(uri, body)
        shell = self.shells.get(selectors.get("ShellId", ""))
        if shell is None:
            raise SoapFault("w:InvalidSelectors", NOT_FOUND, "No shell has this ShellId.")
        if action == f"{TRANSFER}/Delete":
            return f"{TRANSFER}/DeleteResponse", self.delete(shell)
        operations = {"Command": self.command, "Send": self.send, "Signal": self.signal}
        name = action.removeprefix(f"{SHELL}/")
        with shell.changed:
            if name == "Receive":
                return f"{SHELL}/ReceiveResponse", self.receive(shell, body, limit)
            if name in operations:
                return f"{SHELL}/{name}Response", operations[name](shell, body)
        raise SoapFault("a:ActionNotSupported", 2150858753, f"The action {escape(action)} is not supported.")

    def create(self, uri, body):
        if not (uri.startswith(f"{PWSH}/") or uri == f"{SHELL}/cmd"):
            raise SoapFault("a:DestinationUnreachable", UNKNOWN_RESOURCE, "The service has no such resource.")
        node = body.find(f"{{{SHELL}}}Shell")
        shell = Shell((node.get("ShellId") or str(uuid.uuid4())).upper(), uri)
        opening = node.findtext(f"{{{PWSH}}}creationXml")
        if opening:
            with shell.changed:
                shell.feed(base64.b64decode(opening))
        with self.lock:
            self.shells[shell.ident] = shell
        return (
            f"<x:ResourceCreated><a:Address>http://localhost/wsman</a:Address><a:ReferenceParameters><w:ResourceURI>{escape(uri)}</w:ResourceURI>"
            f'<w:SelectorSet><w:Selector Name="ShellId">{shell.ident}</w:Selector></w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>'
            f"<rsp:Shell><rsp:ShellId>{shell.ident}</rsp:ShellId><rsp:ResourceUri>{escape(uri)}</rsp:ResourceUri><rsp:IdleTimeOut>PT7200.000S</rsp:IdleTimeOut></rsp:Shell>"
        )

    def delete(self, shell):
        with self.lock:
            self.shells.pop(shell.ident, None)
        with shell.changed:
            shell.closed = True
            for command in shell.commands.values():
                shell.end(command)
            shell.changed.notify_all()
        return ""

    def command(self, shell, body):
        line = body.find(f"{{{SHELL}}}CommandLine")
        ident = (line.get("CommandId") or str(uuid.uuid4())).upper()
        arguments = [node.text or "" for node in line.findall(f"{{{SHELL}}}Arguments")]
        command = shell.commands[ident] = Command(ident)
        if shell.pool:
            psrpcore.ServerPipeline(shell.pool, uuid.UUID(ident))
            shell.feed(base64.b64decode(arguments[0]), ident)
        else:
            program = line.findtext(f"{{{SHELL}}}Command", "")
            shell.run_program(command, " ".join([program, *arguments]))
        return f"<rsp:CommandResponse><rsp:CommandId>{ident}</rsp:CommandId></rsp:CommandResponse>"

    def send(self, shell, body):
        for stream in body.iter(f"{{{SHELL}}}Stream"):
            ident, data = stream.get("CommandId"), base64.b64decode(stream.text or "")
            if shell.pool:
                shell.feed(data, ident)
                continue
            process = self.find(shell, ident).process
            process.stdin.write(data)
            process.stdin.flush()
            if stream.get("End") in ("true", "1"):
                process.stdin.close()
        return "<rsp:SendResponse/>"

    def signal(self, shell, body):
        signal = body.find(f"{{{SHELL}}}Signal")
        ident, code = signal.get("CommandId"), signal.findtext(f"{{{SHELL}}}Code", "")
        command = self.find(shell, ident)
        if code == "powershell/signal/crtl_c" and command.pipeline and not command.done:
            command.pipeline.stop()
            command.done = True
            shell.drain()
        elif code.endswith("/terminate"):
            shell.end(command)
            del shell.commands[ident]
        elif command.process:
            command.process.terminate()
        shell.changed.notify_all()
        return "<rsp:SignalResponse/>"

    def receive(self, shell, body, limit):
        ident = body.find(f".//{{{SHELL}}}DesiredStream").get("CommandId")
        owner = self.find(shell, ident) if ident else shell
        finished = lambda: bool(ident and (owner.done or ident not in shell.commands))
        shell.changed.wait_for(lambda: owner.chunks or finished() or shell.closed, limit)
        chunks, owner.chunks = owner.chunks, []
        if not chunks and not finished():
            if shell.closed:
                raise SoapFault("w:InvalidSelectors", NOT_FOUND, "The shell was closed.")
            raise SoapFault("w:TimedOut", TIMED_OUT, "The operation did not complete within its time-out.")
        attribute = f' CommandId="{ident}"' if ident else ""
        answer = "".join(f'<rsp:Stream Name="{name}"{attribute}>{base64.b64encode(data).decode()}</rsp:Stream>' for name, data in chunks)
        if ident:
            state = "Done" if owner.done else "Running"
            code = f"<rsp:ExitCode>{owner.exit_code}</rsp:ExitCode>" if owner.done and owner.exit_code is not None else ""
            answer += f'<rsp:CommandState{attribute} State="{SHELL}/CommandState/{state}">{code}</rsp:CommandState>'
        return f"<rsp:ReceiveResponse>{answer}</rsp:ReceiveResponse>"

    def find(self, shell, ident):
        if ident not in shell.commands:
            raise SoapFault("w:InvalidSelectors", NOT_FOUND, "No command has this CommandId.")
        return shell.commands[ident]


def seconds(duration):
    match = re.fullmatch(r"PT([0-9.]+)S", duration)
    return float(match.group(1)) if match else 60.0


def envelope(action, relates_to, content):
    return (
        f'<s:Envelope xml:lang="en-US" xmlns:s="{SOAP}" xmlns:a="{ADDRESSING}" xmlns:x="{TRANSFER}" xmlns:w="{WSMAN}" xmlns:rsp="{SHELL}"><s:Header>'
        f"<a:Action>{action}</a:Action><a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID><a:To>{ADDRESSING}/role/anonymous</a:To>"
        f"<a:RelatesTo>{escape(relates_to)}</a:RelatesTo></s:Header><s:Body>{content}</s:Body></s:Envelope>"
    )


def fault_envelope(relates_to, fault):
    return envelope(
        f"{WSMAN.removesuffix('.xsd')}/fault",
        relates_to,
        f"<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{fault.subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{fault.text}</s:Text></s:Reason><s:Detail>'
        f'<f:WSManFault xmlns:f="{FAULT}" Code="{fault.code}" Machine="mini"><f:Message>{fault.text}</f:Message></f:WSManFault></s:Detail></s:Fault>',
    )


def identify():
    return (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Header/><s:Body><i:IdentifyResponse xmlns:i="{IDENTITY}"><i:ProtocolVersion>{WSMAN}</i:ProtocolVersion>'
        "<i:ProductVendor>psrpcore and pyspnego</i:ProductVendor><i:ProductVersion>OS: 0.0.0 SP: 0.0 Stack: 3.0</i:ProductVersion></i:IdentifyResponse></s:Body></s:Envelope>"
    )


class Handler(BaseHTTPRequestHandler):
    """One connection: HTTP, the logon and the sealing that belongs to it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    context = None
    admitted = False
    count = 0

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.server.service.requests += 1
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
        extra = []
        if self.server.digest:
            self.admitted = scheme.lower() == "digest" and self.digested(body)
            if not self.admitted:
                return self.challenge()
        elif scheme.lower() == "basic" and self.server.basic:
            self.admitted = base64.b64decode(token).decode() == f"{self.server.user}:{self.server.password}"
            if not self.admitted:
                return self.challenge()
        elif scheme:
            try:
                extra = self.step(scheme, base64.b64decode(token))
            except Exception as error:  # a refused logon, whatever the library calls it
                print(f"logon refused: {type(error).__name__}", file=sys.stderr)
                self.context = None
                return self.challenge()
            if not self.context.complete:
                return self.reply(401, b"", headers=extra)
            self.admitted = True
            if not body:
                return self.reply(200, b"", headers=extra)
        if not self.admitted:
            return self.challenge()
        if not body:  # the last token of a logon came alone, and a proxy has taken it off
            return self.reply(200, b"", headers=extra)
        self.serve(body, extra)

    def digested(self, body):
        """Whether the answer to the challenge covers this body, as CherryPy computes it; none counts twice."""
        from cherrypy.lib import auth_digest

        said = auth_digest.HttpDigestAuthorization(self.headers["Authorization"], self.command)
        known = auth_digest.get_ha1_dict_plain({self.server.user: self.server.password})("mini", said.username)
        fresh = said.qop == "auth-int" and said.validate_nonce("mini", self.server.accounts) and int(said.nc, 16) > self.count
        if not fresh or known is None or said.request_digest(known, body.decode()) != said.response:
            return False
        self.count = int(said.nc, 16)
        return True

    def step(self, scheme, token):
        if self.context is None or self.context.complete:
            if scheme.lower() == "credssp":
                self.context = spnego.server(hostname="localhost", service="HTTP", protocol="credssp", **self.server.credssp)
            raw = token.startswith(b"NTLMSSP\0")
            options = spnego.NegotiateOptions.use_ntlm if raw else spnego.NegotiateOptions.use_negotiate
            self.raw_kerberos = KERBEROS in token[:32] and SPNEGO not in token[:16]
            if self.server.kerberos is not None:
                self.context = spnego.server(hostname=self.server.kerberos, service=self.server.spn_class,
                                             protocol="kerberos" if self.raw_kerberos else "negotiate")
            elif scheme.lower() != "credssp":
                self.context = spnego.server(hostname="localhost", service="HTTP", protocol="ntlm" if raw else "negotiate", options=options)
        answer = self.context.step(token)
        return [("WWW-Authenticate", f"{scheme} {base64.b64encode(answer).decode()}")] if answer else []

    def challenge(self):
        if self.server.digest:
            from cherrypy.lib.auth_digest import synthesize_nonce

            self.count, nonce = 0, synthesize_nonce("mini", self.server.accounts)
            asked = f'Digest realm="mini", nonce="{nonce}", algorithm=MD5, qop="auth-int"'
            return self.reply(401, b"", headers=[("WWW-Authenticate", asked)])
        schemes = ["CredSSP"] if self.server.credssp is not None else ["Negotiate", *(['Basic realm="WSMAN"'] if self.server.basic else [])]
        self.reply(401, b"", headers=[("WWW-Authenticate", scheme) for scheme in schemes])

    def serve(self, body, extra):
        sealed = self.headers.get("Content-Type", "").startswith(("multipart/encrypted", "multipart/x-multi-encrypted"))
        if not sealed and not self.server.basic and not self.server.digest:
            return self.reply(400, b"", headers=extra)
        if sealed:
            body = self.unseal(body)
        try:
            status, answer = self.server.service.answer(body)
        except Exception as error:
            print(f"the server failed: {error!r}", file=sys.stderr)
            status, answer = 500, fault_envelope("", SoapFault("w:InternalError", 2150859174, "The server failed."))
        answer = answer.encode()
        if sealed:
            chunk = 16384 if self.server.credssp is not None else max(len(answer), 1)
            parts = [answer[at : at + chunk] for at in range(0, len(answer), chunk)]
            kind = "multipart/x-multi-encrypted" if len(parts) > 1 else "multipart/encrypted"
            kind += f';protocol="application/{self.label()}";boundary="Encrypted Boundary"'
            return self.reply(status, b"".join(map(self.seal, parts)) + b"--Encrypted Boundary--\r\n", kind, extra)
        self.reply(status, answer, headers=extra)

    def label(self):
        if getattr(self, "raw_kerberos", False):
            return "HTTP-Kerberos-session-encrypted"
        return "HTTP-CredSSP-session-encrypted" if self.server.credssp is not None else "HTTP-SPNEGO-session-encrypted"

    def unseal(self, body):
        """[MS-WSMV] 2.2.9.1: pairs of a part that describes and one that holds length, signature and ciphertext."""
        plain = b""
        while not body.startswith(b"--Encrypted Boundary--"):
            head, _, rest = body.partition(b"application/octet-stream\r\n")
            length = int(re.search(rb"Length=(\d+)", head).group(1))
            assert f"application/{self.label()}".encode() in head, head
            (size,) = struct.unpack_from("<I", rest)
            # A TLS record tells its own length; everything else is as long as its plaintext.
            end = 4 + size + length if self.server.credssp is None else 9 + struct.unpack_from(">H", rest, 7)[0]
            plain += self.context.unwrap_winrm(rest[4 : 4 + size], rest[4 + size : end])
            body = rest[end:]
        return plain

    def seal(self, plain):
        sealed = self.context.wrap_winrm(plain)
        describe = (
            f"--Encrypted Boundary\r\n\tContent-Type: application/{self.label()}\r\n"
            f"\tOriginalContent: type={SOAP_TYPE};Length={len(plain) + sealed.padding_length}\r\n"
            "--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
        )
        return describe.encode() + struct.pack("<I", len(sealed.header)) + sealed.header + sealed.data

    def reply(self, status, body, kind=SOAP_TYPE, headers=()):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if body:
            self.send_header("Content-Type", kind)
        for name, value in headers:
            self.send_header(name, value)
        try:
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # the client has hung up: it stopped waiting for this answer
            self.close_connection = True


class Server(ThreadingHTTPServer):
    """The listener on loopback. `basic` allows Basic and plain bodies; without it bodies must be sealed.

    `digest` wants Digest with qop=auth-int, which covers the bodies. `credssp`, a dictionary of what pyspnego's acceptor takes, offers CredSSP and nothing else. `kerberos`, the
    host in the service principal, accepts Kerberos as well as GSS-API does it; `spn_class` goes before the host."""

    daemon_threads = True

    def __init__(self, port=0, user="alice", password="Pa55w0rd.1", basic=False, credssp=None, kerberos=None,
                 spn_class="HTTP", digest=False):
        super().__init__(("127.0.0.1", port), Handler)
        self.credssp, self.kerberos, self.spn_class, self.digest = credssp, kerberos, spn_class, digest
        self.service, self.user, self.password, self.basic = Service(), user, password, basic
        # pyspnego's NTLM acceptor looks accounts up in the file that this variable names.
        accounts = tempfile.NamedTemporaryFile("w", suffix=".accounts", delete=False)
        accounts.write(f"MINI:{user}:{password}\n:{user}:{password}\n")
        accounts.close()
        os.environ["NTLM_USER_FILE"] = accounts.name
        self.accounts = accounts.name

    def start(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def stop(self):
        self.shutdown()
        self.server_close()
        os.unlink(self.accounts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--user", default="alice")
    parser.add_argument("--password", default="Pa55w0rd.1")
    parser.add_argument("--basic", action="store_true")
    arguments = parser.parse_args()
    server = Server(arguments.port, arguments.user, arguments.password, arguments.basic)
    print(json.dumps({"event": "ready", "http": f"127.0.0.1:{server.server_port}"}), flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()
