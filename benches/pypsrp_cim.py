"""Gets Win32_Process with pypsrp's WSMan and walks the properties; saves the answers as they came.

Prints the properties that it gets in a second by querying the host, and by handling the saved answers alone; how
many of these with their texts left as they are; and how many where lxml reads the answers in place of Python's own
reader. WSMan hands out elements: the types are the caller's, here those of the class.
Usage: pypsrp_cim.py PORT FOLDER
"""

import os
import re
import sys
import time
import warnings
import xml.etree.ElementTree as ET
from datetime import datetime

import lxml.etree
import pypsrp.wsman
from pypsrp.wsman import WSMan

W = 'http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd'
N = 'http://schemas.xmlsoap.org/ws/2004/09/enumeration'
NIL = '{http://www.w3.org/2001/XMLSchema-instance}nil'
ALL = 'http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/*'
# Seconds that something is measured for; the best round counts.
LONG = 1


TYPES = dict.fromkeys(
    'ExecutionState HandleCount KernelModeTime MaximumWorkingSetSize MinimumWorkingSetSize OtherOperationCount '
    'OtherTransferCount PageFaults PageFileUsage ParentProcessId PeakPageFileUsage PeakVirtualSize '
    'PeakWorkingSetSize Priority PrivatePageCount ProcessId QuotaNonPagedPoolUsage QuotaPagedPoolUsage '
    'QuotaPeakNonPagedPoolUsage QuotaPeakPagedPoolUsage ReadOperationCount ReadTransferCount SessionId ThreadCount '
    'UserModeTime VirtualSize WorkingSetSize WriteOperationCount WriteTransferCount'.split(), int)
TYPES |= dict.fromkeys(['CreationDate', 'InstallDate', 'TerminationDate'], datetime.fromisoformat)


def typed(item):
    """The values of an instance by name, as the class declares them."""
    return values(item, TYPES)


def values(item, types={}):
    """The values of an instance by name: text, or null, or the text of the element inside."""
    found = {}
    for child in item:
        name = child.tag.rpartition('}')[2]
        if child.get(NIL) == 'true':
            value = None
        else:
            value = ''.join(child.itertext()) if len(child) else child.text or ''
            if name in types:
                value = types[name](value)
        if name in found:
            known = found[name]
            value = [*known, value] if isinstance(known, list) else [known, value]
        found[name] = value
    return found


def query(wsman, read):
    """All instances of Win32_Process."""
    body = ET.Element('{%s}Enumerate' % N)
    ET.SubElement(body, '{%s}OptimizeEnumeration' % W)
    ET.SubElement(body, '{%s}MaxElements' % W).text = '32000'
    dialect = 'http://schemas.microsoft.com/wbem/wsman/1/WQL'
    ET.SubElement(body, '{%s}Filter' % W, Dialect=dialect).text = 'SELECT * FROM Win32_Process'
    answer, found = wsman.enumerate(ALL, body), []
    while True:
        for holder in (*answer.iter('{%s}Items' % W), *answer.iter('{%s}Items' % N)):
            found += map(read, holder)
        if any(True for space in (W, N) for _ in answer.iter('{%s}EndOfSequence' % space)):
            return found
        body = ET.Element('{%s}Pull' % N)
        ET.SubElement(body, '{%s}EnumerationContext' % N).text = next(answer.iter('{%s}EnumerationContext' % N)).text
        ET.SubElement(body, '{%s}MaxElements' % N).text = '32000'
        answer = wsman.pull(ALL, body)


def rate(wsman, read):
    """The properties that the best round gives in a second."""
    best, end = 0, time.perf_counter() + LONG
    while time.perf_counter() < end:
        began = time.perf_counter()
        count = sum(map(len, query(wsman, read)))
        best = max(best, count / (time.perf_counter() - began))
    return best


class ReadByLxml:
    """Python's own XML, but for reading."""

    fromstring = staticmethod(lxml.etree.fromstring)

    def __getattr__(self, name):
        return getattr(ET, name)


def main():
    warnings.simplefilter('ignore')
    port, folder = int(sys.argv[1]), sys.argv[2]
    wsman = WSMan('127.0.0.1', port=port, username='alice', password='Throw-away.1', ssl=False, auth='ntlm',
                  max_envelope_size=512000)
    whole = rate(wsman, typed)
    send, answers = wsman.transport.send, []

    def save(*arguments, **named):
        answers.append(send(*arguments, **named))
        return answers[-1]

    wsman.transport.send = save
    query(wsman, typed)
    for number, answer in enumerate(answers):
        with open(os.path.join(folder, f'{number}.xml'), 'wb') as file:
            file.write(answer)
    # Each answer has to speak of the request before it, so it is cut where the name of that goes.
    cut = [re.split(rb'(?<=RelatesTo>)[^<]*', answer, maxsplit=1) for answer in answers]
    turn = 0

    def replay(request, **_):
        nonlocal turn
        turn += 1
        head, tail = cut[(turn - 1) % len(cut)]
        return head + re.search(rb'MessageID>([^<]*)', request).group(1) + tail

    wsman.transport.send = replay
    own, texts = rate(wsman, typed), rate(wsman, values)
    pypsrp.wsman.ET = ReadByLxml()
    print(whole, own, texts, rate(wsman, typed))


main()
