"""A Samba domain controller of its own, on a loopback address, in a directory of its own."""
import os
import shutil
import socket
import subprocess
import time

ADDRESS = '127.0.0.21'
REALM, DOMAIN = 'WIN.TEST', 'WINTEST'
ADMINISTRATOR, PASSWORD = 'Administrator', 'Passw0rd.1'
SERVICES = 's3fs rpc ldap cldap kdc winbindd dns'


class DomainController:
    """Provisions on first use, and runs as long as the `with` block."""

    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        self.process = None

    def __enter__(self):
        if os.geteuid() != 0:
            raise RuntimeError('a domain controller needs root')
        if shutil.which('samba') is None:
            raise RuntimeError('samba is not installed')
        if not os.path.exists(os.path.join(self.folder, 'provisioned')):
            self.provision()
        configuration = os.path.join(self.folder, 'etc', 'smb.conf')
        log = open(os.path.join(self.folder, 'samba.log'), 'w', encoding='utf-8')
        self.process = subprocess.Popen(
            ['samba', f'--configfile={configuration}', f'--option=server services={SERVICES}', '--foreground',
             '--no-process-group', '-d', '1'],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment())
        for port in (135, 88):
            self.wait_for(port)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def provision(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ('etc', 'run', 'ncalrpc'):
            os.makedirs(os.path.join(self.folder, name))
        empty = os.path.join(self.folder, 'empty.conf')
        open(empty, 'w', encoding='utf-8').close()
        options = {
            'server services': SERVICES,
            'ntlm auth': 'ntlmv2-only',
            'log file': f'{self.folder}/log.%m',
            'interfaces': f'{ADDRESS}/8',
            'bind interfaces only': 'yes',
            'pid directory': f'{self.folder}/run',
            'ncalrpc dir': f'{self.folder}/ncalrpc',
            'rpc server dynamic port range': '49152-49200',
            'allow dcerpc auth level connect': 'no',
        }
        subprocess.run(
            ['samba-tool', 'domain', 'provision', f'--realm={REALM}', f'--domain={DOMAIN}', '--server-role=dc',
             f'--adminpass={PASSWORD}', '--host-name=dc1', f'--host-ip={ADDRESS}',
             '--dns-backend=SAMBA_INTERNAL', f'--targetdir={self.folder}', f'--configfile={empty}',
             *(f'--option={name}={value}' for name, value in options.items())],
            check=True, capture_output=True, text=True, env=environment())
        open(os.path.join(self.folder, 'provisioned'), 'w', encoding='utf-8').close()

    def wait_for(self, port):
        """Waits until the server listens on a port."""
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection((ADDRESS, port), 1).close()
                return
            except OSError as error:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise RuntimeError(f'samba does not listen on port {port}: {error}') from error
                time.sleep(0.2)


def environment():
    """Debian's Python, not one that is first in the path."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith('PYTHON')}
    clean['PATH'] = '/usr/sbin:/usr/bin:/sbin:/bin'
    return clean
