#!/usr/bin/env python3
"""Recorded answers of Windows against those of the embedded host, once it holds the same instances.

    recorded_host.py --bin PROGRAM

The host is loaded with the instances that a real server gave for `SELECT * FROM CLASS`. pypsrp asks it the
same again, and for some properties alone; lxml reads the recording and the answer, and both have to hold the
same elements with the same values. So it is with the requests of Microsoft's MI client and the answers that its
CIM server gave. The conversation is also captured: tshark must find no malformed XML, and xmllint must find the
envelopes valid by the schemas of SOAP 1.2 and WS-Addressing. Prints one line a case: `PEER: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET

import requests
from lxml import etree
from pypsrp.wsman import WSMan

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import lxml_cim  # noqa: E402
import pypsrp_peer  # noqa: E402
import pypsrp_wsman  # noqa: E402
import schemas  # noqa: E402

DATA = os.path.join(HERE, '../../target/fixtures/txwinrm-1.1.18/txwinrm/test/data')
W = 'http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd'
N = 'http://schemas.xmlsoap.org/ws/2004/09/enumeration'
WQL = 'http://schemas.microsoft.com/wbem/wsman/1/WQL'
ALL = 'http://schemas.microsoft.com/wbem/wsman/1/wmi/root/recorded/*'
TEST = 'http://schemas.microsoft.com/wbem/wsman/1/wmi/root/test/*'


class Host:
    def __init__(self, program, files):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([program, *files], stdin=pipe, stdout=pipe, text=True)
        self.address = json.loads(self.process.stdout.readline())['http']

    def client(self):
        host, port = self.address.rsplit(':', 1)
        return WSMan(host, port=int(port), username='alice', password='Pa55w0rd.1', ssl=False, auth='basic',
                     encryption='never', max_envelope_size=512000)

    def resident(self, what):
        with open(f'/proc/{self.process.pid}/status') as status:
            return int(re.search(rf'{what}:\s+(\d+) kB', status.read()).group(1))

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)


def query(client, resource, text, envelopes=None, count=32000):
    """All items of a query, read by lxml."""
    body = ET.Element('{%s}Enumerate' % N)
    ET.SubElement(body, '{%s}OptimizeEnumeration' % W)
    ET.SubElement(body, '{%s}MaxElements' % W).text = str(count)
    ET.SubElement(body, '{%s}Filter' % W, Dialect=WQL).text = text
    action, found = 'Enumerate', 0
    while True:
        envelope = client.invoke(f'{N}/{action}', resource, body)
        document = etree.fromstring(ET.tostring(envelope))
        if envelopes is not None:
            envelopes.append(ET.tostring(envelope))
        for holder in document.iter('{%s}Items' % W, '{%s}Items' % N):
            yield from holder
        if document.find('.//{%s}EndOfSequence' % W) is not None or \
                document.find('.//{%s}EndOfSequence' % N) is not None:
            return
        context = document.findtext('.//{%s}EnumerationContext' % N)
        action, body = 'Pull', ET.Element('{%s}Pull' % N)
        ET.SubElement(body, '{%s}EnumerationContext' % N).text = context
        ET.SubElement(body, '{%s}MaxElements' % N).text = str(count)


def recorded(files):
    """The instances in recordings, by class, as lxml finds them."""
    found = {}
    for file in files:
        for element in lxml_cim.instances(etree.parse(file, lxml_cim.PARSER).getroot()):
            described = lxml_cim.describe(element)
            found.setdefault(described['class'], []).append(described)
    return found


def by_name(described):
    return {name.lower(): value for name, value in described['properties']}


def compare(expected, answered):
    assert len(expected) == len(answered), f'{len(expected)} instances, ours {len(answered)}'
    for theirs, ours in zip(expected, answered):
        theirs, ours = by_name(theirs), by_name(ours)
        for name, value in theirs.items():
            assert ours.get(name) == value, f'{name} = {value!r}, ours {ours.get(name)!r}'
        extra = {name: value for name, value in ours.items() if name not in theirs and value is not None}
        assert not extra, f'only ours: {extra}'


def report(peer, name, run):
    try:
        run()
        print(f'{peer}: {name}: passed', flush=True)
    except Exception as error:
        words = ' '.join(f'{type(error).__name__}: {error}'.split())
        print(f'{peer}: {name}: failed: {words[:300]}', flush=True)


def recordings(program, system, folder, envelopes):
    files = sorted(glob.glob(os.path.join(folder, '*_star_*.xml')))
    expected = recorded(files)
    host = Host(program, files)
    try:
        client = host.client()
        for class_name, instances in sorted(expected.items()):
            if not class_name:
                continue

            def whole():
                found = query(client, ALL, f'SELECT * FROM {class_name}', envelopes)
                compare(instances, [lxml_cim.describe(item) for item in found])

            def projected():
                with open(os.path.join(folder, f'{class_name}.properties')) as names:
                    wanted = [name for name in re.split(r'[\s,]+', names.read()) if name]
                known = {name.lower() for instance in instances for name, _ in instance['properties']}
                wanted = [name for name in wanted if name.lower() in known]
                found = query(client, ALL, f'SELECT {",".join(wanted)} FROM {class_name}', envelopes)
                lower = {name.lower() for name in wanted}
                cut = [{'class': '', 'properties': [pair for pair in instance['properties'] if pair[0].lower() in lower]}
                       for instance in instances]
                compare(cut, [lxml_cim.describe(item) for item in found])

            report('Windows recordings', f'{system} {class_name}', whole)
            if os.path.exists(os.path.join(folder, f'{class_name}.properties')):
                report('Windows recordings', f'{system} {class_name}, some properties', projected)
    finally:
        host.close()


OMI = os.path.join(HERE, '../../fixtures/recorded/omi')
# Recorded requests for instances, and for what is not there: which recording holds the instances, the keys of
# the class, and the CIM status of the fault.
OMI_ANSWERS = ('after-create', 'all-types', 'dmtf-types', 'enumerate-numbers', 'get', 'null-properties',
               'person-enumerate', 'person-get', 'query')
OMI_FAULTS = {'badnamespace': ('get', '3'), 'get-missing': ('get', '6'), 'query-bad': ('get', '15'),
              'invoke-missing': ('get', '17')}
KEYS = ('X_SmallNumber:Number', 'MSFT_Person:Key,Species', 'MSFT_President:Key')


def bodies(case, side):
    """The bodies that one side of a recording sent."""
    text = ''
    with open(os.path.join(OMI, f'{case}.jsonl'), encoding='utf-8') as lines:
        for record in map(json.loads, lines):
            if (record['from'] == 'client') == (side == 'client') and record['data']:
                text += record['data']
    found, data = [], text.encode()
    while b'\r\n\r\n' in data:
        head, rest = data.split(b'\r\n\r\n', 1)
        length = re.search(rb'Content-Length: *(\d+)', head)
        length = int(length.group(1)) if length else 0
        found.append(rest[:length].decode())
        data = rest[length:]
    return [body for body in found if body]


class Omi:
    """A host that holds what one recording of Microsoft's CIM server gave."""

    def __init__(self, program, source):
        self.folder = tempfile.TemporaryDirectory()
        files = []
        for number, body in enumerate(bodies(source, 'server')):
            files.append(os.path.join(self.folder.name, f'{number}.xml'))
            with open(files[-1], 'w', encoding='utf-8') as file:
                file.write(body)
        self.host = Host(program, [*KEYS, *files])

    def post(self, body):
        known = re.sub(r'(__cimnamespace">)(?!root/nosuch)[^<]*', r'\1root/recorded', body)
        known = re.sub(r'/wmi/(test/cpp|root/test)/', '/wmi/root/recorded/', known)
        answer = requests.post(f'http://{self.host.address}/wsman/', data=known.encode(), timeout=60,
                               auth=('alice', 'Pa55w0rd.1'),
                               headers={'Content-Type': 'application/soap+xml;charset=UTF-8'})
        return etree.fromstring(answer.content)

    def close(self):
        self.host.close()
        self.folder.cleanup()


def omi(program):
    def found_in(document):
        return [lxml_cim.describe(element) for element in lxml_cim.instances(document)]

    def answered(case):
        host = Omi(program, case)
        try:
            expected = []
            for body in bodies(case, 'server'):
                expected += found_in(etree.fromstring(body.encode()))
            asked = bodies(case, 'client')
            ours, request, last = [], asked[0], asked[-1]
            while True:
                document = host.post(request)
                ours += found_in(document)
                context = document.findtext('.//{%s}EnumerationContext' % N)
                ended = [tag for tag in document.iter('{%s}EndOfSequence' % W, '{%s}EndOfSequence' % N)]
                if ended or not context:
                    break
                request = re.sub(r'(EnumerationContext[^>]*>)[^<]*', rf'\g<1>{context}', last)
                assert 'Pull' in request, 'the answer was in one page'
            compare(expected, ours)
        finally:
            host.close()

    def refused(case, source, status):
        host = Omi(program, source)
        try:
            document = host.post(bodies(case, 'client')[0])
            recorded_status = [e.text for e in etree.fromstring(bodies(case, 'server')[0].encode()).iter()
                               if isinstance(e.tag, str) and etree.QName(e).localname == 'CIMStatusCode']
            ours = [e.text for e in document.iter()
                    if isinstance(e.tag, str) and etree.QName(e).localname == 'CIMStatusCode']
            assert ours == [status or recorded_status[0]], f'{recorded_status}, ours {ours}'
        finally:
            host.close()

    for case in OMI_ANSWERS:
        report("Microsoft's MI client", f'{case} is answered as its own server did', lambda: answered(case))
    for case, (source, status) in OMI_FAULTS.items():
        report("Microsoft's MI client", f'{case} is refused', lambda: refused(case, source, status))


def flat_memory(program):
    host = Host(program, [])
    try:
        client = host.client()
        before = None
        count = 0
        for item in query(client, TEST, 'SELECT * FROM Test_Number'):
            count += 1
            if count == 5_000:
                before = host.resident('VmHWM')
            item.clear()
        after = host.resident('VmHWM')
        assert count == 100_000, count
        assert after - before < 8192, f'{before} kB after 5,000 instances, {after} kB after 100,000'
        print(f'# resident: {before} kB after 5,000 instances, {after} kB after 100,000', flush=True)
    finally:
        host.close()


# Operations that this host does not allow, or that say nothing that others do not.
ELSEWHERE = ('process_is_created_and_ended', 'listeners_are_created_changed_and_removed', 'configuration',
             'gathered_events', 'a_large_enumeration_comes_whole')


class Readable(pypsrp_wsman.Peer):
    """pypsrp over HTTP that everybody can read."""

    def __init__(self, host):
        self.client = host.client
        self.wsman = self.client()


def dissect(program):
    """tshark reads each operation as it went over the loopback."""
    tshark = shutil.which('tshark')
    if not tshark:
        print('tshark: operations of CIM: skipped: no tshark on this computer', flush=True)
        return
    host = Host(program, [])
    port = host.address.rsplit(':', 1)[1]
    with tempfile.TemporaryDirectory() as folder:
        capture = os.path.join(folder, 'capture.pcapng')
        recorder = subprocess.Popen([tshark, '-q', '-i', 'lo', '-f', f'tcp port {port}', '-w', capture],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            for line in recorder.stderr:
                if 'Capturing on' in line:
                    break
            else:
                print('tshark: operations of CIM: skipped: it may not capture here', flush=True)
                return
            time.sleep(1)
            peer = Readable(host)
            for operation in pypsrp_peer.CASES:
                if operation.__name__ not in ELSEWHERE:
                    operation(peer)
            time.sleep(1)
        finally:
            recorder.terminate()
            recorder.wait()
            host.close()

        def run():
            read = [tshark, '-r', capture, '-d', f'tcp.port=={port},http', '-Y', 'xml', '-T', 'fields',
                    '-e', 'xml.tag', '-e', '_ws.malformed', '-e', 'http.content_type']
            done = subprocess.run(read, capture_output=True, text=True, timeout=120)
            lines = [line for line in done.stdout.splitlines() if line]
            assert len(lines) >= 100, f'{len(lines)} messages with XML: {done.stderr[:200]}'
            bad = [line for line in lines if 'alformed' in line]
            assert not bad, bad[0][:200]

        report('tshark', 'no malformed XML in the operations of CIM', run)


def valid(envelopes):
    xmllint = shutil.which('xmllint')
    if not xmllint:
        print('xmllint: envelopes: skipped: no xmllint on this computer', flush=True)
        return

    def run(envelopes, *how):
        for envelope in envelopes:
            done = subprocess.run([xmllint, '--noout', '--nonet', *how, '-'], input=envelope, capture_output=True)
            assert done.returncode == 0, done.stderr[:200]

    def untyped(envelope):
        """An envelope that names no types of classes: their schemas are nowhere."""
        document = etree.fromstring(envelope)
        for element in document.iter():
            element.attrib.pop('{http://www.w3.org/2001/XMLSchema-instance}type', None)
        return etree.tostring(document)

    report('xmllint', f'{len(envelopes)} envelopes are well-formed', lambda: run(envelopes))
    try:
        schema = schemas.envelope_schema()
    except subprocess.CalledProcessError as error:
        print(f'xmllint: envelopes against schemas: skipped: {schemas.PACKAGES} cannot be had: {error}', flush=True)
        return
    bare = [untyped(envelope) for envelope in envelopes]
    report('xmllint', f'{len(envelopes)} envelopes are valid', lambda: run(bare, '--schema', schema))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--bin', required=True)
    program = parser.parse_args().bin
    envelopes = []
    if os.path.isdir(DATA):
        for folder in sorted(glob.glob(os.path.join(DATA, 'server_*'))):
            recordings(program, os.path.basename(folder), folder, envelopes)
    else:
        print('Windows recordings: all cases: skipped: run cargo xtask fixtures', flush=True)
    omi(program)
    report('pypsrp', '100,000 instances from the host with flat memory', lambda: flat_memory(program))
    dissect(program)
    valid(envelopes[:50])


main()
