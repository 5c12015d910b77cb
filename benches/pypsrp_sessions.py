"""pypsrp's share of `cargo xtask bench --sessions`: one figure a line, `NAME VALUE`."""

import argparse
import tempfile
import time
import warnings

from pypsrp.client import Client
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

# Fewer than ours, as only the rates count.
OBJECTS = 10_000
MEGABYTES = 20


def main():
    parser = argparse.ArgumentParser()
    for name in ["http", "https", "user", "password"]:
        parser.add_argument("--" + name)
    arguments, _ = parser.parse_known_args()
    account = {"username": arguments.user, "password": arguments.password}
    http, https = address(arguments.http), address(arguments.https)
    warnings.simplefilter("ignore")
    objects(WSMan(**http, ssl=False, auth="ntlm", **account))
    copy("http-ntlm", Client(**http, ssl=False, auth="ntlm", **account))
    copy("https-basic", Client(**https, cert_validation=False, auth="basic", **account))


def address(text):
    host, port = text.rsplit(":", 1)
    return {"server": host, "port": int(port)}


def copy(way, client):
    with client, tempfile.NamedTemporaryFile() as file:
        file.write(bytes(range(250)) * (MEGABYTES * 4000))
        file.flush()
        began = time.monotonic()
        client.copy(file.name, "User:/peer")
        print(f"copy-MB/s-{way}", MEGABYTES / (time.monotonic() - began))


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
