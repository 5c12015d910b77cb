"""Opens a session on each of so many hosts, runs one command and closes it, with pypsrp in threads.

Usage: pypsrp_fleet.py PORT HOSTS
"""

import ipaddress
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

THREADS = 64


def work(address, port):
    wsman = WSMan(address, port=port, username='alice', password='Throw-away.1', ssl=False, auth='ntlm')
    with wsman, RunspacePool(wsman) as pool:
        shell = PowerShell(pool)
        shell.add_cmdlet('Write-Output').add_argument('hello')
        assert shell.invoke() == ['hello']


def main():
    warnings.simplefilter('ignore')
    port, hosts = int(sys.argv[1]), int(sys.argv[2])
    first = int(ipaddress.IPv4Address('127.1.0.1'))
    addresses = [str(ipaddress.IPv4Address(first + number)) for number in range(hosts)]
    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda address: work(address, port), addresses))
    taken = time.monotonic() - began
    print(f'{"pypsrp, opened to closed":<30} {hosts:>6} hosts {taken:>8.2f} s {hosts / taken:>8.0f}/s')


main()
