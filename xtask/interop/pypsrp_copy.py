#!/usr/bin/env python3
"""pypsrp copies files to and from an embedded host that has a directory for them.

Takes the arguments of pypsrp_client.py. First pypsrp's own `Client.copy` and `Client.fetch`; then the commands
that PowerShell's `Copy-Item -ToSession` and `-FromSession` send to an endpoint without script, one after the
other, with answers read as PowerShell reads them. Prints one line a case.
"""
import base64
import datetime
import hashlib
import os
import shutil
import sys
import tempfile
import xml.etree.ElementTree as ET

from own_host import own_host
from pypsrp_peer import case, check, main, options, run

try:
    from pypsrp.client import Client
    from pypsrp.exceptions import WinRMError
    from pypsrp.serializer import Serializer
except ImportError as error:
    print(f'pypsrp copies: all cases: skipped: {error}')
    sys.exit(0)

FRAGMENT = 4 * 1024 * 1024
ROOT = tempfile.mkdtemp(prefix='windlass-files-')
HERE = tempfile.mkdtemp(prefix='windlass-here-')


def local(name, content):
    path = os.path.join(HERE, name)
    with open(path, 'wb') as file:
        file.write(content)
    return path


def remote(name):
    with open(os.path.join(ROOT, name), 'rb') as file:
        return file.read()


def content(length):
    return hashlib.shake_128(str(length).encode()).digest(length)


def refused(work, *words):
    try:
        work()
    except WinRMError as error:
        for word in words:
            assert word in str(error), f'{word!r} is not in {str(error)!r}'
        return
    raise AssertionError('it was not refused')


@case
def client_copy(peer):
    with Client(**peer.connection()) as client:
        for length in (0, 1, 26, 700_000, 3_000_000):
            path = client.copy(local('file', content(length)), f'User:\\copied-{length}')
            check(path, f'User:/copied-{length}')
            check(remote(f'copied-{length}'), content(length))
        again = os.path.join(ROOT, 'copied-26')
        check(client.copy(local('file', b'second'), again), again)
        check(remote('copied-26'), b'second')
    check([name for name in os.listdir(ROOT) if name.endswith('.part')], [])


@case
def client_fetch(peer):
    with Client(**peer.connection()) as client:
        for length in (1, 700_000, 3_000_000):
            with open(os.path.join(ROOT, 'fetched'), 'wb') as file:
                file.write(content(length))
            path = os.path.join(HERE, 'fetched')
            client.fetch('fetched', path)
            with open(path, 'rb') as file:
                check(file.read(), content(length))


@case
def client_failures(peer):
    class Wrong:
        def __init__(self, *_): pass
        def update(self, *_): pass
        def hexdigest(self): return 'c3499c2729730a7f807efb8676a92dcb6f8a3f8f'

    os.makedirs(os.path.join(ROOT, 'folder'), exist_ok=True)
    if not os.path.islink(os.path.join(ROOT, 'way-out')):
        os.symlink('/etc', os.path.join(ROOT, 'way-out'))
    with Client(**peer.connection()) as client:
        right, hashlib.sha1 = hashlib.sha1, Wrong
        try:
            refused(lambda: client.copy(local('file', b'abc'), 'wrong'), 'hash mismatch', 'c3499c27')
        finally:
            hashlib.sha1 = right
        assert not os.path.exists(os.path.join(ROOT, 'wrong'))
        here = os.path.join(HERE, 'nothing')
        refused(lambda: client.fetch('folder', here), 'is a directory, src must be a file')
        refused(lambda: client.fetch('missing', here), 'does not exist')
        for path in ('..\\..\\etc\\passwd', '/etc/passwd', 'C:\\Windows\\win.ini', 'User:\\..\\x'):
            refused(lambda: client.fetch(path, here), 'is not on the drive User:')
            refused(lambda: client.copy(local('file', b'abc'), path), 'is not on the drive User:')
        refused(lambda: client.fetch('way-out/passwd', here), 'does not exist')
        refused(lambda: client.copy(local('file', b'abc'), 'way-out/new'))
        refused(lambda: client.copy(local('file', b'abc'), 'no/such/folder'))
    assert not os.path.exists('/etc/new') and not os.path.exists(here)


def call(pool, name, errors=0, **parameters):
    """As PowerShell does: the answer is one hash table."""
    shell = run(pool, lambda shell: shell.add_cmdlet(name).add_parameters(parameters))
    check(len(shell.streams.error), errors)
    assert len(shell.output) <= 1, shell.output
    return plain(shell.output[0]) if shell.output else None


def plain(value):
    """pypsrp leaves a hash table as XML whose type names stand at an earlier one."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if getattr(value, 'types', [''])[0] == 'System.Collections.Hashtable':
        xml = value.property_sets[0]
        return plain(Serializer().deserialize(f'<Obj RefId="0"><TN RefId="0"><T>System.Collections.Hashtable</T></TN>{xml}</Obj>'))
    return value


def same_time(found, stamp):
    """Dates come as text, or with numbers below a second that Python's lack."""
    expected = datetime.datetime.fromtimestamp(stamp, datetime.timezone.utc)
    check(str(found).replace('T', ' ')[:19], expected.strftime('%Y-%m-%d %H:%M:%S'))


@case
def copy_item_to_session(peer):
    to = 'PSCopyToSessionHelper'
    if os.path.exists(os.path.join(ROOT, 'target.bin')):
        os.remove(os.path.join(ROOT, 'target.bin'))
    with peer.pool() as pool:
        mode = run(pool, lambda shell: shell.add_script('$executionContext.SessionState.LanguageMode'))
        check(mode.had_errors, True)
        assert 'no-language mode' in str(mode.streams.error[0]), mode.streams.error
        found = run(pool, lambda shell: shell.add_cmdlet('Get-Command').add_argument('PSCopyRemoteUtils'))
        check(len(found.output), 1)
        answer = call(pool, 'PSCopyRemoteUtils', pathToValidate='User:\\target.bin')
        check(answer, {'Exists': False, 'Root': 'User:', 'IsAbsolute': True})
        check(call(pool, 'PSCopyRemoteUtils', pathToValidate='target.bin')['IsAbsolute'], False)
        answer = call(pool, to, remotePath='User:\\target.bin')
        check(answer, {'IsFileInfo': False, 'IsDirectoryInfo': False, 'ParentIsDirectoryInfo': True})
        source = content(FRAGMENT + 1000)
        for number, start in enumerate(range(0, len(source), FRAGMENT)):
            part = source[start:start + FRAGMENT]
            answer = call(pool, to, copyToFilePath='User:\\target.bin', createFile=number == 0,
                          b64Fragment=base64.b64encode(part).decode())
            check(answer, {'BytesWritten': len(part)})
        check(remote('target.bin'), source)
        check(call(pool, to, supportAltStreamPath='User:\\target.bin'), {'TargetSupportsAlternateStreams': False})
        call(pool, to, metaDataFilePath='User:\\target.bin', metaDataToSet={
            'LastWriteTimeUtc': ET.fromstring('<DT>2001-02-03T04:05:06.5Z</DT>'), 'Attributes': 32})
        check(os.stat(os.path.join(ROOT, 'target.bin')).st_mtime, 981173106.5)
        same_time(call(pool, 'PSCopyFromSessionHelper', getMetaFilePath='User:/target.bin')['LastWriteTimeUtc'],
                  os.stat(os.path.join(ROOT, 'target.bin')).st_mtime)
        answer = call(pool, to, copyToFilePath='User:\\empty', createFile=True, emptyFile=True)
        check((answer, remote('empty')), ({'BytesWritten': 0}, b''))
        check(call(pool, to, isFilePath='User:\\empty'), {'IsFileInfo': True})
        shutil.rmtree(os.path.join(ROOT, 'made'), ignore_errors=True)
        answer = call(pool, to, createDirectoryPath='User:\\made')
        check(answer, {'DirectoryPath': 'User:\\made', 'PathExists': False})
        answer = call(pool, to, createDirectoryPath='User:\\made')
        check(answer, {'DirectoryPath': None, 'PathExists': True})
        answer = call(pool, to, createDirectoryPath='User:\\made', force=True)
        check(answer, {'DirectoryPath': 'User:\\made', 'PathExists': False})
        check(call(pool, 'PSCopyRemoteUtils', dirPathExists='User:\\made'), {'Exists': True})


@case
def copy_item_from_session(peer):
    source = content(FRAGMENT + 5)
    os.makedirs(os.path.join(ROOT, 'tree/below'), exist_ok=True)
    for name, bytes_of in (('tree/one.bin', source), ('tree/two.txt', b''), ('tree/.hidden', b'x')):
        with open(os.path.join(ROOT, name), 'wb') as file:
            file.write(bytes_of)
    os.utime(os.path.join(ROOT, 'tree/one.bin'), (1e9, 1e9))
    back = 'PSCopyFromSessionHelper'
    with peer.pool() as pool:
        answer = call(pool, 'PSCopyRemoteUtils', pathToValidate='User:\\tree\\*.bin', sourceIsRemote=True)
        check(answer, {'Exists': True, 'Root': 'User:', 'IsAbsolute': True})
        answer = call(pool, back, getPathItems='User:\\tree\\*.bin')
        check(answer, {'Exists': True, 'Items': [
            {'FullName': 'User:/tree/one.bin', 'Name': 'one.bin', 'FileSize': len(source), 'IsDirectory': False}]})
        check(call(pool, back, getPathItems='User:\\nothing*'), {'Exists': False, 'Items': None})
        check(call(pool, back, getPathItems='User:\\tree')['Items'][0]['IsDirectory'], True)
        answer = call(pool, back, getPathDir='User:\\tree')
        check([file['FileName'] for file in answer['Files']], ['one.bin', 'two.txt'])
        check(answer['Directories'], [{'Name': 'below', 'FullName': 'User:/tree/below'}])
        check(call(pool, back, getPathDir='User:\\tree\\below'), {'Files': None, 'Directories': None})
        fetched, start, more = b'', 0, True
        while more:
            answer = call(pool, back, copyFromFilePath='User:/tree/one.bin', copyFromStart=start,
                          copyFromNumBytes=FRAGMENT)
            check(answer['ExceptionThrown'], False)
            fetched += base64.b64decode(answer['b64Fragment'] or '')
            start, more = start + FRAGMENT, answer['moreAvailable']
        check(fetched, source)
        answer = call(pool, back, copyFromFilePath='User:/tree/two.txt', copyFromStart=0, copyFromNumBytes=FRAGMENT)
        check(answer, {'b64Fragment': None, 'moreAvailable': False, 'ExceptionThrown': False})
        check(call(pool, back, supportAltStreamPath='User:/tree/one.bin'),
              {'SourceSupportsAlternateStreams': False, 'Streams': []})
        metadata = call(pool, back, getMetaFilePath='User:/tree/one.bin')
        check(metadata['Attributes'], ['Normal'])
        same_time(metadata['LastWriteTimeUtc'], 1e9)
        check(call(pool, back, getMetaFilePath='User:/nothing'), None)


@case
def copy_item_failures(peer):
    with peer.pool() as pool:
        answer = call(pool, 'PSCopyFromSessionHelper', errors=1, copyFromFilePath='User:/nothing', copyFromStart=0,
                      copyFromNumBytes=1)
        check(answer, {'b64Fragment': None, 'moreAvailable': None, 'ExceptionThrown': True})
        answer = call(pool, 'PSCopyToSessionHelper', errors=1, copyToFilePath='User:/bad', createFile=True,
                      b64Fragment='?')
        check(answer, {'BytesWritten': None})
        for path in ('/etc/passwd', 'C:\\x', 'User:\\..\\x', '..'):
            shell = None
            try:
                shell = run(pool, lambda shell: shell.add_cmdlet('PSCopyFromSessionHelper')
                            .add_parameter('getPathItems', path))
            except Exception as error:  # noqa: BLE001 - pypsrp raises or collects
                assert 'User:' in str(error), error
            if shell is not None:
                check(shell.had_errors, True)
                assert 'User:' in str(shell.streams.error[0]), shell.streams.error


if __name__ == '__main__':
    given = options()
    try:
        with own_host(given, '--files', ROOT) as ready:
            given.http, given.https, given.certificate = ready['http'], ready['https'], ready['certificate']
            main(given, label='pypsrp copies')
    finally:
        shutil.rmtree(ROOT)
        shutil.rmtree(HERE)
