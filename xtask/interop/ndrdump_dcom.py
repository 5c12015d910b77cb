#!/usr/bin/env python3
"""Samba's ndrdump as a decoder of the calls of DCOM that this project writes.

    ndrdump_dcom.py --bin EXAMPLE

`EXAMPLE` prints one call a line as JSON. Prints one line a case: `ndrdump: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import json
import os
import shutil
import subprocess
import tempfile

# Calls that Samba's interface definitions declare in another way than [MS-DCOM], so that they do not read
# what Windows writes either.
DECLARED_OTHERWISE = {
    ('IOXIDResolver', 'ServerAlive2', 'out'): 'Samba declares pReserved as one byte',
    ('IOXIDResolver', 'ComplexPing', 'in'): 'Samba declares object identifiers as GUIDs',
    ('IOXIDResolver', 'ComplexPing', 'out'): 'Samba needs the request, which it declares otherwise',
    ('IRemUnknown', 'RemQueryInterface', 'in'): 'Samba declares ripid as a unique pointer',
    ('IRemUnknown', 'RemQueryInterface', 'out'): 'Samba needs the request, which it declares otherwise',
    ('IRemUnknown', 'RemAddRef', 'out'): 'Samba declares the results as a unique pointer',
    ('ISystemActivator', 'RemoteCreateInstance', 'in'): "Samba declares fields of its own; Windows' bytes fail too",
    ('ISystemActivator', 'RemoteCreateInstance', 'out'): 'Samba needs the request, which it declares otherwise',
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--bin', required=True)
    options, _ = parser.parse_known_args()
    if shutil.which('ndrdump') is None:
        print('ndrdump: all cases: skipped: ndrdump (samba-testsuite) is not installed')
        return
    printed = subprocess.run([options.bin], capture_output=True, text=True, check=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        before = None
        for line in printed.splitlines():
            call = json.loads(line)
            path = os.path.join(folder, call['direction'])
            with open(path, 'wb') as file:
                file.write(bytes.fromhex(call['stub']))
            name = f"{call['interface']}::{call['function']} {call['direction']}"
            otherwise = DECLARED_OTHERWISE.get((call['interface'], call['function'], call['direction']))
            if otherwise is not None:
                print(f'ndrdump: {name}: skipped: {otherwise}', flush=True)
                continue
            arguments = ['ndrdump', call['interface'], call['function'], call['direction'], path]
            if call['direction'] == 'out' and before is not None:
                arguments += ['--context-file', before]
            if call['direction'] == 'in':
                before = path
            done = subprocess.run(arguments, capture_output=True, text=True)
            said = done.stdout + done.stderr
            if done.returncode == 0 and 'dump OK' in said and 'unread bytes' not in said:
                print(f'ndrdump: {name}: passed', flush=True)
            else:
                why = ' '.join(said.split())[-200:]
                print(f'ndrdump: {name}: failed: {why}', flush=True)


if __name__ == '__main__':
    main()
