#!/usr/bin/env python3
"""impacket as a client that the embedded host calls back: asynchronous calls of WMI with a sink.

    sinks.py --rpc HOST:PORT --user NAME --password WORD

The calls, the PDUs, the stubs and the objects are read and written by impacket's structures; the loop that serves
the host's connections is here, since impacket's own takes one interface a connection and no fragments. Prints one
line a case: `impacket sinks: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import os
import queue
import socket
import struct
import sys
import threading

try:
    from impacket.dcerpc.v5 import dcomrt, rpcrt, transport
    from impacket.dcerpc.v5.dcom import wmi
    from impacket.dcerpc.v5.dcomrt import DCOMConnection
    from impacket.dcerpc.v5.dtypes import NULL
    from impacket.uuid import generate, string_to_bin, uuidtup_to_bin
except ImportError as error:
    print(f'impacket sinks: all cases: skipped: {error}')
    sys.exit(0)

NDR = uuidtup_to_bin(('8a885d04-1ceb-11c9-9fe8-08002b104860', '2.0'))
EXPORTER = string_to_bin('99fcfec4-5260-101b-bbcb-00aa0021347a')
UNKNOWN = string_to_bin('00000131-0000-0000-c000-000000000046')
SINK = string_to_bin('7c857801-7381-11cf-884d-00aa004b2e24')
SERVED = {EXPORTER, UNKNOWN, SINK}
NOT_FOUND, CANCELLED, FAILED = 0x80041002, 0x80041032, 0x80041001
UNAVAILABLE = 0x800706BA
CASES = []


def case(function):
    CASES.append((function.__name__.replace('_', ' '), function))
    return function


def say(name, outcome):
    print(f'impacket sinks: {name}: {outcome}', flush=True)


class Exporter:
    """An exporter with its resolver and one sink, on a port of its own."""

    def __init__(self, options, listen='127.0.0.1', told=None, answer=0):
        self.options, self.answer = options, answer
        self.listener = socket.create_server((listen, 0))
        self.port = self.listener.getsockname()[1]
        self.told = told or listen
        self.oxid, self.oid = os.urandom(8), os.urandom(8)
        self.ipid, self.unknown = generate(), generate()
        self.batches, self.ends, self.progress = queue.Queue(), queue.Queue(), []
        self.released, self.accepted, self.trouble = queue.Queue(), 0, []
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()
        assert not self.trouble, self.trouble[0]

    def bindings(self):
        text = f'{self.told}[{self.port}]'.encode('utf-16le')
        units = [7, *struct.unpack(f'<{len(text) // 2}H', text), 0, 0]
        return units + [0], len(units)

    def reference(self):
        reference = dcomrt.OBJREF_STANDARD()
        reference['iid'] = SINK
        reference['std']['flags'], reference['std']['cPublicRefs'] = 0, 5
        reference['std']['oxid'] = struct.unpack('<Q', self.oxid)[0]
        reference['std']['oid'] = struct.unpack('<Q', self.oid)[0]
        reference['std']['ipid'] = self.ipid
        units, security = self.bindings()
        reference['saResAddr'] = struct.pack(f'<HH{len(units)}H', len(units), security, *units)
        return reference.getData()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        contexts, stub = {}, b''
        try:
            while True:
                head = self.read(connection, 16)
                if head is None:
                    return
                pdu = head + self.read(connection, struct.unpack_from('<H', head, 8)[0] - 16)
                header = rpcrt.MSRPCHeader(pdu)
                if header['type'] in (rpcrt.MSRPC_BIND, rpcrt.MSRPC_ALTERCTX):
                    connection.sendall(self.bind(header, contexts))
                elif header['type'] == rpcrt.MSRPC_REQUEST:
                    request = rpcrt.MSRPCRequestHeader(pdu)
                    stub += request['pduData']
                    if request['flags'] & rpcrt.PFC_LAST_FRAG:
                        answer = rpcrt.MSRPCRespHeader()
                        answer['call_id'], answer['ctx_id'] = request['call_id'], request['ctx_id']
                        answer['pduData'] = self.call(contexts[request['ctx_id']], request, stub)
                        answer['alloc_hint'] = len(answer['pduData'])
                        connection.sendall(answer.get_packet())
                        stub = b''
        except Exception as error:
            self.trouble.append(f'{type(error).__name__}: {error}')
        finally:
            connection.close()

    @staticmethod
    def read(connection, count):
        data = b''
        while len(data) < count:
            try:
                part = connection.recv(count - len(data))
            except OSError:
                part = b''
            if not part:
                return None
            data += part
        return data

    def bind(self, header, contexts):
        bind = rpcrt.MSRPCBind(header['pduData'])
        answer = rpcrt.MSRPCBindAck()
        answer['type'] = rpcrt.MSRPC_BINDACK
        answer['call_id'], answer['flags'] = header['call_id'], 3
        answer['max_tfrag'], answer['max_rfrag'], answer['assoc_group'] = 4280, 4280, 1
        answer['SecondaryAddr'], answer['SecondaryAddrLen'] = str(self.port), len(str(self.port)) + 1
        items, results = bind['ctx_items'], b''
        for _ in range(bind['ctx_num']):
            item = rpcrt.CtxItem(items)
            items = items[len(item):]
            result = rpcrt.CtxItemResult()
            interface = item['AbstractSyntax'][:16]
            fits = item['TransferSyntax'] == NDR and interface in SERVED
            result['Result'], result['Reason'] = (0, 0) if fits else (2, 1)
            result['TransferSyntax'] = NDR if fits else b'\0' * 20
            if fits:
                contexts[item['ContextID']] = interface
            results += result.getData()
        answer['ctx_num'], answer['ctx_items'] = bind['ctx_num'], results
        answer['Pad'] = b'\0' * ((4 - (answer['SecondaryAddrLen'] + 26) % 4) % 4)
        answer['frag_len'] = len(answer.getData())
        return answer.getData()

    def call(self, interface, request, stub):
        opnum = request['op_num']
        if (interface, opnum) == (EXPORTER, 4):
            asked = dcomrt.ResolveOxid2(stub)
            assert asked['pOxid'] == struct.unpack('<Q', self.oxid)[0], 'another OXID'
            answer = dcomrt.ResolveOxid2Response()
            units, security = self.bindings()
            answer['ppdsaOxidBindings']['wNumEntries'] = len(units)
            answer['ppdsaOxidBindings']['wSecurityOffset'] = security
            answer['ppdsaOxidBindings']['aStringArray'] = units
            answer['pipidRemUnknown'], answer['pAuthnHint'] = self.unknown, 1
            answer['pComVersion']['MajorVersion'], answer['pComVersion']['MinorVersion'] = 5, 7
            answer['ErrorCode'] = 0
            return answer.getData()
        if (interface, opnum) == (UNKNOWN, 5):
            assert request['uuid'] == self.unknown, 'another IRemUnknown'
            released = dcomrt.RemRelease(stub)
            for reference in released['InterfaceRefs']:
                assert reference['ipid'] == self.ipid, 'another IPID'
                self.released.put(reference['cPublicRefs'])
            return self.result(dcomrt.RemReleaseResponse(), 0)
        assert interface == SINK and request['uuid'] == self.ipid, 'another object'
        if opnum == 3:
            indicate = wmi.IWbemObjectSink_Indicate(stub)
            objects = [b''.join(pointer['abData']) for pointer in indicate['apObjArray']]
            assert indicate['lObjectCount'] == len(objects), 'another count'
            self.batches.put([self.object(data) for data in objects])
            return self.result(wmi.IWbemObjectSink_IndicateResponse(), self.answer)
        status = wmi.IWbemObjectSink_SetStatus(stub)
        text = status['strParam']['asData'] if status.fields['strParam'].fields['ReferentID'] else None
        error = None
        if status.fields['pObjParam'].fields['ReferentID']:
            error = self.object(b''.join(status['pObjParam']['abData'])).getProperties()
        if status['lFlags'] == 2:
            self.progress.append(status['hResult'] & 0xffffffff)
        else:
            self.ends.put((status['lFlags'], status['hResult'] & 0xffffffff, text, error))
        return self.result(wmi.IWbemObjectSink_SetStatusResponse(), 0)

    def object(self, data):
        target = self.options.host
        return wmi.IWbemClassObject(dcomrt.INTERFACE(None, data, b'\0' * 16, target=target))

    @staticmethod
    def result(answer, code):
        answer['ORPCthat']['flags'], answer['ORPCthat']['extensions'] = 0, NULL
        answer['ErrorCode'] = code
        return answer.getData()

    def finish(self):
        """What came until the last word, and that."""
        end = self.ends.get(timeout=60)
        objects = []
        while not self.batches.empty():
            objects += self.batches.get()
        assert end[0] == 0, f'status {end[0]}'
        assert self.released.get(timeout=60) >= 5
        return objects, end


class Session:
    """A namespace of the host, and calls with sinks."""

    def __init__(self, options, namespace):
        self.dcom = DCOMConnection(options.host, options.user, options.password,
                                   authLevel=rpcrt.RPC_C_AUTHN_LEVEL_PKT_PRIVACY)
        login = wmi.IWbemLevel1Login(self.dcom.CoCreateInstanceEx(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login))
        self.services = login.NTLMLogin(namespace, NULL, NULL)
        login.RemRelease()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.services.RemRelease()
        self.dcom.disconnect()

    def call(self, request, sink, texts=(), field='pResponseHandler', **numbers):
        for name, text in texts:
            request[name]['asData'] = text
        for name, number in numbers.items():
            request[name] = number
        data = sink.reference()
        request[field]['ulCntData'], request[field]['abData'] = len(data), list(data)
        try:
            answer = self.services.request(request, iid=self.services._iid, uuid=self.services.get_iPid())
        except Exception as error:
            return error.get_error_code() & 0xffffffff
        return answer['ErrorCode']

    def query(self, text, sink, kind=wmi.IWbemServices_ExecQueryAsync, flags=0):
        texts = [('strQueryLanguage', 'WQL'), ('strQuery', text)]
        return self.call(kind(), sink, texts, lFlags=flags, pCtx=NULL)


def values(properties, *names):
    return tuple(properties[name]['value'] for name in names)


@case
def exec_query_async_delivers_what_exec_query_finds(options):
    text = 'SELECT Number, IsOdd, Text FROM Test_Number WHERE Number <= 150'
    with Session(options, '//./root/test') as session:
        sink = Exporter(options)
        assert session.query(text, sink) == 0
        objects, (_, result, path, error) = sink.finish()
        assert (result, path, error) == (0, None, None)
        enumeration = session.services.ExecQuery(text)
        fetched = [enumeration.Next(0xffffffff, 1)[0] for _ in range(150)]
        enumeration.RemRelease()
        names = ('Number', 'IsOdd', 'Text')
        seen = [values(found.getProperties(), *names) for found in objects]
        assert seen == [values(found.getProperties(), *names) for found in fetched], seen[:3]
        sink.close()


@case
def instances_and_classes_are_enumerated(options):
    with Session(options, '//./root/test') as session:
        sink = Exporter(options)
        request = wmi.IWbemServices_CreateInstanceEnumAsync()
        assert session.call(request, sink, [('strSuperClass', 'Test_Item')], lFlags=0, pCtx=NULL) == 0
        objects, end = sink.finish()
        names = {values(found.getProperties(), 'Name')[0] for found in objects}
        assert end[1] == 0 and {'first', 'second'} <= names, names
        sink.close()
        sink = Exporter(options)
        request = wmi.IWbemServices_CreateClassEnumAsync()
        assert session.call(request, sink, [('strSuperClass', '__Event')], lFlags=0, pCtx=NULL) == 0
        objects, end = sink.finish()
        assert end[1] == 0 and any('__InstanceCreationEvent' in found.getClassName() for found in objects)
        sink.close()


@case
def get_object_async_and_its_failure(options):
    with Session(options, '//./root/test') as session:
        for path, result, count in (('Test_Number.Number=7', 0, 1), ('Test_Number.Number=0', NOT_FOUND, 0)):
            sink = Exporter(options)
            request = wmi.IWbemServices_GetObjectAsync()
            assert session.call(request, sink, [('strObjectPath', path)], lFlags=0, pCtx=NULL) == 0
            objects, end = sink.finish()
            assert (end[1], len(objects)) == (result, count), end
            if result:
                assert values(end[3], 'Operation', 'StatusCode') == ('GetObject', NOT_FOUND), end[3]
            sink.close()


@case
def delete_instance_async_and_exec_method_async_say_how_it_ended(options):
    with Session(options, '//./root/test') as session:
        sink = Exporter(options)
        request = wmi.IWbemServices_DeleteInstanceAsync()
        path = [('strObjectPath', 'Test_Item.Name="nobody"')]
        assert session.call(request, sink, path, lFlags=0, pCtx=NULL) == 0
        assert sink.finish()[1][1] == NOT_FOUND
        sink.close()
        sink = Exporter(options)
        texts = [('strObjectPath', 'Test_Methods.Id="one"'), ('strMethodName', 'Reset')]
        request = wmi.IWbemServices_ExecMethodAsync()
        assert session.call(request, sink, texts, lFlags=0, pCtx=NULL, pInParams=NULL) == 0
        objects, end = sink.finish()
        assert (end[1], len(objects)) == (0, 1), end
        sink.close()


@case
def progress_is_told_on_request(options):
    with Session(options, '//./root/test') as session:
        sink = Exporter(options)
        assert session.query('SELECT Number FROM Test_Number WHERE Number <= 250', sink, flags=0x80) == 0
        objects, end = sink.finish()
        assert (len(objects), end[1], sink.progress) == (250, 0, [100, 200, 250]), sink.progress
        sink.close()


@case
def events_come_until_the_call_is_cancelled(options):
    with Session(options, '//./root/cimv2') as session:
        sink = Exporter(options)
        text = "SELECT * FROM __InstanceModificationEvent WITHIN 1 WHERE TargetInstance ISA 'Win32_OperatingSystem'"
        assert session.query(text, sink, wmi.IWbemServices_ExecNotificationQueryAsync) == 0
        event = sink.batches.get(timeout=60)[0]
        assert 'TargetInstance' in event.getProperties()
        cancel = wmi.IWbemServices_CancelAsyncCall()
        assert session.call(cancel, sink, field='IWbemObjectSink') == 0
        _, end = sink.finish()
        assert end[1] == CANCELLED, end
        assert session.call(wmi.IWbemServices_CancelAsyncCall(), sink, field='IWbemObjectSink') == NOT_FOUND
        sink.close()


@case
def a_sink_that_refuses_is_left_alone(options):
    with Session(options, '//./root/test') as session:
        sink = Exporter(options, answer=FAILED)
        assert session.query('SELECT * FROM Test_Number', sink) == 0
        objects, end = sink.finish()
        assert (len(objects), end[1]) == (100, CANCELLED), (len(objects), end)
        sink.close()


@case
def an_address_that_is_not_the_callers_is_not_called(options):
    with Session(options, '//./root/test') as session:
        sink = Exporter(options, listen='127.0.0.2')
        assert session.query('SELECT * FROM Test_Number', sink) == UNAVAILABLE
        assert sink.accepted == 0
        sink.close()
        # The port of a foreign address is taken, at the caller's own.
        sink = Exporter(options, told='192.0.2.1')
        assert session.query('SELECT * FROM Test_Number WHERE Number = 1', sink) == 0
        assert len(sink.finish()[0]) == 1
        sink.close()


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
        except Exception as error:
            say(name, f'failed: {type(error).__name__}: {error}'.replace('\n', ' ')[:300])
        else:
            say(name, 'passed')


if __name__ == '__main__':
    main()
    # impacket's timers must not keep the process alive.
    sys.stdout.flush()
    os._exit(0)
