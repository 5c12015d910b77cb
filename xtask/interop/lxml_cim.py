"""CIM instances of real servers: what lxml finds in them against what windlass-cim reads.

Every item of the recorded answers of Windows (target/fixtures/txwinrm-*) and of Microsoft's CIM
server (fixtures/recorded/omi) is read by both, and what windlass-cim writes of it is read by lxml
again. lxml knows nothing of CIM here: the rules of the mapping are applied by this script alone.
"""

import argparse
import glob
import json
import os
import re
import subprocess
import sys

from lxml import etree

XSI = "http://www.w3.org/2001/XMLSchema-instance"
COMMON = "http://schemas.dmtf.org/wbem/wscim/1/common"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
CLASS_URI = re.compile(r"^http://schemas\.(microsoft\.com/wbem/wsman/1/wmi/|dmtf\.org/wbem/wscim/1/cim-schema/2/)")
PARSER = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)


def local(element):
    return etree.QName(element).localname


def namespace(element):
    return etree.QName(element).namespace or ""


def is_instance(element):
    return bool(CLASS_URI.match(namespace(element))) or element.tag == "{%s}XmlFragment" % WSMAN


def dmtf(text):
    """The 25 characters of DMTF for an xs:dateTime."""
    match = re.match(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?$", text)
    if not match:
        return None
    *fields, fraction, zone = match.groups()
    micros = ((fraction or "") + "000000")[:6]
    if zone is None:
        offset = "+***"
    elif zone == "Z":
        offset = "+000"
    else:
        offset = "%s%03d" % (zone[0], int(zone[1:3]) * 60 + int(zone[4:6]))
    return "".join(fields) + "." + micros + offset


def value(element):
    if element.get("{%s}nil" % XSI) in ("true", "1"):
        return None
    children = [child for child in element if isinstance(child.tag, str)]
    if not children:
        return element.text or ""
    if local(children[0]) == "Datetime" and namespace(children[0]) in (COMMON, ""):
        return {"datetime": dmtf(children[0].text)}
    stated = element.get("{%s}type" % XSI)
    if stated is None:
        return {"unexpected": local(children[0])}
    name = stated.split(":")[-1]
    return {"class": name[: -len("_Type")] if name.endswith("_Type") else name, "properties": properties(children)}


def properties(elements):
    found = []
    for element in elements:
        for entry in found:
            if entry[0] == local(element):
                entry[1].append(value(element))
                break
        else:
            found.append([local(element), [value(element)]])
    return [[name, values[0] if len(values) == 1 else values] for name, values in found]


def describe(element):
    name = "" if local(element) == "XmlFragment" else local(element)
    return {"class": name, "properties": properties([c for c in element if isinstance(c.tag, str)])}


def instances(root):
    """The outermost elements that are instances."""
    found, open_elements = [], [root]
    while open_elements:
        element = open_elements.pop()
        if not isinstance(element.tag, str):
            continue
        if is_instance(element):
            found.append(element)
        else:
            open_elements.extend(reversed(element))
    return found


def first_difference(theirs, ours):
    if theirs["class"] != ours["class"]:
        return "class %r, ours %r" % (theirs["class"], ours["class"])
    for (name, expected), (our_name, found) in zip(theirs["properties"], ours["properties"]):
        if name != our_name or expected != found:
            return "%s = %r, ours %s = %r" % (name, expected, our_name, found)
    if len(theirs["properties"]) != len(ours["properties"]):
        return "%d properties, ours %d" % (len(theirs["properties"]), len(ours["properties"]))
    return None


class Reader:
    def __init__(self, program):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([program], stdin=pipe, stdout=pipe, text=True, encoding="utf-8")

    def read(self, document):
        self.process.stdin.write(json.dumps(document) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)


def check(reader, document):
    """None where there is nothing to compare, else the first difference or the empty string."""
    root = etree.fromstring(document.encode("utf-8"), PARSER)
    theirs = instances(root)
    if not theirs:
        return None, 0
    answer = reader.read(document)
    if "error" in answer:
        return "ours refuses it: " + answer["error"], 0
    ours = answer["items"]
    if len(theirs) != len(ours):
        return "%d items, ours %d" % (len(theirs), len(ours)), 0
    for element, item in zip(theirs, ours):
        expected = describe(element)
        difference = first_difference(expected, item)
        if difference:
            return difference, 0
        written = describe(etree.fromstring(item["written"].encode("utf-8"), PARSER))
        difference = first_difference(expected, written)
        if difference:
            return "written again: " + difference, 0
    return "", len(theirs)


def windows():
    for path in sorted(glob.glob("target/fixtures/txwinrm-*/**/*.xml", recursive=True)):
        folder, name = os.path.split(path)
        yield "windows/%s/%s" % (os.path.basename(folder), name[:-4]), open(path, encoding="utf-8").read()


def omi():
    for path in sorted(glob.glob("fixtures/recorded/omi/*.jsonl")):
        streams = {}
        for line in open(path, encoding="utf-8"):
            entry = json.loads(line)
            if entry["from"] == "server" and entry["data"]:
                streams[entry["connection"]] = streams.get(entry["connection"], "") + entry["data"]
        for stream in streams.values():
            for number, start in enumerate(re.finditer(r"<[\w-]+:Envelope[ >]", stream), 1):
                end = stream.find(":Envelope>", start.end()) + len(":Envelope>")
                yield "omi/%s/%d" % (os.path.basename(path)[:-6], number), stream[start.start() : end]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--bin", required=True)
    options, _ = arguments.parse_known_args()
    reader = Reader(options.bin)
    for part, documents in (("windows", list(windows())), ("omi", list(omi()))):
        if not documents:
            print("lxml: %s: skipped: run cargo xtask fixtures" % part, flush=True)
        for case, document in documents:
            outcome, _ = check(reader, document)
            if outcome is None:
                continue
            print("lxml: %s: %s" % (case, "failed: " + outcome if outcome else "passed"), flush=True)
    reader.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
