"""A PowerShell that is not ours behind standard streams: psrpcore's server pool in the framing of `pwsh -s`.

The framing is one XML element a line: Data, Command, Signal and Close from the client, each answered by an
element of the same name with Ack. The command `echo` writes its arguments, `count` as many numbers as its
argument says, `pid` the id of the process; `wait` runs until it is stopped, and with `die` the process ends.
"""
import base64
import os
import re
import sys
import uuid

import psrpcore

POOL = uuid.UUID(int=0)
ELEMENT = re.compile(r"<(\w+)(?: Stream='\w+')? PSGuid='([^']+)'(?: />|>(.*)</Data>)")


class Server:
    def __init__(self):
        self.pool = psrpcore.ServerRunspacePool()

    def say(self, line):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    def drain(self):
        while (payload := self.pool.data_to_send(32768)) is not None:
            data = base64.b64encode(payload.data).decode()
            self.say(f"<Data Stream='Default' PSGuid='{payload.pipeline_id or POOL}'>{data}</Data>")

    def feed(self, data, pipeline):
        self.pool.receive_data(psrpcore.PSRPPayload(data, psrpcore.StreamType.default, pipeline))
        while (event := self.pool.next_event()) is not None:
            if isinstance(event, psrpcore.CreatePipelineEvent):
                self.run(self.pool.pipeline_table[event.pipeline_id], event.pipeline.commands[0])
        self.drain()

    def run(self, pipeline, command):
        pipeline.start()
        if command.command_text == "wait":
            return
        if command.command_text == "die":
            os._exit(1)
        values = [value for _, value in command.parameters]
        if command.command_text == "pid":
            values = [os.getpid()]
        if command.command_text == "count":
            values = range(values[0])
        for value in values:
            pipeline.write_output(value)
        pipeline.complete()

    def serve(self, lines):
        for line in lines:
            name, guid, data = ELEMENT.fullmatch(line.strip()).groups()
            ident = uuid.UUID(guid)
            if name == "Command":
                psrpcore.ServerPipeline(self.pool, ident)
            self.say(f"<{name}Ack PSGuid='{guid}' />")
            if name == "Data":
                self.feed(base64.b64decode(data), None if ident == POOL else ident)
            elif name == "Signal":
                self.pool.pipeline_table[ident].stop()
                self.drain()
            elif name == "Close" and ident == POOL:
                return


if __name__ == "__main__":
    Server().serve(sys.stdin)
