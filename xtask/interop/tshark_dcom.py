#!/usr/bin/env python3
"""tshark reads our own conversations over DCOM, signed and readable, and sealed with the password at hand.

    tshark_dcom.py --bin PROGRAM

PROGRAM is the example `dcom_conversation` of the crate `windlass`. No packet may be malformed, and the interfaces
that tshark knows have to show their calls; those of WMI it shows as PDUs alone. Of what is sealed, tshark decrypts
one PDU a frame and loses the keystream with the next in it, so that it gets each in a frame of its own. Prints
`tshark: CASE: outcome`.
"""
import argparse
import collections
import contextlib
import itertools
import os
import shutil
import struct
import subprocess
import tempfile
import time

# What tshark calls the interfaces, and the methods that have to be among the calls.
KNOWN = {
    'ISystemActivator': ['RemoteCreateInstance'],
    'IRemUnknown2': ['RemQueryInterface', 'RemRelease'],
}
# How tshark is told the password of the conversation.
KEYS = ('-o', 'ntlmssp.nt_password:Pa55w0rd.1')


class Malformed(Exception):
    """There are packets that tshark cannot read."""


def report(name, outcome):
    print(f'tshark: {name}: {outcome}', flush=True)


@contextlib.contextmanager
def recording(tshark, port, capture):
    """Captures what goes through a port; gives whether that is allowed."""
    recorder = subprocess.Popen([tshark, '-q', '-i', 'lo', '-f', f'tcp port {port}', '-w', capture],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        is_allowed = any('Capturing on' in line for line in iter(recorder.stderr.readline, ''))
        time.sleep(1)
        yield is_allowed
        time.sleep(1)
    finally:
        recorder.terminate()
        recorder.wait()


def converse(tshark, program, level, provider, capture):
    """Captures a conversation; gives the port, or None where capturing is not allowed."""
    talker = subprocess.Popen([program, level, provider], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    port = talker.stdout.readline().strip()
    with recording(tshark, port, capture) as is_allowed:
        if not is_allowed:
            talker.kill()
            return None
        said, _ = talker.communicate('go\n', timeout=120)
        assert talker.returncode == 0, f'the conversation ended with {talker.returncode} after {said[-200:]}'
    return port


def fields(tshark, capture, port, what, *names, keys=KEYS):
    read = [tshark, '-r', capture, '-d', f'tcp.port=={port},dcerpc', *keys, '-Y', what, '-T', 'fields']
    for name in names:
        read += ['-e', name]
    done = subprocess.run(read, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-300:]
    return [line.split('\t') for line in done.stdout.splitlines()]


def one_a_frame(tshark, capture, port, cut):
    """Writes the PDUs of a capture into another, each in a frame of its own."""
    held, ends, clock = collections.defaultdict(bytes), {}, itertools.count()
    with open(cut, 'wb') as file:
        # pcap, of IPv4 without a link.
        file.write(struct.pack('<IHHiIII', 0xA1B2C3D4, 2, 4, 0, 0, 0xFFFF, 101))
        for source, target, start, payload in fields(tshark, capture, port, 'tcp.len > 0', 'tcp.srcport',
                                                     'tcp.dstport', 'tcp.seq', 'tcp.payload'):
            way, start, data = (int(source), int(target)), int(start), bytes.fromhex(payload)
            end = ends.setdefault(way, start)
            assert start <= end, 'bytes are missing in the capture'
            # What was sent once more is there already.
            data = held[way] + data[end - start:]
            ends[way] = max(end, start + len(bytes.fromhex(payload)))
            while len(data) >= 10 and len(data) >= (size := int.from_bytes(data[8:10], 'little')):
                at = ends[way] - len(data)
                tcp = struct.pack('>HHIIBBHHH', *way, at, ends.get(way[::-1], 0), 0x50, 0x18, 0xFFFF, 0, 0)
                ip = struct.pack('>BBHHHBBHII', 0x45, 0, 40 + size, 0, 0, 64, 6, 0, 0x7F000001, 0x7F000001)
                length, now = 40 + size, next(clock)
                file.write(struct.pack('<IIII', now // 1000, now % 1000 * 1000, length, length) + ip + tcp + data[:size])
                data = data[size:]
            held[way] = data


def look(tshark, capture, port, level, keys=KEYS, least=100):
    calls = fields(tshark, capture, port, 'dcerpc', '_ws.col.Protocol', '_ws.col.Info', 'frame.number', keys=keys)
    assert len(calls) > least, f'{len(calls)} PDUs'
    bad = fields(tshark, capture, port, '_ws.malformed || _ws.short', 'frame.number',
                 '_ws.col.Protocol', '_ws.col.Info', keys=keys)
    if bad:
        raise Malformed(f'{len(bad)} malformed, the first: {bad[0]}')
    seen = collections.defaultdict(set)
    for protocol, info, _ in calls:
        seen[protocol].add(info.split(' ')[0])
    shown = []
    for interface, methods in KNOWN.items():
        names = {name.lower() for key, found in seen.items() if key.lower() == interface.lower() for name in found}
        missing = [method for method in methods if method.lower() not in names]
        assert not missing, f'{interface} without {missing}, with {sorted(names)}'
        shown.append(interface)
    if level == 'privacy':
        opened = len(fields(tshark, capture, port, 'dcerpc.decrypted_stub_data', 'frame.number', keys=keys))
        assert opened > least // 2, f'{opened} PDUs were decrypted'
        shown.append(f'{opened} decrypted')
    return f'{len(calls)} PDUs, {", ".join(shown)}'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--bin', required=True)
    parser.add_argument('--keep', default='', help='a folder to leave the captures in')
    options, _ = parser.parse_known_args()
    tshark = shutil.which('tshark')
    if not tshark:
        report('all cases', 'skipped: no tshark on this computer')
        return
    with tempfile.TemporaryDirectory() as folder:
        folder = options.keep or folder
        for level, provider in itertools.product(('integrity', 'privacy'), ('ntlm', 'negotiate')):
            name = f'every operation over DCOM, {provider}, {level}'
            capture = os.path.join(folder, f'{provider}-{level}.pcapng')
            try:
                port = converse(tshark, options.bin, level, provider, capture)
                if port is None:
                    report(name, 'skipped: it may not capture here')
                    continue
                if level == 'privacy':
                    cut = os.path.join(folder, f'{provider}-{level}.pcap')
                    one_a_frame(tshark, capture, port, cut)
                    capture = cut
                found = look(tshark, capture, port, level)
            except Malformed as error:
                # The keystream runs through the verifiers. With Samba on both ends tshark loses it just as well.
                if (level, provider) == ('privacy', 'negotiate'):
                    report(name, f'skipped: tshark decrypts no verifiers of NTLM within SPNEGO: {error}')
                else:
                    report(name, f'failed: {error}')
            except (AssertionError, OSError, subprocess.SubprocessError) as error:
                report(name, 'failed: ' + ' '.join(str(error).split())[:300])
            else:
                report(f'{name}: {found}', 'passed')


if __name__ == '__main__':
    main()
