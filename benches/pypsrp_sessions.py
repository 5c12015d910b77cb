"""pypsrp's share of `cargo xtask bench --sessions`: one figure a line, `NAME VALUE`."""

import argparse
import tempfile
import time

from pypsrp.client import Client
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

# Fewer than ours, as only the rates count.
OBJECTS = 10_000
MEGABYTES = 20


def main():
    parser = argparse.ArgumentParser()
    for name in ["http", "user", "password"]:
        parser.add_argument("--" + name)
    arguments, _ = parser.parse_known_args()
    host, port = arguments.http.rsplit(":", 1)
    account = {"auth": "ntlm", "username": arguments.user, "password": arguments.password}
    objects(WSMan(host, port=int(port), ssl=False, **account))
    with Client(host, port=int(port), ssl=False, **account) as client, tempfile.NamedTemporaryFile() as file:
        file.write(bytes(range(250)) * (MEGABYTES * 4000))
        file.flush()
        began = time.monotonic()
        client.copy(file.name, "User:/peer")
        print("copy-MB/s", MEGABYTES / (time.monotonic() - began))


def objects(wsman):
    with wsman, RunspacePool(wsman) as pool:
        shell = PowerShell(pool).add_script(f"objects {OBJECTS}")
        began = time.monotonic()
        used = time.process_time()
        output = shell.invoke()
        took = time.monotonic() - began
        used = time.process_time() - used
        assert len(output) == OBJECTS, len(output)
        print("objects/s", OBJECTS / took)
        print("processor-us-per-object", used * 1e6 / OBJECTS)


main()
