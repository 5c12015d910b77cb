"""Reads the envelopes that windlass-wsman writes with lxml: each must be well-formed and hold the
values that were put into it, and be valid by the schemas of SOAP 1.2 and WS-Addressing.
Usage: envelopes.py --bin PATH_OF_THE_EXAMPLE."""

import argparse
import json
import os
import subprocess
import sys

from lxml import etree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import schemas  # noqa: E402

NAMESPACES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "p": "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd",
    "f": "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault",
    "id": "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd",
    "n": "http://schemas.xmlsoap.org/ws/2004/09/enumeration",
    "x": "http://schemas.xmlsoap.org/ws/2004/09/transfer",
    "e": "http://schemas.xmlsoap.org/ws/2004/08/eventing",
    "b": "http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
    "pwsh": "http://schemas.microsoft.com/powershell",
    "xml": "http://www.w3.org/XML/1998/namespace",
}


def check(case):
    """The first thing that is wrong with an envelope, if any."""
    try:
        root = etree.fromstring(case["envelope"].encode(), etree.XMLParser(resolve_entities=False))
    except etree.XMLSyntaxError as error:
        return f"not well-formed: {error}"
    for path, expected in case["values"]:
        found = root.xpath(path, namespaces=NAMESPACES)
        found = str(int(found)) if isinstance(found, float) else str(found)
        if found != expected:
            return f"{path} is {found!r}, not {expected!r}"
    for value in root.iter("{http://www.w3.org/2003/05/soap-envelope}Value"):
        prefix = value.text.split(":")[0]
        if prefix not in value.nsmap:
            return f"{value.text} has a prefix that is not declared"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    arguments, _ = parser.parse_known_args()
    try:
        schema, absent = etree.XMLSchema(file=schemas.envelope_schema()), None
    except subprocess.CalledProcessError as error:
        schema, absent = None, f"{schemas.PACKAGES} cannot be had: {error}"
    output = subprocess.run([arguments.bin], check=True, stdout=subprocess.PIPE).stdout.decode()
    for line in output.splitlines():
        case = json.loads(line)
        problem = check(case)
        outcome = f"failed: {problem}" if problem else "passed"
        print(f"lxml: envelope, {case['name']}: {outcome}", flush=True)
        outcome = f"skipped: {absent}"
        if schema:
            valid = schema.validate(etree.fromstring(case["envelope"].encode()))
            outcome = "passed" if valid else f"failed: {schema.error_log.last_error.message}"
        print(f"schemas of SOAP and WS-Addressing: envelope, {case['name']}: {outcome}", flush=True)


if __name__ == "__main__":
    main()
