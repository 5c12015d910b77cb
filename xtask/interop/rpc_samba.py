#!/usr/bin/env python3
"""Our RPC client against a Samba domain controller: endpoint mapper, management, SAMR.

    rpc_samba.py --bin PROGRAM

PROGRAM is the example `rpc_client` of the crate `windlass-net`. Prints one line a case:
`samba: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import os
import subprocess

import samba_dc

LEVELS = ('connect', 'packet', 'integrity', 'privacy')
SIGNED = LEVELS[1:]
# Kerberos on its own and chosen by SPNEGO.
KERBEROS = {'kerberos': 'kerberos', 'spnego-kerberos': 'spnego'}


def cases():
    for case in ('lookup', 'management'):
        yield case, 'none', 'connect', samba_dc.PASSWORD
        for provider in ('ntlm', 'spnego'):
            # Without further settings Samba takes signed calls alone from who logs on.
            for level in SIGNED:
                yield case, provider, level, samba_dc.PASSWORD
    for provider in ('ntlm', 'spnego'):
        yield 'accounts-refused', provider, 'connect', samba_dc.PASSWORD
        for level in SIGNED:
            yield 'accounts', provider, level, samba_dc.PASSWORD
            yield 'side-by-side', provider, level, samba_dc.PASSWORD
        for level in SIGNED:
            yield 'wrong-password', provider, level, 'not the password'
    for provider in KERBEROS:
        for level in SIGNED:
            yield 'lookup', provider, level, samba_dc.PASSWORD
            yield 'accounts', provider, level, samba_dc.PASSWORD
        yield 'side-by-side', provider, 'privacy', samba_dc.PASSWORD


def run(program, case, provider, level, password):
    command = [program, '--host', samba_dc.ADDRESS, '--port', '135', '--case', case, '--level', level]
    if provider in KERBEROS:
        command += ['--provider', KERBEROS[provider], '--realm', samba_dc.REALM,
                    '--user', f'{samba_dc.REALM}\\{samba_dc.ADMINISTRATOR}']
    else:
        command += ['--provider', provider, '--user', f'{samba_dc.DOMAIN}\\{samba_dc.ADMINISTRATOR}']
    environment = dict(os.environ, WINDLASS_PASSWORD=password)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    if done.returncode == 0:
        return 'passed'
    return 'failed: ' + ' '.join(done.stderr.split())[-300:]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--bin', required=True)
    options, _ = parser.parse_known_args()
    try:
        with samba_dc.DomainController('target/interop/samba-dc'):
            for case, provider, level, password in cases():
                shown = 'anonymous' if provider == 'none' else f'{provider} {level}'
                outcome = run(options.bin, case, provider, level, password)
                print(f'samba: {case}, {shown}: {outcome}', flush=True)
    except (RuntimeError, subprocess.CalledProcessError) as error:
        print(f'samba: all cases: skipped: {" ".join(str(error).split())[:300]}')


if __name__ == '__main__':
    main()
