"""psrpcore's pools coupled with ours through pipes, both ways round.

The example `pool_stdio` of the crate `windlass-psrp` is our side, client or server; psrpcore plays the other.
Prints `psrpcore: CASE: passed|failed: why`.
"""
import argparse
import base64
import subprocess
import threading
import uuid

import psrpcore
from psrpcore.types import (
    ErrorCategory,
    ErrorCategoryInfo,
    HostInfo,
    HostMethodIdentifier,
    NETException,
    PSCredential,
    PSCustomObject,
    PSSecureString,
    PSString,
)

ROOM = 2000


class Wrong(Exception):
    """Something came out otherwise than it must."""


def check(ours, expected, what):
    if ours != expected:
        raise Wrong(f"{what}: {ours!r} instead of {expected!r}")


class Program:
    """Our side: a process that speaks in lines."""

    def __init__(self, binary, *arguments):
        self.process = subprocess.Popen(
            [binary, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", bufsize=1
        )
        self.saw = []
        # Nothing here takes long; a side that waits for the other for ever is ended.
        self.watch = threading.Timer(60, self.process.kill)
        self.watch.start()

    def write(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def send(self, payload):
        target = payload.pipeline_id or "-"
        stream = "pr" if payload.stream_type == psrpcore.StreamType.prompt_response else "default"
        self.write(f"data {target} {stream} {base64.b64encode(payload.data).decode()}")

    def flush(self, pool):
        while payload := pool.data_to_send(ROOM):
            self.send(payload)

    def lines(self):
        """Lines that are not notes, which are kept."""
        for line in self.process.stdout:
            words = line.rstrip("\n").split(" ", 2)
            if words[0] == "saw":
                self.saw.append((words[1], words[2] if len(words) > 2 else ""))
            else:
                yield line.split()

    def seen(self, what):
        return [text for name, text in self.saw if name == what]

    def end(self):
        self.process.stdin.close()
        self.process.wait(10)
        check(self.seen("error"), [], "errors of our side")
        check(self.process.returncode, 0, "exit status")


def payload_of(words):
    _, target, stream, data = words
    kind = psrpcore.StreamType.prompt_response if stream == "pr" else psrpcore.StreamType.default
    return psrpcore.PSRPPayload(base64.b64decode(data), kind, None if target == "-" else uuid.UUID(target))


# Our client, their server.


class TheirServer:
    """Runs pipelines by the text of their first command."""

    def __init__(self):
        self.pool = psrpcore.ServerRunspacePool(application_private_data={"Made": "elsewhere"})
        self.pipelines = {}
        self.inputs = {}
        self.answers = []
        self.after_key = []

    def serve(self, program):
        for words in program.lines():
            if words[0] == "data":
                payload = payload_of(words)
                if payload.pipeline_id and payload.pipeline_id not in self.pipelines:
                    # Which of the two kinds it is, its first message says.
                    self.pipelines[payload.pipeline_id] = psrpcore.ServerPipeline(self.pool, payload.pipeline_id)
                self.pool.receive_data(payload)
                while event := self.pool.next_event():
                    self.event(event)
            elif words[0] == "signal":
                self.pipelines[uuid.UUID(words[1])].stop()
            elif words[0] == "end":
                self.pipelines.pop(uuid.UUID(words[1])).close()
            elif words[0] == "close":
                check(self.pipelines, {}, "pipelines that stay open")
                return
            program.flush(self.pool)

    def event(self, event):
        pipeline = self.pipelines.get(event.pipeline_id)
        if isinstance(event, psrpcore.CreatePipelineEvent):
            pipeline.start()
            self.run(pipeline, event.pipeline)
        elif isinstance(event, psrpcore.GetCommandMetadataEvent):
            pipeline.start()
            pipeline.write_output(PSCustomObject(Count=len(event.pipeline.name)))
            pipeline.write_output(PSCustomObject(Name=event.pipeline.name[0]))
            pipeline.complete()
        elif isinstance(event, psrpcore.PipelineInputEvent):
            pipeline.write_output(event.data)
        elif isinstance(event, psrpcore.EndOfPipelineInputEvent):
            pipeline.complete()
        elif isinstance(event, (psrpcore.SetMaxRunspacesEvent, psrpcore.SetMinRunspacesEvent, psrpcore.ResetRunspaceStateEvent)):
            self.pool.runspace_availability_response(event.ci, True)
        elif isinstance(event, psrpcore.GetAvailableRunspacesEvent):
            self.pool.runspace_availability_response(event.ci, 3)
        elif isinstance(event, psrpcore.PublicKeyEvent):
            for action in self.after_key:
                action()
            self.after_key = []
        elif isinstance(event, psrpcore.PipelineHostResponseEvent):
            self.answers.append((event.method_identifier.name, event.result, event.error))
            self.ask(pipeline)

    def run(self, pipeline, request):
        first = request.commands[0]
        text = first.command_text
        if text == "show":
            for command in request.commands:
                shown = [f"{name or '-'}={value}" for name, value in command.parameters]
                pipeline.write_output(f"{command.command_text} {command.is_script} {';'.join(shown)} {command.end_of_statement}")
                pipeline.write_output(f"{command.merge_error.name}")
        elif text == "streams":
            pipeline.write_output("out")
            pipeline.write_error(
                NETException(Message="bad"),
                category_info=ErrorCategoryInfo(Category=ErrorCategory.InvalidData, Activity="act", Reason="reason", TargetName="name", TargetType="type"),
                target_object="target",
                fully_qualified_error_id="My.Id",
            )
            pipeline.write_warning("warn")
            pipeline.write_verbose("verb")
            pipeline.write_debug("dbg")
            pipeline.write_information("info", "source", tags=["a", "b"], user="alice")
            pipeline.write_progress("activity", 1, "status", percent_complete=42)
        elif text in ("input", "forever"):
            if text == "forever":
                for number in range(3):
                    pipeline.write_output(number)
            return
        elif text == "fail":
            pipeline.write_output("before")
            pipeline.write_error(NETException(Message="not the end"), fully_qualified_error_id="NotTheEnd")
        elif text == "reveal":
            secret, credential = [value for _, value in first.parameters]
            pipeline.write_output(secret.decrypt())
            pipeline.write_output(f"{credential.UserName} {credential.Password.decrypt()}")
        elif text == "secret":
            pipeline.write_output(PSSecureString("server \u2603"))
        elif text == "ask-key":
            self.pool.request_key()
            self.after_key.append(lambda: (pipeline.write_output(PSSecureString("asked")), pipeline.complete()))
            return
        elif text == "host":
            self.questions = host_calls(pipeline)
            self.ask(pipeline)
            return
        else:
            pipeline.write_output(first.parameters[0][1] if first.parameters else text)
        pipeline.complete()

    def ask(self, pipeline):
        if next(self.questions, None) is None:
            pipeline.complete()


def host_calls(pipeline):
    """One of every shape of call; each that is answered is waited for."""
    host = psrpcore.ServerHostRequestor(pipeline)
    host.write_line("hello")
    host.write("text", foreground_color=psrpcore.types.ConsoleColor.Red, background_color=psrpcore.types.ConsoleColor.Blue)
    host.write_progress(3, 1, "act", "stat", percent_complete=5)
    host.set_cursor_position(4, 5)
    host.set_window_title("title")
    yield host.read_line()
    yield host.prompt_for_choice(
        "cap", "msg", [psrpcore.types.ChoiceDescription("&Yes", "help"), psrpcore.types.ChoiceDescription("&No", "help")], default_choice=1
    )
    yield host.prompt_for_multiple_choice(
        "cap", "msg", [psrpcore.types.ChoiceDescription("&A"), psrpcore.types.ChoiceDescription("&B")], default_choices=[0, 1]
    )
    yield host.prompt("cap", "msg", [psrpcore.types.FieldDescription("Name", ParameterTypeName="String")])
    yield host.read_key()
    yield host.get_buffer_contents(0, 0, 1, 1)
    yield host.read_line_as_secure_string()
    yield host.prompt_for_credential("cap", "msg", "bob", "target")


def our_client(binary, case):
    program = Program(binary, "client", case)
    server = TheirServer()
    try:
        server.serve(program)
        for _ in program.lines():
            pass
        CLIENT_CASES[case](program, server)
        program.end()
    except BrokenPipeError:
        for _ in program.lines():
            pass
        raise Wrong(f"our side ended: {program.seen('error')}") from None
    finally:
        program.watch.cancel()
        program.process.kill()


def client_open(program, server):
    check(program.seen("version"), ["2.3"], "version")
    check(program.seen("pool")[-1], "Closed", "last state")
    check((server.pool.min_runspaces, server.pool.max_runspaces), (1, 3), "limits")


def client_command(program, server):
    expected = [
        "show False Name=a name;Count=3;Force=None;-=[1, 'two'] False",
        "none",
        "second False  True",
        "Output",
        "third True  True",
        "none",
    ]
    check(program.seen("output"), expected, "output")
    check(program.seen("state"), ["Completed "], "state")


def client_streams(program, _):
    check(program.seen("output"), ["out"], "output")
    check(program.seen("error-record"), ["bad|My.Id|InvalidData: (name:type) [act], reason|target"], "error")
    check(program.seen("warning"), ["warn"], "warning")
    check(program.seen("verbose"), ["verb"], "verbose")
    check(program.seen("debug"), ["dbg"], "debug")
    check(program.seen("information"), ["info|source|a,b|alice"], "information")
    check(program.seen("progress"), ["activity|status|42"], "progress")


def client_input(program, _):
    check(program.seen("output"), ["text", "7", "x" * 9000, "@{A=1; B=two}"], "output")
    check(program.seen("state"), ["Completed "], "state")


def client_stop(program, _):
    check(program.seen("state"), ["Stopped The pipeline has been stopped."], "state")


def client_several(program, _):
    check(sorted(program.seen("output")), ["first", "second", "third"], "output")
    check(len(program.seen("state")), 3, "states")


def client_fail(program, _):
    check(program.seen("output"), ["before"], "output")
    check([text.split("|")[0] for text in program.seen("error-record")], ["not the end"], "error")


def client_secret_to_server(program, _):
    check(program.seen("output"), ["geheim \u2603", "alice pw"], "output")


def client_secret_from_server(program, _):
    check(program.seen("secret"), ["server \u2603"], "secret")


def client_key_asked_for(program, _):
    check(program.seen("secret"), ["asked"], "secret")


def client_host(program, server):
    check(program.seen("choices"), ["&Yes,&No 1"], "choices")
    calls = [text.split(" ")[0] for text in program.seen("call")]
    check(calls, ["WriteLine2", "Write2", "WriteProgress", "SetCursorPosition", "SetWindowTitle"], "calls")
    answers = {name: result for name, result, _ in server.answers}
    check(answers["ReadLine"], "typed", "ReadLine")
    check(answers["PromptForChoice"], 1, "PromptForChoice")
    check(list(answers["PromptForChoiceMultipleSelection"]), [0, 1], "PromptForChoiceMultipleSelection")
    check(dict(answers["Prompt"]), {"Name": "filled"}, "Prompt")
    check((answers["ReadKey"].VirtualKeyCode, str(answers["ReadKey"].Character)), (65, "a"), "ReadKey")
    check(answers["ReadLineAsSecureString"].decrypt(), "hidden", "ReadLineAsSecureString")
    credential = next(result for name, result, _ in server.answers if name.startswith("PromptForCredential"))
    check((credential.UserName, credential.Password.decrypt()), ("bob", "from the user"), "PromptForCredential")
    refused = next(error for name, _, error in server.answers if name == "GetBufferContents")
    check(refused.Exception.Message, "refused", "GetBufferContents")


def client_pool_calls(program, server):
    expected = ["1 Count(3)", "2 Done(true)", "3 Done(true)", "4 Done(true)"]
    check(program.seen("availability"), expected, "answers")
    check((server.pool.min_runspaces, server.pool.max_runspaces), (2, 5), "limits")


def client_metadata(program, _):
    check(program.seen("output"), ["@{Count=1}", "@{Name=Get-*}"], "output")


CLIENT_CASES = {
    "open": client_open,
    "command": client_command,
    "streams": client_streams,
    "input": client_input,
    "stop": client_stop,
    "several": client_several,
    "fail": client_fail,
    "secret-to-server": client_secret_to_server,
    "secret-from-server": client_secret_from_server,
    "key-asked-for": client_key_asked_for,
    "host": client_host,
    "pool-calls": client_pool_calls,
    "metadata": client_metadata,
}


# Their client, our server.


class TheirClient:
    def __init__(self, binary):
        self.program = Program(binary, "server")
        self.lines = self.program.lines()
        self.pool = psrpcore.ClientRunspacePool(host=HostInfo(IsHostNull=False, IsHostUINull=False, IsHostRawUINull=True), application_arguments={"Who": "psrpcore"}, max_runspaces=2)
        self.pool.open()
        self.events = []
        self.exchange()
        check(self.pool.state.name, "Opened", "state of the pool")

    def exchange(self):
        """Sends what waits and takes what comes until both sides have nothing to say."""
        while True:
            sent = 0
            while payload := self.pool.data_to_send(ROOM):
                self.program.send(payload)
                sent += 1
            if not sent:
                return
            self.take(sent)

    def take(self, answers):
        for words in self.lines:
            if words[0] == "idle":
                answers -= 1
                if not answers:
                    return
            elif words[0] == "data":
                self.pool.receive_data(payload_of(words))
                while event := self.pool.next_event():
                    self.events.append(event)
                    if isinstance(event, psrpcore.PipelineHostCallEvent):
                        self.host_call(event)

    def tell(self, line):
        self.program.write(line)
        self.take(1)
        self.exchange()

    def host_call(self, event):
        responder = psrpcore.ClientHostResponder(self.pool)
        method, ci = event.method_identifier, event.ci
        answers = {
            HostMethodIdentifier.ReadLine: lambda: responder.read_line(ci, "typed"),
            HostMethodIdentifier.ReadLineAsSecureString: lambda: responder.read_line_as_secure_string(ci, PSSecureString("hidden")),
            HostMethodIdentifier.PromptForChoice: lambda: responder.prompt_for_choice(ci, 1),
            HostMethodIdentifier.Prompt: lambda: responder.prompt(ci, {"Name": PSString("filled")}),
            HostMethodIdentifier.PromptForCredential1: lambda: responder.prompt_for_credential(ci, PSCredential("bob", "pw")),
            HostMethodIdentifier.GetBufferSize: lambda: responder.get_buffer_size(ci, 120, 50),
            HostMethodIdentifier.ReadKey: lambda: responder.read_key(ci, "a", True, psrpcore.types.ControlKeyStates.ShiftPressed, 65),
        }
        if method in answers:
            answers[method]()
        elif ci != -100:
            error = psrpcore.types.ErrorRecord(Exception=NETException(Message="refused"), CategoryInfo=ErrorCategoryInfo())
            self.pool.host_response(ci, error_record=error)

    def run(self, build, stop=False, inputs=None):
        pipeline = psrpcore.ClientPowerShell(self.pool, no_input=inputs is None)
        build(pipeline)
        pipeline.start()
        self.exchange()
        for value in inputs or []:
            pipeline.send(value)
        if inputs is not None:
            pipeline.send_eof()
            self.exchange()
        if stop:
            self.tell(f"signal {pipeline.pipeline_id}")
        events = [event for event in self.events if event.pipeline_id == pipeline.pipeline_id]
        pipeline.close()
        self.tell(f"end {pipeline.pipeline_id}")
        return events, pipeline

    def close(self):
        self.tell("close")
        check(self.pool.state.name, "Closed", "state of the pool")
        self.program.end()


def of(events, kind):
    return [event for event in events if isinstance(event, kind)]


def output(events):
    return [event.data for event in of(events, psrpcore.PipelineOutputEvent)]


def server_open(client):
    check(client.pool.their_capability.protocolversion, psrpcore.types.PSVersion("2.3"), "version")
    check(client.pool.application_private_data["Made"], "here", "private data")
    check(client.program.seen("opened")[0].split(" ")[:2], ["1", "2"], "limits")


def server_command(client):
    def build(pipeline):
        pipeline.add_command("show").add_parameter("Name", "a name").add_parameter("Count", 3).add_argument("plain")
        pipeline.add_statement().add_script("third", use_local_scope=True)

    events, pipeline = client.run(build)
    check(output(events), ["show false Name=a name;Count=3;-=plain", "third true ", "2"], "output")
    check(pipeline.state.name, "Completed", "state")


def server_streams(client):
    events, _ = client.run(lambda pipeline: pipeline.add_script("streams"))
    check(output(events), ["out"], "output")
    error = of(events, psrpcore.ErrorRecordEvent)[0].record
    check((error.Exception.Message, error.FullyQualifiedErrorId, error.CategoryInfo.Category.name), ("bad argument", "BadArgument", "InvalidArgument"), "error")
    check((error.TargetObject, error.CategoryInfo.Activity), ("target", "Test-It"), "error")
    check(of(events, psrpcore.WarningRecordEvent)[0].record.Message, "warn", "warning")
    check(of(events, psrpcore.VerboseRecordEvent)[0].record.Message, "verb", "verbose")
    check(of(events, psrpcore.DebugRecordEvent)[0].record.Message, "dbg", "debug")
    progress = of(events, psrpcore.ProgressRecordEvent)[0].record
    check((progress.Activity, progress.ActivityId, progress.PercentComplete), ("activity", 4, 42), "progress")
    information = of(events, psrpcore.InformationRecordEvent)[0].record
    check((information.MessageData, information.Source, list(information.Tags)), ("info", "source", ["a", "b"]), "information")


def server_input(client):
    values = ["text", 7, "x" * 9000, True]
    events, pipeline = client.run(lambda pipeline: pipeline.add_script("input"), inputs=values)
    check(output(events), values, "output")
    check(pipeline.state.name, "Completed", "state")


def server_stop(client):
    events, pipeline = client.run(lambda pipeline: pipeline.add_script("forever"), stop=True)
    check(output(events), [1], "output")
    check(pipeline.state.name, "Stopped", "state")
    reason = of(events, psrpcore.PipelineStateEvent)[-1].reason
    check(reason.FullyQualifiedErrorId, "PipelineStopped", "reason")


def server_several(client):
    pipelines = []
    for name in ["first", "second", "third"]:
        pipeline = psrpcore.ClientPowerShell(client.pool)
        pipeline.add_script(name)
        pipeline.start()
        pipelines.append(pipeline)
    client.exchange()
    for name, pipeline in zip(["first", "second", "third"], pipelines):
        events = [event for event in client.events if event.pipeline_id == pipeline.pipeline_id]
        check(output(events), [name], "output")
        pipeline.close()
        client.tell(f"end {pipeline.pipeline_id}")


def server_fail(client):
    events, pipeline = client.run(lambda pipeline: pipeline.add_script("fail"))
    check(pipeline.state.name, "Failed", "state")
    reason = of(events, psrpcore.PipelineStateEvent)[-1].reason
    check((reason.Exception.Message, reason.FullyQualifiedErrorId), ("it failed", "ItFailed"), "reason")


def server_secrets(client):
    client.pool.exchange_key()
    client.exchange()

    def build(pipeline):
        pipeline.add_command("reveal").add_argument(PSSecureString("geheim \u2603")).add_argument(PSCredential("alice", "pw"))

    events, _ = client.run(build)
    check(output(events), ["geheim \u2603", "pw"], "secrets to the server")
    events, _ = client.run(lambda pipeline: pipeline.add_script("secret"))
    secret, credential = output(events)
    check(secret.decrypt(), "server \u2603", "secret from the server")
    check((credential.UserName, credential.Password.decrypt()), ("bob", "c"), "credential from the server")


def server_host(client):
    client.pool.exchange_key()
    client.exchange()
    events, pipeline = client.run(lambda pipeline: pipeline.add_script("host"))
    check(pipeline.state.name, "Completed", "state")
    expected = [
        "GetBufferSize Size(Size { width: 120, height: 50 })",
        'ReadLine Text("typed")',
        "PromptForChoice Number(1)",
        "Prompt Name=filled",
        "ReadLineAsSecureString secret hidden",
        "PromptForCredential1 credential bob pw",
        "ReadKey Key(KeyInfo { virtual_key_code: 65, character: 97, control_key_state: 16, key_down: true })",
        "GetBufferContents error refused",
    ]
    check(output(events), expected, "answers")
    calls = [event.method_identifier.name for event in of(events, psrpcore.PipelineHostCallEvent) if event.ci == -100]
    check(calls, ["WriteLine2", "SetCursorPosition"], "calls without an answer")


def server_pool_calls(client):
    client.pool.set_max_runspaces(5)
    client.pool.set_min_runspaces(2)
    client.pool.get_available_runspaces()
    client.pool.reset_runspace_state()
    client.exchange()
    check((client.pool.min_runspaces, client.pool.max_runspaces), (2, 5), "limits")
    answers = of(client.events, psrpcore.SetRunspaceAvailabilityEvent) + of(client.events, psrpcore.GetRunspaceAvailabilityEvent)
    check(len(answers), 4, "answers")
    check(client.program.seen("runspaces"), ["1 5", "2 5"], "limits seen")


def server_metadata(client):
    pipeline = psrpcore.ClientGetCommandMetadata(client.pool, ["Get-*", "Set-*"])
    pipeline.start()
    client.exchange()
    check(client.program.seen("metadata"), ["Get-*,Set-*"], "names")
    check(pipeline.state.name, "Completed", "state")


SERVER_CASES = {
    "open": server_open,
    "command": server_command,
    "streams": server_streams,
    "input": server_input,
    "stop": server_stop,
    "several": server_several,
    "fail": server_fail,
    "secrets": server_secrets,
    "host": server_host,
    "pool-calls": server_pool_calls,
    "metadata": server_metadata,
}


def their_client(binary, case):
    client = TheirClient(binary)
    try:
        SERVER_CASES[case](client)
        client.close()
    finally:
        client.program.watch.cancel()
        client.program.process.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="the example pool_stdio")
    parser.add_argument("--only", help="only cases whose name contains this")
    parser.add_argument("--trace", action="store_true", help="do not catch errors")
    arguments, _ = parser.parse_known_args()
    cases = [(f"our client, {case}", our_client, case) for case in CLIENT_CASES]
    cases += [(f"our server, {case}", their_client, case) for case in SERVER_CASES]
    for name, run, case in cases:
        if arguments.only and arguments.only not in name:
            continue
        try:
            run(arguments.bin, case)
            print(f"psrpcore: {name}: passed", flush=True)
        except Exception as error:  # a failure of one case is reported, not raised
            if arguments.trace:
                raise
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            print(f"psrpcore: {name}: failed: {reason}", flush=True)


if __name__ == "__main__":
    main()
