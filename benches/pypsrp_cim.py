"""Gets Win32_Process with pypsrp's WSMan and walks the properties; saves the answers as they came.

Prints the properties that it gets in a second by querying the host, and by handling the saved answers alone.
Usage: pypsrp_cim.py PORT FOLDER
"""

import os
import re
import sys
import time
import warnings
import xml.etree.ElementTree as ET

from pypsrp.wsman import WSMan

W = 'http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd'
N = 'http://schemas.xmlsoap.org/ws/2004/09/enumeration'
NIL = '{http://www.w3.org/2001/XMLSchema-instance}nil'
ALL = 'http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/*'
ROUNDS = 20


def values(item):
    """The values of an instance by name: text, or null, or the text of the element inside."""
    found = {}
    for child in item:
        value = None if child.get(NIL) == 'true' else ''.join(child.itertext())
        name = child.tag.rpartition('}')[2]
        if name in found:
            known = found[name]
            value = [*known, value] if isinstance(known, list) else [known, value]
        found[name] = value
    return found


def query(wsman):
    """All instances of Win32_Process."""
    body = ET.Element('{%s}Enumerate' % N)
    ET.SubElement(body, '{%s}OptimizeEnumeration' % W)
    ET.SubElement(body, '{%s}MaxElements' % W).text = '32000'
    dialect = 'http://schemas.microsoft.com/wbem/wsman/1/WQL'
    ET.SubElement(body, '{%s}Filter' % W, Dialect=dialect).text = 'SELECT * FROM Win32_Process'
    answer, found = wsman.enumerate(ALL, body), []
    while True:
        for holder in (*answer.iter('{%s}Items' % W), *answer.iter('{%s}Items' % N)):
            found += map(values, holder)
        if any(True for space in (W, N) for _ in answer.iter('{%s}EndOfSequence' % space)):
            return found
        body = ET.Element('{%s}Pull' % N)
        ET.SubElement(body, '{%s}EnumerationContext' % N).text = next(answer.iter('{%s}EnumerationContext' % N)).text
        ET.SubElement(body, '{%s}MaxElements' % N).text = '32000'
        answer = wsman.pull(ALL, body)


def rate(wsman):
    """The properties that the best of some rounds gives in a second."""
    best = 0
    for _ in range(ROUNDS):
        began = time.perf_counter()
        count = sum(map(len, query(wsman)))
        best = max(best, count / (time.perf_counter() - began))
    return best


def main():
    warnings.simplefilter('ignore')
    port, folder = int(sys.argv[1]), sys.argv[2]
    wsman = WSMan('127.0.0.1', port=port, username='alice', password='Throw-away.1', ssl=False, auth='ntlm',
                  max_envelope_size=512000)
    whole = rate(wsman)
    send, answers = wsman.transport.send, []

    def save(*arguments, **named):
        answers.append(send(*arguments, **named))
        return answers[-1]

    wsman.transport.send = save
    query(wsman)
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
    print(whole, rate(wsman))


main()
