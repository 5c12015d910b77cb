#!/usr/bin/env python3
"""The compression of shell streams beside two others, dissect.util and wimlib.

WIM archives have the same LZ77 with Huffman codes ([MS-XCA] 2.1), in chunks of the same size as the blocks of a
stream. We unpack the chunks that wimlib packed; then ours take their place, and wimlib unpacks them. dissect.util
unpacks too: texts below 64 KB, after which it looks for one more block; and it leaves out what is still to be decoded
when it has read the last bytes, so that it is given four more.

    xpress_peers.py --bin PROGRAM

Prints one line a case.
"""
import argparse
import hashlib
import os
import random
import struct
import subprocess
import tempfile

BLOCK = 65536
STORED_HEADER = struct.Struct('<HH')


def corpus():
    """Plain texts of the kinds that streams carry, and those that are hard on a codec."""
    dice = random.Random(7)
    clixml = ''.join(f'<Obj RefId="{n}"><MS><S N="Name">service {n}</S><I32 N="Id">{n}</I32></MS></Obj>' for n in range(4000))
    return {
        'one byte': b'x',
        'zeroes': bytes(200000),
        'objects': clixml.encode(),
        'noise': dice.randbytes(100000),
        'few symbols': bytes(dice.choice(b'ab') for _ in range(70000)),
        'every byte': bytes(range(256)) * 300,
        'far matches': (head := dice.randbytes(30000)) + dice.randbytes(5000) + head,
        'exactly a block': b'block ' * (BLOCK // 6) + b'four',
        'a block and a byte': b'a' * (BLOCK + 1),
    }


class Ours:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if answer.startswith('refused'):
            raise ValueError(answer)
        return bytes.fromhex(answer)

    def pack(self, plain):
        return self.ask(f'pack {plain.hex()}')

    def unpack(self, packed, limit):
        return self.ask(f'unpack {limit} {packed.hex()}')


def blocks(packed):
    """The blocks of a stream: how long each is unpacked, and its bytes."""
    at = 0
    while at < len(packed):
        plain, length = (size + 1 for size in STORED_HEADER.unpack_from(packed, at))
        yield plain, packed[at + 4:at + 4 + length]
        at += 4 + length


def unpacked_by_dissect(packed):
    from dissect.util.compression import lzxpress_huffman
    out = b''
    for plain, block in blocks(packed):
        out += block if len(block) == plain else lzxpress_huffman.decompress(block + bytes(4))[:plain]
    return out


class Archive:
    """A WIM archive of wimlib's with these files, compressed as XPRESS."""

    def __init__(self, folder, files):
        self.folder, self.path = folder, os.path.join(folder, 'archive.wim')
        source = os.path.join(folder, 'source')
        os.makedirs(source)
        for number, data in enumerate(files):
            with open(os.path.join(source, str(number)), 'wb') as file:
                file.write(data)
        subprocess.run(['wimcapture', source, self.path, '--compress=XPRESS', f'--chunk-size={BLOCK}', '--no-acls'],
                       check=True, capture_output=True)
        with open(self.path, 'rb') as file:
            self.data = bytearray(file.read())

    def resource(self, at):
        packed, offset, plain = struct.unpack_from('<QQQ', self.data, at)
        return packed & (1 << 56) - 1, packed >> 56, offset, plain

    def entries(self):
        """Where the compressed files are described, and their SHA-1."""
        size, _, table, _ = self.resource(48)
        for entry in range(table, table + size, 50):
            if self.resource(entry)[1] & 4:
                yield entry, bytes(self.data[entry + 30:entry + 50])

    def framed(self, entry):
        """The chunks of a file as they would be in a stream, and how long the file is."""
        size, _, offset, plain = self.resource(entry)
        count = -(-plain // BLOCK)
        starts = [0, *struct.unpack_from(f'<{count - 1}I', self.data, offset)]
        first = offset + 4 * (count - 1)
        ends = [*starts[1:], size - 4 * (count - 1)]
        out = b''
        for number, (start, end) in enumerate(zip(starts, ends)):
            whole = min(BLOCK, plain - number * BLOCK)
            out += STORED_HEADER.pack(whole - 1, end - start - 1) + self.data[first + start:first + end]
        return out, plain

    def replace(self, entry, packed):
        """Puts the blocks of a stream in place of the chunks of a file."""
        _, flags, _, plain = self.resource(entry)
        chunks = [block for _, block in blocks(packed)]
        starts, at = [], 0
        for chunk in chunks[:-1]:
            at += len(chunk)
            starts.append(at)
        new = struct.pack(f'<{len(starts)}I', *starts) + b''.join(chunks)
        struct.pack_into('<QQQ', self.data, entry, len(new) | flags << 56, len(self.data), plain)
        self.data += new

    def apply(self):
        """Lets wimlib unpack the archive as it is now; gives the files."""
        target = os.path.join(self.folder, 'target')
        with open(self.path, 'wb') as file:
            file.write(self.data)
        done = subprocess.run(['wimapply', self.path, '1', target], capture_output=True, text=True)
        if done.returncode != 0:
            raise ValueError(' '.join(done.stderr.split())[-300:])
        for name in os.listdir(target):
            with open(os.path.join(target, name), 'rb') as file:
                yield file.read()


def say(case, outcome):
    print(f'xpress: {case}: {outcome}', flush=True)


def check(case, holds):
    try:
        say(case, 'passed' if holds() else 'failed: other bytes come out')
    except Exception as error:  # noqa: BLE001 - every failure is a line
        say(case, f'failed: {type(error).__name__}: {error}')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--bin', required=True)
    ours, texts = Ours(parser.parse_args().bin), corpus()
    for name, plain in texts.items():
        plain = plain[:60000]
        check(f'dissect.util unpacks {name}', lambda: unpacked_by_dissect(ours.pack(plain)) == plain)
    names = {hashlib.sha1(plain).digest(): name for name, plain in texts.items()}
    with tempfile.TemporaryDirectory() as folder:
        archive = Archive(folder, texts.values())
        replaced = []
        for entry, digest in archive.entries():
            if digest in names:
                packed, length = archive.framed(entry)
                check(f'wimlib packs {names[digest]}', lambda: hashlib.sha1(ours.unpack(packed, length)).digest() == digest)
                archive.replace(entry, ours.pack(texts[names[digest]]))
                replaced.append(digest)
        try:
            found = {hashlib.sha1(data).digest() for data in archive.apply()}
        except ValueError as error:
            say('wimlib unpacks ours', f'failed: {error}')
            return
        for digest in replaced:
            check(f'wimlib unpacks {names[digest]}', lambda: digest in found)


main()
