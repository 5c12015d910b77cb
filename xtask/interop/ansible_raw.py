#!/usr/bin/env python3
"""ansible-core runs `raw` on the embedded host over its winrm and its psrp connection.

Takes the arguments of pypsrp_client.py. Over WinRS ansible starts `PowerShell -EncodedCommand`: a program of
that name, which knows `echo` alone, stands for it. Over PSRP a scenario has the answer. Prints one line a case.
"""
import json
import os
import subprocess
import sys
import tempfile

from own_host import own_host
from own_venv import own_venv
from pypsrp_peer import options

PACKAGES = ('ansible-core==2.19.14', 'pypsrp==0.9.1', 'pywinrm==0.5.0', 'requests-credssp==2.0.0')
SAID = 'said-by-windlass'
SCENARIO = {'scripts': [{'script': f'echo {SAID}\nexit $LASTEXITCODE', 'output': [SAID]}]}
POWERSHELL = f'''#!{sys.executable}
import base64, sys
script = base64.b64decode(sys.argv[-1]).decode('utf-16-le')
assert script.startswith('echo '), script
print(script.split()[1])
'''


def case(given, ready, programs, connection, scheme, transport):
    name = f'{connection} {transport} over {scheme}'
    host, port = ready[scheme].rsplit(':', 1)
    variables = {
        'ansible_host': host, 'ansible_port': int(port), 'ansible_user': given.user,
        'ansible_password': given.password, 'ansible_connection': connection, 'ansible_shell_type': 'powershell',
    }
    if connection == 'winrm':
        variables |= {'ansible_winrm_transport': transport, 'ansible_winrm_scheme': scheme,
                      'ansible_winrm_server_cert_validation': 'ignore'}
    else:
        variables |= {'ansible_psrp_auth': transport, 'ansible_psrp_protocol': scheme,
                      'ansible_psrp_cert_validation': 'ignore'}
    with tempfile.TemporaryDirectory() as folder:
        inventory = os.path.join(folder, 'inventory.json')
        with open(inventory, 'w', encoding='utf-8') as file:
            json.dump({'all': {'hosts': {'windlass': variables}}}, file)
        environment = {**os.environ, 'HOME': folder, 'ANSIBLE_LOCAL_TEMP': folder, 'ANSIBLE_NOCOLOR': '1',
                       'PATH': f'{programs}:{os.environ["PATH"]}', 'LC_ALL': 'C.UTF-8'}
        done = subprocess.run(
            [os.path.join(programs, 'ansible'), '-i', inventory, 'windlass', '-m', 'raw', '-a', f'echo {SAID}'],
            env=environment, capture_output=True, text=True, timeout=120, cwd=folder)
    if done.returncode == 0 and 'rc=0' in done.stdout and done.stdout.splitlines()[1:2] == [SAID]:
        outcome = 'passed'
    else:
        outcome = f'failed: {" ".join((done.stdout + done.stderr).split())[-400:]}'
    print(f'ansible-core: {name}: {outcome}', flush=True)


def main():
    given = options()
    try:
        programs = own_venv('ansible', *PACKAGES)
    except (OSError, subprocess.SubprocessError) as error:
        print(f'ansible-core: all cases: skipped: {error}')
        return
    with tempfile.TemporaryDirectory() as folder:
        scenario, program = os.path.join(folder, 'scenario.json'), os.path.join(folder, 'PowerShell')
        with open(scenario, 'w', encoding='utf-8') as file:
            json.dump(SCENARIO, file)
        with open(program, 'w', encoding='utf-8') as file:
            file.write(POWERSHELL)
        os.chmod(program, 0o755)
        environment = {**os.environ, 'PATH': f'{folder}:{os.environ["PATH"]}'}
        with own_host(given, '--scenario', scenario, environment=environment) as ready:
            for connection in ('winrm', 'psrp'):
                for scheme, transport in (('http', 'ntlm'), ('https', 'ntlm'), ('https', 'basic')):
                    case(given, ready, programs, connection, scheme, transport)


main()
