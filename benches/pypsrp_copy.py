"""Copies a file to a host with pypsrp's Client.copy; prints the seconds and the most memory in KiB.

Usage: pypsrp_copy.py PORT FILE
"""

import resource
import sys
import time
import warnings

from pypsrp.client import Client


def main():
    warnings.simplefilter('ignore')
    port, path = int(sys.argv[1]), sys.argv[2]
    client = Client('127.0.0.1', port=port, username='alice', password='Throw-away.1', ssl=False, auth='ntlm')
    began = time.monotonic()
    with client:
        client.copy(path, 'User:/peer')
    print(time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


main()
