"""Plays the server of a recording of PowerShell in the framing of `pwsh -s`.

    recording_player.py RECORDING.jsonl

Each line of the client is answered with what the recorded server wrote after the recorded line of the same
element; the ids of the recording are replaced by those of the client that is there.
"""
import base64
import json
import re
import struct
import sys
import uuid

POOL = uuid.UUID(int=0)
ELEMENT = re.compile(r"<(\w+)((?: Stream='\w+')?) PSGuid='([^']+)'(?: />|>(.*)</Data>)")
HEADER = 21


def parse(line):
    name, stream, guid, data = ELEMENT.fullmatch(line.strip()).groups()
    return name, stream, uuid.UUID(guid), base64.b64decode(data) if data else b''


def pool_of(data):
    """The pool that the first message in fragments names."""
    return uuid.UUID(bytes_le=data[HEADER + 8:HEADER + 24])


def with_ids(data, ids):
    """Fragments with the ids in the heads of their messages replaced."""
    out = b''
    while data:
        _, _, flags, length = struct.unpack('>QQBI', data[:HEADER])
        head, blob, data = data[:HEADER], data[HEADER:HEADER + length], data[HEADER + length:]
        if flags & 1:
            pool, pipeline = (uuid.UUID(bytes_le=blob[at:at + 16]) for at in (8, 24))
            blob = blob[:8] + ids.get(pool, pool).bytes_le + ids.get(pipeline, pipeline).bytes_le + blob[40:]
        out += head + blob
    return out


def play(recording):
    ids, place = {}, 0
    for line in sys.stdin:
        name, _, guid, data = parse(line)
        while place < len(recording):
            side, recorded = recording[place]
            place += 1
            if side == 'client' and recorded[0] == name:
                break
        else:
            return
        if name == 'Data' and POOL not in ids:
            ids[POOL] = POOL
            ids[pool_of(recorded[3])] = pool_of(data)
        ids[recorded[2]] = guid
        while place < len(recording) and recording[place][0] == 'server':
            answer, stream, known, content = recording[place][1]
            place += 1
            known = ids.get(known, known)
            if answer == 'Data':
                content = base64.b64encode(with_ids(content, ids)).decode()
                print(f"<Data{stream} PSGuid='{known}'>{content}</Data>", flush=True)
            else:
                print(f"<{answer} PSGuid='{known}' />", flush=True)


with open(sys.argv[1], encoding='utf-8') as lines:
    ENTRIES = [json.loads(line) for line in lines]
play([(entry['from'], parse(entry['line'])) for entry in ENTRIES if (entry['line'] or '').startswith('<')])
