#!/usr/bin/env python3
"""Compares our CLIXML with psrpcore's, both ways round.

    psrpcore_clixml.py --bin PATH_OF_CLIXML_STDIO [--recorded FOLDER] [--fixtures FOLDER]

What a real PowerShell wrote is read by both and compared value by value; what either writes is read by
the other. Prints one line a group of cases: `psrpcore: clixml GROUP: passed|failed: why|skipped: why`.
"""
import argparse
import base64
import datetime
import decimal
import json
import math
import pathlib
import re
import struct
import subprocess
import sys
import uuid

try:
    import psrpcore
    from psrpcore import types as ps
    from psrpcore.types import _base as ps_base
    from psrpcore.types import _serializer as ps_serializer
except ImportError as error:
    print(f'psrpcore: clixml all cases: skipped: {error}')
    sys.exit(0)

sys.setrecursionlimit(10000)

ROOT = '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
PREFIX = 'Deserialized.'

# What psrpcore cannot hold or reads otherwise. Each is a pattern of the difference's text.
LISTED = [
    (r'^expat: ', 'its XML parser refuses characters that PowerShell writes as references'),
    (r'^deserialized twice', 'it puts the prefix before names that have it'),
    (r'^we refuse it: more than 49 nested values', 'PowerShell refuses to read what it nested so deep itself'),
]


class Different(Exception):
    """The first difference between two readings."""


class Nothing:
    """Stands for a cipher where none is needed."""

    def encrypt(self, value):
        return value

    decrypt = encrypt

    def register_key(self, key):
        pass

    generate_key = exchange_key = register_key


class Ours:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(self, xml):
        print(json.dumps(xml), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


def theirs(xml):
    """psrpcore's reading of a document, no type brought back to life."""
    registry = ps_base.TypeRegistry()
    kept, registry.type_registry = registry.type_registry, {}
    try:
        return ps.deserialize_clixml(xml, Nothing())
    except ps_serializer.ElementTree.ParseError as error:
        raise Different(f'expat: {error}') from error
    finally:
        registry.type_registry = kept


TEXTS = {'S': ps.PSString, 'SBK': ps.PSScriptBlock, 'URI': ps.PSUri, 'XD': ps.PSXml}
INTEGERS = {
    'By': ps.PSByte, 'SB': ps.PSSByte, 'I16': ps.PSInt16, 'U16': ps.PSUInt16, 'I32': ps.PSInt,
    'U32': ps.PSUInt, 'I64': ps.PSInt64, 'U64': ps.PSUInt64,
}


def need(condition, what, ours, got):
    if not condition:
        raise Different(f'{what}: {str(ours)[:80]!r}, psrpcore {str(got)[:80]!r}')


def units(text):
    raw = text.encode('utf-16-le', 'surrogatepass')
    return list(struct.unpack(f'<{len(raw) // 2}H', raw))


def simple(ours, got, path):
    tag, value = ours['tag'], ours.get('value')
    if tag == 'Nil':
        need(got is None, path, None, got)
    elif tag == 'B':
        need(got is value, path, value, got)
    elif tag in TEXTS:
        need(isinstance(got, TEXTS[tag]), f'{path} type', tag, type(got))
        need(units(str(got)) == ours.get('units', units(value or '')), path, value, got)
    elif tag == 'C':
        need(isinstance(got, ps.PSChar) and int(got) == value, path, value, got)
    elif tag in INTEGERS:
        need(isinstance(got, INTEGERS[tag]) and int(got) == int(value), path, value, got)
    elif tag == 'D':
        need(str(got) == str(decimal.Decimal(value)), path, value, got)
    elif tag in ('Sg', 'Db'):
        form = '>f' if tag == 'Sg' else '>d'
        mine = struct.unpack(form, bytes.fromhex(ours['bits']))[0]
        same = struct.pack(form, mine) == struct.pack(form, float(got)) or (math.isnan(mine) and math.isnan(got))
        need(same, path, value, got)
    elif tag == 'DT':
        tidy = re.sub(r'\.?0*(Z|[+-]\d\d:\d\d)?$', r'\1', ps_serializer._serialize_datetime(got))
        bare = re.sub(r'\.?0*(Z|[+-]\d\d:\d\d)?$', r'\1', value)
        if bare.endswith('+00:00'):
            bare = bare.replace('+00:00', 'Z')
        need(tidy.lstrip('0') == bare.lstrip('0'), path, value, tidy)
    elif tag == 'TS':
        ticks = ps_serializer._timedelta_total_nanoseconds(got) // 100
        need(ticks == int(ours['ticks']), path, ours['ticks'], ticks)
    elif tag == 'BA':
        need(bytes(got) == base64.b64decode(value), path, value, got)
    elif tag == 'G':
        need(uuid.UUID(value) == got, path, value, got)
    elif tag == 'Version':
        need(isinstance(got, ps.PSVersion) and str(got) == value, path, value, got)
    elif tag == 'SS':
        pass
    elif tag == 'PR':
        for mine, their in [
            ('activity', got.Activity), ('activity_id', got.ActivityId), ('parent_activity_id', got.ParentActivityId),
            ('current_operation', got.CurrentOperation), ('percent_complete', got.PercentComplete),
            ('seconds_remaining', got.SecondsRemaining), ('status_description', got.StatusDescription),
            ('type', got.RecordType.name),
        ]:
            need(ours[mine] == their, f'{path}.{mine}', ours[mine], their)
    else:
        raise Different(f'{path}: an unknown tag {tag}')


def compare(ours, got, ids, path):
    tag = ours['tag']
    if tag == 'Ref':
        # The place where it was first may be one that psrpcore has overwritten.
        need(ids.setdefault(ours['id'], got) is got, f'{path} reference', ours['id'], got)
        return
    if tag != 'Obj':
        simple(ours, got, path)
        return
    ids[ours['id']] = got
    ours = merged(ours, ids, got)
    if 'value' in ours:
        compare(ours['value'], got, ids, f'{path}.value')
    elif 'items' in ours:
        items = list(got.queue) if isinstance(got, ps.PSQueueBase) else list(got)
        need(len(items) == len(ours['items']), f'{path} count', len(ours['items']), len(items))
        for index, (mine, their) in enumerate(zip(ours['items'], items)):
            compare(mine, their, ids, f'{path}[{index}]')
    elif 'entries' in ours:
        need(len(got) == len(ours['entries']), f'{path} count', len(ours['entries']), len(got))
        for (key, value), (their_key, their_value) in zip(ours['entries'], got.items()):
            compare(key, their_key, ids, f'{path} key')
            compare(value, their_value, ids, f'{path}[{key.get("value")}]')
    parts(ours, got, ids, path)


def merged(ours, ids, got):
    """An object in the place of another's value, which psrpcore makes one with it."""
    inner = ours.get('value')
    if not inner or inner['tag'] != 'Obj':
        return ours
    ids[inner['id']] = got
    inner = merged(inner, ids, got)
    both = {**inner, **{name: part for name, part in ours.items() if name not in ('value', 'adapted', 'extended')}}
    for part in ('adapted', 'extended'):
        own = ours.get(part, [])
        names = {name for name, _ in own}
        both[part] = [pair for pair in inner.get(part, []) if pair[0] not in names] + own
    return both


def parts(ours, got, ids, path):
    kind = type(got).__name__
    bare = got is None or isinstance(got, bool)
    if bare:
        if ours.get('types') or ours.get('to_string') or ours.get('extended'):
            raise Different(f'{kind} at {path} has no properties')
        return
    names = [name for name in ours.get('types', []) if name]
    if any(name.startswith(PREFIX) for name in names):
        if [PREFIX + name for name in names] == list(got.PSTypeNames):
            raise Different('deserialized twice')
    expected = [PREFIX + name for name in names]
    if names:
        need(list(got.PSTypeNames) == expected, f'{path} types', expected, got.PSTypeNames)
    if ours.get('to_string') is not None:
        need(got.PSObject.to_string == ours['to_string'], f'{path} to_string', ours['to_string'], got.PSObject.to_string)
    for part in ('adapted', 'extended'):
        mine = ours.get(part, [])
        their = getattr(got.PSObject, f'{part}_properties')
        if isinstance(got, ps.ProgressRecord) and part == 'adapted':
            continue
        need([name for name, _ in mine] == [prop.name for prop in their], f'{path} {part}', mine, their)
        for (name, value), prop in zip(mine, their):
            compare(value, prop.get_value(got), ids, f'{path}.{name}')


def listed(text):
    return next((reason for pattern, reason in LISTED if re.search(pattern, text)), None)


def check(xml, ours):
    """Compares one document; gives the text of the first difference."""
    answer = ours.read(xml)
    if 'error' in answer:
        return f'we refuse it: {answer["error"]}'
    try:
        values = theirs(xml)
        need(len(values) == len(answer['values']), 'values', len(answer['values']), len(values))
        for mine, got in zip(answer['values'], values):
            compare(mine['value'], got, {}, 'value')
    except Different as different:
        return str(different)
    except (TypeError, ValueError, OverflowError) as error:
        return f'psrpcore: {type(error).__name__}: {error}'
    return None


def report(group, checked, differences):
    """Prints the line of a group, and the listed differences before it."""
    counts = {}
    for name, text in differences:
        reason = listed(text)
        if reason is None:
            print(f'psrpcore: clixml {group}: failed: {name}: {text}')
            return
        counts.setdefault(reason, []).append(name)
    for reason, names in sorted(counts.items()):
        print(f'  {group}: {len(names)} of {checked} listed: {reason}')
    if checked:
        print(f'psrpcore: clixml {group}: passed')
    else:
        print(f'psrpcore: clixml {group}: skipped: nothing recorded')


def recorded(folder, ours):
    for group in ('values', 'objects'):
        path = folder / f'{group}.jsonl'
        cases = [json.loads(line) for line in path.read_text('utf-8').splitlines()] if path.exists() else []
        cases = [case for case in cases if 'values' in case]
        found = [(case.get('name', case['source']), check(case['wire'], ours)) for case in cases]
        report(f'{group} of PowerShell', len(cases), [(name, text) for name, text in found if text])


def messages(group, paths, pieces, ours):
    """The values in recorded sessions, put together from their fragments."""
    checked, differences = 0, []
    for path in sorted(paths):
        for number, data in enumerate(bodies(pieces(path.read_text('utf-8')))):
            checked += 1
            text = check(f'{ROOT}{data}</Objs>', ours)
            if text:
                differences.append((f'{path.stem} no. {number}', text))
    report(group, checked, differences)


def pipe(text):
    """Who sent which fragments, in a recording of the framing over a pipe."""
    for line in text.splitlines():
        case = json.loads(line)
        match = re.search(r'>([A-Za-z0-9+/=]+)</Data>', case.get('line') or '')
        if match and 'got' not in case:
            yield case['from'], base64.b64decode(match.group(1))


def envelopes(text):
    """Who sent which fragments, in a recording of WS-Man: a YAML list of requests and responses."""
    text = re.sub(r'\n +', ' ', text)
    for line in text.splitlines():
        if 'schemas.microsoft.com/powershell' not in text:
            return
        sender = 'client' if re.match(r'[- ] request:', line) else 'server'
        element = r'<(?:\w+:)?(creationXml|connectXml|connectResponseXml|Arguments|Stream)\b([^>]*)>([^<]+)</'
        for name, attributes, data in re.findall(element, line):
            stream = re.search(r'CommandId="([^"]*)"', attributes)
            key = sender if name != 'Stream' else f'{sender} {stream and stream.group(1)}'
            data = re.sub(r'\s', '', data.replace('&#xD;', ''))
            try:
                yield key, base64.b64decode(data, validate=True)
            except ValueError:
                continue


def bodies(pieces):
    """The CLIXML of every message. A recording may start over, so numbers may come again."""
    partial = {}
    for sender, data in pieces:
        while len(data) >= 21:
            number, _, flags, length = struct.unpack('>QQBI', data[:21])
            blob, data = data[21:21 + length], data[21 + length:]
            if flags > 3 or not number:
                break
            # The pieces of one message may travel in elements of different kinds.
            key = (sender.split()[0], number)
            if flags & 1:
                partial[key] = b''
            if key not in partial:
                continue
            partial[key] += blob
            if flags & 2:
                message = partial.pop(key)[40:].removeprefix(b'\xef\xbb\xbf')
                # Encrypted strings are text in both readings; psrpcore would look for their key.
                if message and b'<SS' not in message:
                    yield message.decode('utf-8')


def written_by_psrpcore():
    """Values to be written by psrpcore, each with the group it belongs to."""
    utc = datetime.timezone.utc
    yield 'nothing, booleans and strings', [
        None, True, False, '', 'text', ' a\r\n\tb ', '_x0041_ _X', '<&>"\'', 'a\U0001f600b', '\ufeffx', 'é\x7f\x9f',
        ps.PSScriptBlock('Get-Item\n'), ps.PSUri('http://h/a b'), ps.PSXml('<a b="1">x</a>'),
    ]
    yield 'integers', [
        ps.PSByte(255), ps.PSSByte(-128), ps.PSInt16(-32768), ps.PSUInt16(65535), ps.PSInt(-1), ps.PSUInt(4294967295),
        ps.PSInt64(-(1 << 63)), ps.PSUInt64((1 << 64) - 1), ps.PSChar(65), ps.PSChar(0xd800),
    ]
    yield 'other numbers', [
        ps.PSSingle(1.5), ps.PSDouble(0.1), ps.PSDouble(1e300), ps.PSDouble(-0.0), ps.PSDecimal('1.500'),
        ps.PSDecimal('-79228162514264337593543950335'),
    ]
    yield 'dates and durations', [
        ps.PSDateTime(2026, 11, 21, 13, 14, 15, 678000, tzinfo=utc), ps.PSDateTime(2026, 1, 1),
        ps.PSDateTime(2026, 1, 1, 1, 2, 3, 123456, tzinfo=utc, nanosecond=700),
        ps.PSDateTime(2026, 7, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=-5, minutes=-30))),
        ps.PSDuration(days=1, hours=2, seconds=3), ps.PSDuration(nanoseconds=-100), ps.PSDuration(),
    ]
    yield 'identifiers, versions and bytes', [
        ps.PSGuid('01234567-89ab-cdef-0123-456789abcdef'), ps.PSVersion('1.2'), ps.PSVersion('1.2.3.4'),
        ps.PSByteArray(bytes(range(256))), ps.PSByteArray(b''),
    ]
    custom = ps.PSCustomObject(Name='x', Count=1, Inner=ps.PSCustomObject(A=None))
    queue = ps.PSQueue()
    queue.put('front')
    queue.put(2)
    yield 'containers', [
        ps.PSList([1, 'two', None, ps.PSList([3])]), ps.PSStack(['top', 1]), queue, ps.PSIEnumerable([1, 2]),
        ps.PSDict({'z': 1, 'a': ps.PSList([1]), 5: 'five'}), [], {},
    ]
    shared = ps.PSCustomObject(A=1)
    yield 'objects', [
        custom, ps.PSList([shared, shared]), ps.ConsoleColor.Red, ps.PSThreadOptions.UseNewThread,
        ps.PSPrimitiveDictionary({'k': 'v'}), ps.PSCustomObject(**{'a b': 1, '<&>': 2, '_x0041_': 3}),
    ]
    yield 'records', [
        ps.ProgressRecord(Activity='a', ActivityId=3, StatusDescription='s', CurrentOperation='o', PercentComplete=50),
        ps.ErrorRecord(
            Exception=ps.NETException(Message='bad'),
            CategoryInfo=ps.ErrorCategoryInfo(Category=ps.ErrorCategory.InvalidData),
            FullyQualifiedErrorId='My.Id',
        ),
        ps.InformationRecord(MessageData='m', Source='s'),
    ]


def serialised(ours):
    for group, values in written_by_psrpcore():
        checked, differences = 0, []
        for number, value in enumerate(values):
            checked += 1
            try:
                xml = ps.serialize_clixml([value] if isinstance(value, list) else value, Nothing())
            except Exception as error:  # whatever keeps psrpcore from writing is a finding about the script
                differences.append((f'no. {number}', f'psrpcore cannot write it: {error!r}'))
                continue
            text = check(xml, ours)
            if text:
                differences.append((f'no. {number}', text))
        report(f'{group} written by psrpcore', checked, differences)


def written_by_us(folder, ours):
    """What we write of recorded values, compact and indented, reads the same to psrpcore."""
    checked, differences = 0, []
    path = folder / 'values.jsonl'
    for line in path.read_text('utf-8').splitlines() if path.exists() else []:
        case = json.loads(line)
        if 'values' not in case:
            continue
        answer = ours.read(case['wire'])
        for form in ('encoded', 'indented'):
            checked += 1
            text = check(answer[form], ours)
            if text:
                differences.append((f'{case.get("name", case["source"])} {form}', text))
    report('values written by us', checked, differences)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--bin', required=True)
    root = pathlib.Path(__file__).parents[2]
    parser.add_argument('--recorded', default=str(root / 'fixtures/recorded'))
    parser.add_argument('--fixtures', default=str(root / 'target/fixtures'))
    arguments = parser.parse_args()
    folder = pathlib.Path(arguments.recorded)
    ours = Ours(arguments.bin)
    recorded(folder / 'clixml', ours)
    messages('messages of PowerShell sessions', (folder / 'psrp').glob('*.jsonl'), pipe, ours)
    windows = pathlib.Path(arguments.fixtures) / 'pypsrp-0.9.1/tests/tests_pypsrp/responses'
    messages('messages of Windows servers', windows.glob('*.yml'), envelopes, ours)
    written_by_us(folder / 'clixml', ours)
    serialised(ours)
    ours.process.stdin.close()
    ours.process.wait(timeout=30)


if __name__ == '__main__':
    main()
