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
            arguments = ['ndrdump', call['interface'], call['function'], call['direction'], path, '--validate']
            if call['direction'] == 'out' and before is not None:
                arguments += ['--context-file', before]
            if call['direction'] == 'in':
                before = path
            done = subprocess.run(arguments, capture_output=True, text=True)
            said = done.stdout + done.stderr
            name = f"{call['interface']}::{call['function']} {call['direction']}"
            if done.returncode == 0 and 'dump OK' in said and 'unread bytes' not in said:
                print(f'ndrdump: {name}: passed', flush=True)
            else:
                why = ' '.join(said.split())[-200:]
                print(f'ndrdump: {name}: failed: {why}', flush=True)


if __name__ == '__main__':
    main()
