#!/usr/bin/env python3
"""tshark reads our own conversations over DCOM, signed and readable.

    tshark_dcom.py --bin PROGRAM

PROGRAM is the example `dcom_conversation` of the crate `windlass`. No packet may be malformed, and the interfaces
that tshark knows have to show their calls; those of WMI it shows as PDUs alone. Prints `tshark: CASE: outcome`.
"""
import argparse
import collections
import os
import shutil
import subprocess
import tempfile
import time

# What tshark calls the interfaces, and the methods that have to be among the calls.
KNOWN = {
    'ISystemActivator': ['RemoteCreateInstance'],
    'IRemUnknown2': ['RemQueryInterface', 'RemRelease'],
}


def report(name, outcome):
    print(f'tshark: {name}: {outcome}', flush=True)


def record(tshark, program, provider, capture):
    """Captures a conversation; gives the port, or None where capturing is not allowed."""
    talker = subprocess.Popen([program, 'integrity', provider], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    port = talker.stdout.readline().strip()
    recorder = subprocess.Popen([tshark, '-q', '-i', 'lo', '-f', f'tcp port {port}', '-w', capture],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        if not any('Capturing on' in line for line in iter(recorder.stderr.readline, '')):
            talker.kill()
            return None
        time.sleep(1)
        said, _ = talker.communicate('go\n', timeout=120)
        assert talker.returncode == 0, f'the conversation ended with {talker.returncode} after {said[-200:]}'
        time.sleep(1)
    finally:
        recorder.terminate()
        recorder.wait()
    return port


def fields(tshark, capture, port, what, *names):
    read = [tshark, '-r', capture, '-d', f'tcp.port=={port},dcerpc', '-Y', what, '-T', 'fields']
    for name in names:
        read += ['-e', name]
    done = subprocess.run(read, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-300:]
    return [line.split('\t') for line in done.stdout.splitlines()]


def look(tshark, capture, port):
    calls = fields(tshark, capture, port, 'dcerpc', '_ws.col.Protocol', '_ws.col.Info', 'frame.number')
    assert len(calls) > 100, f'{len(calls)} PDUs'
    bad = fields(tshark, capture, port, '_ws.malformed || _ws.short', 'frame.number',
                 '_ws.col.Protocol', '_ws.col.Info')
    assert not bad, f'{len(bad)} malformed, the first: {bad[0]}'
    seen = collections.defaultdict(set)
    for protocol, info, _ in calls:
        seen[protocol].add(info.split(' ')[0])
    shown = []
    for interface, methods in KNOWN.items():
        names = {name.lower() for key, found in seen.items() if key.lower() == interface.lower() for name in found}
        missing = [method for method in methods if method.lower() not in names]
        assert not missing, f'{interface} without {missing}, with {sorted(names)}'
        shown.append(interface)
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
        for provider in ('ntlm', 'negotiate'):
            name = f'every operation over DCOM, {provider}, integrity'
            capture = os.path.join(folder, f'{provider}.pcapng')
            try:
                port = record(tshark, options.bin, provider, capture)
                if port is None:
                    report(name, 'skipped: it may not capture here')
                    continue
                found = look(tshark, capture, port)
            except (AssertionError, OSError, subprocess.SubprocessError) as error:
                report(name, 'failed: ' + ' '.join(str(error).split())[:300])
            else:
                report(f'{name}: {found}', 'passed')


if __name__ == '__main__':
    main()
