"""Fetches processes over DCOM with impacket, one a trip and a hundred; prints how many a second each way.

Usage: impacket_wmi.py PORT
"""

import os
import sys
import time

from impacket.dcerpc.v5 import transport
from impacket.dcerpc.v5.dcom import wmi
from impacket.dcerpc.v5.dcomrt import DCOMConnection
from impacket.dcerpc.v5.dtypes import NULL

COUNT = 200


def rate(services, batch):
    began, seen = time.monotonic(), 0
    found = services.ExecQuery('SELECT * FROM Win32_Process')
    while seen < COUNT:
        instances = found.Next(0xffffffff, batch)
        for instance in instances:
            instance.getProperties()
        seen += len(instances)
    taken = time.monotonic() - began
    found.RemRelease()
    return seen / taken


def main():
    # impacket knows no other port of the resolver than 135.
    transport.TCPTransport.__init__.__defaults__ = (int(sys.argv[1]),)
    dcom = DCOMConnection('127.0.0.1', 'alice', 'Throw-away.1')
    login = wmi.IWbemLevel1Login(dcom.CoCreateInstanceEx(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login))
    services = login.NTLMLogin('//./root/processes', NULL, NULL)
    print(*(f'{rate(services, batch):.1f}' for batch in (1, 100)), flush=True)
    dcom.disconnect()


main()
# impacket's timers must not keep the process alive.
os._exit(0)
