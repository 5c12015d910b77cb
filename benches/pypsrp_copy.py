"""Copies a file to a host with pypsrp's Client.copy; prints the seconds and the most memory in KiB.

Usage: pypsrp_copy.py http|https PORT FILE
"""

import resource
import sys
import time
import warnings

from pypsrp.client import Client


def main():
    warnings.simplefilter('ignore')
    ssl, port, path = sys.argv[1] == 'https', int(sys.argv[2]), sys.argv[3]
    client = Client('127.0.0.1', port=port, username='alice', password='Throw-away.1', ssl=ssl, cert_validation=False,
                    auth='basic' if ssl else 'ntlm')
    began = time.monotonic()
    with client:
        client.copy(path, 'User:/peer')
    print(time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


main()
