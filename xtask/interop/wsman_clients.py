#!/usr/bin/env python3
"""Other WS-Man programs against CIM on the embedded host.

    wsman_clients.py --http HOST:PORT --https HOST:PORT --certificate FILE --user NAME --password WORD

python-wsmanclient (PyPI) is a whole client; @device-management-toolkit/wsman-messages (npm) writes requests,
which this script posts and whose answers lxml reads. Prints one line a case:
`PEER: CASE: passed|failed: why|skipped: why`.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import warnings

import requests
from lxml import etree

CIM = 'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/'
WMI = 'http://schemas.microsoft.com/wbem/wsman/1/wmi/'
N = 'http://schemas.xmlsoap.org/ws/2004/09/enumeration'
W = 'http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd'
S = 'http://www.w3.org/2003/05/soap-envelope'
A = 'http://schemas.xmlsoap.org/ws/2004/08/addressing'
MESSAGES = '@device-management-toolkit/wsman-messages'
VERSION = '5.14.1'

CASES = []


def case(peer):
    def register(function):
        CASES.append((peer, function))
        return function
    return register


def check(found, expected):
    assert found == expected, f'{found!r} is not {expected!r}'


class Skipped(Exception):
    pass


def local(element):
    return etree.QName(element).localname


def texts(document, name):
    return [element.text for element in document.iter() if isinstance(element.tag, str) and local(element) == name]


def wsmanclient(options):
    try:
        from wsmanclient import client
    except ImportError as error:
        raise Skipped(error) from None
    host, port = options.https.rsplit(':', 1)
    return client.Client(host, options.user, options.password, port=int(port))


@case('python-wsmanclient')
def enumerate_in_one_answer(options):
    found = wsmanclient(options).enumerate(CIM + 'Win32_OperatingSystem')
    check(len(found.findall('.//{%s}Win32_OperatingSystem' % (CIM + 'Win32_OperatingSystem'))), 1)


@case('python-wsmanclient')
def enumerate_page_by_page(options):
    found = wsmanclient(options).enumerate(CIM + 'CIM_Process', optimization=False, max_elems=3)
    names = texts(found, 'Handle')
    assert len(names) > 3 and len(set(names)) == len(names), names


@case('python-wsmanclient')
def query_in_wql(options):
    query = 'SELECT * FROM Test_Base WHERE Name LIKE "%derived"'
    found = wsmanclient(options).enumerate(WMI + 'root/test/*', filter_query=query, filter_dialect='wql')
    check(sorted(texts(found, 'Id')), ['derived', 'more'])


@case('python-wsmanclient')
def a_dialect_that_is_not_spoken(options):
    from wsmanclient import exceptions
    try:
        wsmanclient(options).enumerate(WMI + 'root/test/*', filter_query='SELECT 1', filter_dialect='cql')
    except exceptions.InvalidResponse as error:
        assert '500' in str(error), error
        return
    raise AssertionError('no fault')


@case('python-wsmanclient')
def invoke_static_and_instance(options):
    client = wsmanclient(options)
    chosen = {'__cimnamespace': 'root/test'}
    added = client.invoke(CIM + 'Test_Methods', 'Add', chosen, {'Left': '40', 'Right': '2'})
    check(texts(added, 'Sum'), ['42'])
    turned = client.invoke(CIM + 'Test_Methods', 'Reverse', chosen, {'Texts': ['a', 'b']})
    check(texts(turned, 'Reversed'), ['b', 'a'])
    greeted = client.invoke(CIM + 'Test_Methods', 'Greet', dict(chosen, Id='one'), {'Name': 'Ada'})
    check(texts(greeted, 'ReturnValue'), ['Hello Ada from one'])


@case('wsmanio')
def any_request(options):
    try:
        import wsmanio  # noqa: F401
    except ImportError:
        raise Skipped('no release of it runs on this Python') from None
    raise Skipped('its requests are for shells')


class Node:
    """Messages as the npm package writes them."""

    def __init__(self):
        node, npm = shutil.which('node'), shutil.which('npm')
        if not node or not npm:
            raise Skipped('no node or npm on this computer')
        self.node = node
        self.folder = os.path.abspath('target/interop/node')
        os.makedirs(self.folder, exist_ok=True)
        if not os.path.isdir(os.path.join(self.folder, 'node_modules', MESSAGES)):
            install = [npm, 'install', '--silent', '--no-audit', '--no-fund', '--ignore-scripts',
                       '--prefix', self.folder, f'{MESSAGES}@{VERSION}']
            done = subprocess.run(install, capture_output=True, text=True, timeout=300)
            if done.returncode != 0:
                raise Skipped('the package cannot be installed')

    def message(self, expression):
        program = (f"const {{CIM, AMT, IPS}} = require('{MESSAGES}');"
                   'const cim = new CIM.Messages(), ips = new IPS.Messages();'
                   f'console.log(JSON.stringify({expression}))')
        done = subprocess.run([self.node, '-e', program], capture_output=True, text=True, cwd=self.folder, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def post(options, message, status=200):
    answer = requests.post(f'https://{options.https}/wsman', data=message.encode(), verify=options.certificate,
                           auth=(options.user, options.password), timeout=60,
                           headers={'Content-Type': 'application/soap+xml;charset=UTF-8'})
    check(answer.status_code, status)
    sent, document = etree.fromstring(message.encode()), etree.fromstring(answer.content)
    check(document.findtext('.//{%s}RelatesTo' % A), sent.findtext('.//{%s}MessageID' % A))
    return document


@case('wsman-messages')
def enumerate_and_pull_processors(options):
    node = Node()
    first = post(options, node.message('cim.Processor.Enumerate()'))
    context = first.findtext('.//{%s}EnumerationContext' % N)
    pulled = post(options, node.message(f'cim.Processor.Pull({json.dumps(context)})'))
    assert pulled.find('.//{%s}EndOfSequence' % N) is not None
    check({local(item) for item in pulled.find('.//{%s}Items' % N)}, {'Win32_Processor'})


@case('wsman-messages')
def faults_for_what_is_not_there(options):
    node = Node()
    for expression in ('cim.Chassis.Get()', 'ips.HostBasedSetupService.Get()',
                       'ips.OptInService.StartOptIn()', 'cim.Card.Enumerate()'):
        document = post(options, node.message(expression), 500)
        assert document.find('.//{%s}Fault' % S) is not None
        check(texts(document, 'CIMStatusCode'), ['5'])


@case('wsman-messages')
def a_context_that_does_not_exist(options):
    document = post(options, Node().message('cim.Processor.Pull("nothing")'), 500)
    check(document.findtext('.//{%s}Subcode/{%s}Value' % (S, S)).split(':')[-1], 'InvalidEnumerationContext')


def main():
    parser = argparse.ArgumentParser()
    for name in ('--http', '--https', '--certificate', '--user', '--password'):
        parser.add_argument(name, required=True)
    options, _ = parser.parse_known_args()
    warnings.simplefilter('ignore')
    for peer, function in CASES:
        name = f'{peer}: {function.__name__.replace("_", " ")}'
        try:
            function(options)
            print(f'{name}: passed', flush=True)
        except Skipped as reason:
            print(f'{name}: skipped: {reason}', flush=True)
        except Exception as error:
            words = ' '.join(f'{type(error).__name__}: {error}'.split())
            print(f'{name}: failed: {words[:300]}', flush=True)
    sys.exit(0)


main()
