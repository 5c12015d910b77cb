#!/usr/bin/env python3
"""pypsrp's raw WS-Man client against CIM on the embedded host: every verb, every filter.

    pypsrp_wsman.py --http HOST:PORT --https HOST:PORT --certificate FILE --user NAME --password WORD

pypsrp writes the requests with ElementTree; the answers are what ElementTree and lxml find in them. Prints
one line a case: `pypsrp raw WS-Man: CASE: passed|failed: why|skipped: why`.
"""
import re
import threading
import time
import xml.etree.ElementTree as ET

import pypsrp_peer
from lxml import etree
from pypsrp.exceptions import WSManFaultError
from pypsrp.wsman import SelectorSet
from pypsrp_peer import case, check, options

W = 'http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd'
N = 'http://schemas.xmlsoap.org/ws/2004/09/enumeration'
E = 'http://schemas.xmlsoap.org/ws/2004/08/eventing'
A = 'http://schemas.xmlsoap.org/ws/2004/08/addressing'
B = 'http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd'
X = 'http://schemas.xmlsoap.org/ws/2004/09/transfer'
S = 'http://www.w3.org/2003/05/soap-envelope'
XSI = 'http://www.w3.org/2001/XMLSchema-instance'
WMI = 'http://schemas.microsoft.com/wbem/wsman/1/wmi/'
CIM = 'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/'
ALL = 'http://schemas.dmtf.org/wbem/wscim/1/*'
SCHEMA = 'http://schemas.dmtf.org/wbem/cim-xml/2/cim-schema/2/*'
CONFIG = 'http://schemas.microsoft.com/wbem/wsman/1/config'
WQL = 'http://schemas.microsoft.com/wbem/wsman/1/WQL'
SELECTOR = 'http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter'
ASSOCIATION = 'http://schemas.dmtf.org/wbem/wsman/1/cimbinding/associationFilter'
PULL_MODE = 'http://schemas.dmtf.org/wbem/wsman/1/wsman/Pull'
TEST = WMI + 'root/test/'


class Peer(pypsrp_peer.Peer):
    """The host, reached over one transport, with a client that stays."""

    def __init__(self, given, transport):
        super().__init__(given, transport)
        self.client = super().wsman
        self.wsman = self.client()


def selectors(**values):
    found = SelectorSet()
    for name, value in values.items():
        found.add_option(name, value)
    return found


def element(tag, parent=None, text=None, **attributes):
    made = ET.Element(tag, attributes) if parent is None else ET.SubElement(parent, tag, attributes)
    made.text = text
    return made


def enumerate_body(filter=None, dialect=None, optimize=True, count=50, mode=None, polymorphism=None):
    body = element('{%s}Enumerate' % N)
    if optimize:
        element('{%s}OptimizeEnumeration' % W, body)
        element('{%s}MaxElements' % W, body, str(count))
    if filter is not None:
        holder = element('{%s}Filter' % W, body, filter if isinstance(filter, str) else None, Dialect=dialect)
        if not isinstance(filter, str):
            holder.append(filter)
    if mode:
        element('{%s}EnumerationMode' % W, body, mode)
    if polymorphism:
        element('{%s}PolymorphismMode' % B, body, polymorphism)
    return body


def items(peer, uri, selector_set=None, **how):
    """All items, however many answers it takes, read by ElementTree."""
    answer = peer.wsman.enumerate(uri, enumerate_body(**how), selector_set=selector_set)
    response = answer.find('{%s}EnumerateResponse' % N)
    found = [item for holder in response.findall('{%s}Items' % W) for item in holder]
    done = response.find('{%s}EndOfSequence' % W) is not None
    context = response.findtext('{%s}EnumerationContext' % N)
    while not done:
        pull = element('{%s}Pull' % N)
        element('{%s}EnumerationContext' % N, pull, context)
        element('{%s}MaxElements' % N, pull, str(how.get('count', 50)))
        response = peer.wsman.pull(uri, pull, selector_set=selector_set).find('{%s}PullResponse' % N)
        found += [item for holder in response.findall('{%s}Items' % N) for item in holder]
        done = response.find('{%s}EndOfSequence' % N) is not None
        context = response.findtext('{%s}EnumerationContext' % N) or context
    return found


def local(found):
    return etree.QName(found.tag).localname


def text(found, name):
    for child in found:
        if local(child) == name:
            return child.text or ''
    return None


def fault(call, *arguments, **named):
    try:
        call(*arguments, **named)
    except WSManFaultError as error:
        return error
    raise AssertionError('no fault')


def parameters(uri, method, **values):
    body = element('{%s}%s_INPUT' % (uri, method))
    for name, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            element('{%s}%s' % (uri, name), body, one)
    return body


def invoke(peer, uri, method, selector_set=None, **values):
    body = parameters(uri, method, **values)
    envelope = peer.wsman.invoke(f'{uri}/{method}', uri, body, selector_set=selector_set)
    return envelope.find('{%s}Body' % S)[0]


@case
def get_by_key(peer):
    for uri, keys in ((TEST + 'Test_Types', {}), (CIM + 'Test_Types', {'__cimnamespace': 'root/test'})):
        found = peer.wsman.get(uri, selector_set=selectors(Id='1', **keys))[0]
        check(found.tag, '{%s}Test_Types' % uri)
        for name, value in (('Truth', 'true'), ('Unsigned8', '255'), ('Signed64', '-9223372036854775808'),
                            ('Unsigned64', '18446744073709551615'), ('Character', '65'), ('Real32', '1.5'),
                            ('Text', 'some "text" & <more>')):
            check(text(found, name), value)
        check(float(text(found, 'Real64')), -1.25e100)
        moment = found.find('{%s}Moment' % uri)[0]
        check(local(moment), 'Datetime')
        check(moment.text, '2024-02-29T12:34:56.123456+01:00')
        inner = found.find('{%s}Inner' % uri)
        check(inner.get('{%s}type' % XSI).split(':')[-1], 'Test_Item_Type')
        check([text(inner, 'Name'), text(inner, 'Count'), text(inner, 'Tags')], ['inner', '7', 'x'])
        other = found.find('{%s}Other' % uri)
        selector = other.find('.//{%s}Selector[@Name="Name"]' % W)
        check(selector.text, 'first')


@case
def nulls_are_nil(peer):
    found = peer.wsman.get(TEST + 'Test_Types', selector_set=selectors(Id='2'))[0]
    nil = [local(child) for child in found if child.get('{%s}nil' % XSI) == 'true']
    check(len(nil), 18)


@case
def put_changes_and_answers(peer):
    uri = TEST + 'Test_Settings'
    body = element('{%s}Test_Settings' % uri)
    element('{%s}Level' % uri, body, '77')
    found = peer.wsman.put(uri, body)[0]
    check([text(found, 'Level'), text(found, 'Greeting')], ['77', 'hello'])
    check(text(peer.wsman.get(uri)[0], 'Level'), '77')


@case
def create_and_delete(peer):
    uri = TEST + 'Test_Item'
    body = element('{%s}Test_Item' % uri)
    element('{%s}Name' % uri, body, 'by pypsrp <&> "quoted"')
    element('{%s}Tags' % uri, body, 'one')
    element('{%s}Tags' % uri, body, 'two')
    created = peer.wsman.create(uri, body)[0]
    check(created.tag, '{%s}ResourceCreated' % X)
    check(created.find('.//{%s}ResourceURI' % W).text, uri)
    name = created.find('.//{%s}Selector[@Name="Name"]' % W).text
    check(name, 'by pypsrp <&> "quoted"')
    found = peer.wsman.get(uri, selector_set=selectors(Name=name))[0]
    check([child.text for child in found if local(child) == 'Tags'], ['one', 'two'])
    check(fault(peer.wsman.create, uri, body).code, 0x80041019)
    peer.wsman.delete(uri, selector_set=selectors(Name=name))
    check(fault(peer.wsman.get, uri, selector_set=selectors(Name=name)).code, 0x80041002)


@case
def enumerate_page_by_page(peer):
    for count in (1, 2, 3, 100):
        found = items(peer, TEST + 'Test_Base', count=count)
        check(sorted(local(item) for item in found),
              ['Test_Base', 'Test_Concrete', 'Test_Derived', 'Test_MoreDerived'])
    check(len(items(peer, TEST + 'Test_Base', optimize=False)), 4)
    check(len(items(peer, CIM + 'Test_Base', selectors(__cimnamespace='root/test'))), 4)


@case
def enumeration_modes(peer):
    references = items(peer, TEST + 'Test_Item', mode='EnumerateEPR')
    check({item.tag for item in references}, {'{%s}EndpointReference' % A})
    for item in references:
        key = item.find('.//{%s}Selector[@Name="Name"]' % W).text
        check(text(peer.wsman.get(TEST + 'Test_Item', selector_set=selectors(Name=key))[0], 'Name'), key)
    both = items(peer, TEST + 'Test_Item', mode='EnumerateObjectAndEPR')
    for item in both:
        check([local(child) for child in item], ['Test_Item', 'EndpointReference'])


@case
def polymorphism_modes(peer):
    check([local(item) for item in items(peer, TEST + 'Test_Base', polymorphism='None')], ['Test_Base'])
    base = items(peer, TEST + 'Test_Base', polymorphism='ExcludeSubClassProperties')
    check([sorted({local(child) for child in item}) for item in base], [['Id', 'Name']] * 4)
    check({local(item) for item in base}, {'Test_Base'})


@case
def wql_queries(peer):
    def names(query):
        return [text(item, 'Name') for item in items(peer, TEST + '*', filter=query, dialect=WQL)]

    check(names('SELECT * FROM Test_Base WHERE Name LIKE "%derived" AND NOT Name = "derived"'), ['more derived'])
    check(names("select Name from Test_Item where Count >= 2 and Count < 3"), ['second'])
    found = items(peer, TEST + '*', filter='SELECT Id, Name FROM Test_Base', dialect=WQL)
    check({item.tag for item in found}, {'{%s}XmlFragment' % W})
    found = items(peer, ALL, selectors(__cimnamespace='root/test'), filter='SELECT * FROM Test_Keys', dialect=WQL)
    check(text(found[0], 'Text'), 'a/b "c" & d')
    wrong = fault(items, peer, TEST + '*', filter='SELECT * FROM Test_Item WHERE', dialect=WQL)
    check(wrong.code, 0x80041017)
    assert 'line' in str(wrong.reason) or 'offset' in str(wrong.reason) or re.search(r'\d', str(wrong.reason)), wrong.reason
    check(fault(items, peer, TEST + '*', filter='SELECT * FROM Nothing', dialect=WQL).code, 0x80041010)
    check(fault(items, peer, TEST + '*', filter='x', dialect='urn:unknown').code, 0x80338019)


@case
def selector_filter(peer):
    chosen = element('{%s}SelectorSet' % W)
    element('{%s}Selector' % W, chosen, 'second', Name='Name')
    found = items(peer, TEST + 'Test_Item', filter=chosen, dialect=SELECTOR)
    check([text(item, 'Count') for item in found], ['2'])


def association(kind, class_name='Test_Base', key=('Id', 'base'), **narrow):
    wanted = element('{%s}%s' % (B, kind))
    of = element('{%s}Object' % B, wanted)
    element('{%s}Address' % A, of, 'http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous')
    reference = element('{%s}ReferenceParameters' % A, of)
    element('{%s}ResourceURI' % W, reference, TEST + class_name)
    chosen = element('{%s}SelectorSet' % W, reference)
    element('{%s}Selector' % W, chosen, key[1], Name=key[0])
    for name, value in narrow.items():
        element('{%s}%s' % (B, name), wanted, value)
    return wanted


@case
def association_filters(peer):
    def found(wanted):
        return items(peer, TEST + '*', filter=wanted, dialect=ASSOCIATION)

    check(sorted(local(item) for item in found(association('AssociatedInstances'))),
          ['Test_Derived', 'Test_Item', 'Test_Item'])
    check(len(found(association('AssociatedInstances', AssociationClassName='Test_Owns'))), 2)
    check(len(found(association('AssociatedInstances', ResultClassName='Test_Base'))), 1)
    check(len(found(association('AssociatedInstances', Role='Owner', ResultRole='Owned'))), 2)
    check(sorted(local(item) for item in found(association('AssociationInstances'))),
          ['Test_Follows', 'Test_Owns', 'Test_Owns'])
    owners = found(association('AssociatedInstances', 'Test_Item', ('Name', 'first')))
    check([text(item, 'Id') for item in owners], ['base'])
    nobody = association('AssociatedInstances', 'Test_Base', ('Id', 'nobody'))
    check(fault(found, nobody).code, 0x80041002)


@case
def methods(peer):
    uri = TEST + 'Test_Methods'
    result = invoke(peer, uri, 'Add', Right='2', Left='40')
    check(result.tag, '{%s}Add_OUTPUT' % uri)
    check([text(result, 'Sum'), text(result, 'ReturnValue')], ['42', '0'])
    result = invoke(peer, uri, 'Reverse', Texts=['a', 'b', 'c'])
    check([child.text for child in result if local(child) == 'Reversed'], ['c', 'b', 'a'])
    one = selectors(Id='one')
    invoke(peer, uri, 'Reset', one)
    check(text(invoke(peer, uri, 'Increment', one, By='3'), 'Counter'), '3')
    check(text(invoke(peer, uri, 'Greet', one, Name='Ada'), 'ReturnValue'), 'Hello Ada from one')
    other = CIM + 'Test_Methods'
    chosen = selectors(__cimnamespace='root/test')
    check(text(invoke(peer, other, 'Swap', chosen, Left='l', Right='r'), 'Left'), 'r')
    check(fault(invoke, peer, uri, 'Nothing').code, 0x8004102E)
    check(fault(invoke, peer, uri, 'Add', Left='x', Right='1').code, 0x80041008)
    check(fault(invoke, peer, uri, 'Add', Left=['1', '2'], Right='1').code, 0x80041008)
    check(fault(invoke, peer, uri, 'Add', Left='1', Right='1', Middle='1').code, 0x80041008)


@case
def process_is_created_and_ended(peer):
    uri = WMI + 'root/cimv2/Win32_Process'
    created = invoke(peer, uri, 'Create', CommandLine='sleep 300')
    check(text(created, 'ReturnValue'), '0')
    handle = selectors(Handle=text(created, 'ProcessId'))
    check(text(peer.wsman.get(uri, selector_set=handle)[0], 'Name'), 'sleep')
    check(text(invoke(peer, uri, 'Terminate', handle), 'ReturnValue'), '0')


@case
def class_definitions(peer):
    def get(name):
        return peer.wsman.get(SCHEMA, selector_set=selectors(__cimnamespace='root/test', ClassName=name))

    found = get('Test_MoreDerived')[0]
    check([found.tag, found.get('SUPERCLASS')], ['CLASS', 'Test_Derived'])
    check([child.get('NAME') for child in found.findall('PROPERTY')], ['Id', 'Name', 'Size', 'Colour'])
    found = get('Test_Arrays')[0]
    check(len(found.findall('PROPERTY.ARRAY')), 16)
    method = get('Test_Methods')[0].find('METHOD[@NAME="Add"]')
    check([child.get('TYPE') for child in method.findall('PARAMETER')], ['sint32', 'sint32', 'sint64'])
    chosen = selectors(__cimnamespace='root/test', ClassName='')
    names = [item.get('NAME') for item in items(peer, SCHEMA, chosen)]
    assert {'Test_Types', 'Test_Owns', '__InstanceCreationEvent'} <= set(names), names
    check(fault(get, 'Nothing').code, 0x80041010)


@case
def events_are_pulled(peer):
    subscribe = element('{%s}Subscribe' % E)
    delivery = element('{%s}Delivery' % E, subscribe, Mode=PULL_MODE)
    element('{%s}Heartbeats' % W, delivery, 'PT1.000S')
    element('{%s}Expires' % E, subscribe, 'PT60.000S')
    element('{%s}Filter' % W, subscribe, 'SELECT * FROM Test_Notice', Dialect=WQL)
    element('{%s}SendBookmarks' % W, subscribe)
    uri = TEST + '*'
    answer = peer.wsman.invoke(E + '/Subscribe', uri, subscribe).find('{%s}Body' % S)[0]
    check(answer.tag, '{%s}SubscribeResponse' % E)
    identifier = answer.find('.//{%s}Identifier' % E).text
    context = answer.findtext('{%s}EnumerationContext' % N)

    def pull(client):
        body = element('{%s}Pull' % N)
        element('{%s}EnumerationContext' % N, body, context)
        element('{%s}MaxElements' % N, body, '10')
        envelope = client.invoke(N + '/Pull', uri, body)
        response = envelope.find('{%s}Body' % S)[0]
        return envelope, [item for item in response.find('{%s}Items' % N)]

    # Silence is broken by a heartbeat without events, as Windows sends it.
    started = time.monotonic()
    check(pull(peer.wsman)[1], [])
    assert 0.9 < time.monotonic() - started < 15
    got = []
    waiting = threading.Thread(target=lambda: got.extend(pull(peer.client())))
    waiting.start()
    invoke(peer, TEST + 'Test_Methods', 'Notify', Text='hello', Count='1')
    waiting.join(30)
    envelope, events = got
    check([local(event) for event in events], ['Test_Notice'])
    check([text(events[0], 'Text'), text(events[0], 'Number')], ['hello', '1'])
    bookmark = envelope.find('{%s}Header/{%s}Bookmark' % (S, W))
    assert bookmark is not None and bookmark.find('.//Bookmark').get('RecordId').isdigit()

    def manage(action, body):
        # pypsrp has no header for the identifier: it is put in beside the others.
        original = peer.wsman._create_header

        def with_identifier(*arguments, **named):
            message, header = original(*arguments, **named)
            element('{%s}Identifier' % E, header, identifier)
            return message, header
        peer.wsman._create_header = with_identifier
        try:
            return peer.wsman.invoke(E + '/' + action, uri, body)
        finally:
            peer.wsman._create_header = original

    renew = element('{%s}Renew' % E)
    element('{%s}Expires' % E, renew, 'PT30.000S')
    check(manage('Renew', renew).find('.//{%s}Expires' % E).text, 'PT30.000S')
    manage('Unsubscribe', element('{%s}Unsubscribe' % E))
    check(fault(pull, peer.wsman).code, 0x8033801B)


@case
def gathered_events(peer):
    query = ("SELECT * FROM Test_Notice GROUP WITHIN 1 BY Text "
             "HAVING NumberOfEvents > 2 AND Representative.Text LIKE 'gathered%'")
    uri = TEST + '*'

    def subscribe(query):
        body = element('{%s}Subscribe' % E)
        element('{%s}Delivery' % E, body, Mode=PULL_MODE)
        element('{%s}Expires' % E, body, 'PT60.000S')
        element('{%s}Filter' % W, body, query, Dialect=WQL)
        return peer.wsman.invoke(E + '/Subscribe', uri, body).find('{%s}Body' % S)[0]

    body = element('{%s}Pull' % N)
    element('{%s}EnumerationContext' % N, body, subscribe(query).findtext('{%s}EnumerationContext' % N))
    for words, count in (('gathered', 3), ('gathered alone', 1), ('other', 4)):
        invoke(peer, TEST + 'Test_Methods', 'Notify', Text=words, Count=str(count))
    envelope = peer.wsman.invoke(N + '/Pull', uri, body)
    event, = envelope.find('{%s}Body' % S)[0].find('{%s}Items' % N)
    check([local(event), text(event, 'NumberOfEvents')], ['__AggregateEvent', '3'])
    first = [child for child in event if local(child) == 'Representative'][0]
    check([text(first, 'Text'), text(first, 'Number')], ['gathered', '1'])
    check(fault(subscribe, 'SELECT * FROM Test_Notice GROUP WITHIN 1 HAVING Number > 1').code, 0x80041017)


@case
def listeners_are_created_changed_and_removed(peer):
    uri = CONFIG + '/Listener'
    chosen = selectors(Address='IP:127.0.0.1', Transport='HTTP')
    space = CONFIG + '/listener'
    body = element('{%s}Listener' % space)
    element('{%s}Port' % space, body, '0')
    element('{%s}Enabled' % space, body, 'true')
    created = peer.wsman.create(uri, body, selector_set=chosen)[0]
    check(created.tag, '{%s}ResourceCreated' % X)
    check(created.find('.//{%s}Selector[@Name="Transport"]' % W).text, 'HTTP')
    found = peer.wsman.get(uri, selector_set=chosen)[0]
    check([text(found, 'Address'), text(found, 'Enabled')], ['IP:127.0.0.1', 'true'])
    client = peer.client(server='127.0.0.1', port=int(text(found, 'Port')), ssl=False, auth='negotiate',
                         encryption='always')
    check(text(client.get(TEST + 'Test_Item', selector_set=selectors(Name='first'))[0], 'Name'), 'first')
    check(fault(peer.wsman.create, uri, body, selector_set=chosen).code, 0x80338033)
    body = element('{%s}Listener' % space)
    element('{%s}Hostname' % space, body, 'other')
    element('{%s}Enabled' % space, body, 'false')
    changed = peer.wsman.put(uri, body, selector_set=chosen)[0]
    check([text(changed, name) for name in ('Hostname', 'Enabled', 'Port')], ['other', 'false', text(found, 'Port')])
    peer.wsman.delete(uri, selector_set=chosen)
    check(fault(peer.wsman.put, uri, body, selector_set=chosen).code, fault(peer.wsman.get, uri, selector_set=chosen).code)
    fault(peer.wsman.get, uri, selector_set=chosen)
    fault(peer.wsman.delete, uri, selector_set=chosen)
    check(fault(peer.wsman.create, uri, body, selector_set=selectors(Address='*', Transport='FTP')).code, 0x8033803D)


@case
def release_ends_an_enumeration(peer):
    uri = TEST + 'Test_Base'
    response = peer.wsman.enumerate(uri, enumerate_body(count=1))[0]
    context = response.findtext('{%s}EnumerationContext' % N)
    for action in ('Release', 'Pull'):
        body = element('{%s}%s' % (N, action))
        element('{%s}EnumerationContext' % N, body, context)
        if action == 'Release':
            peer.wsman.invoke(N + '/Release', uri, body)
        else:
            check(fault(peer.wsman.invoke, N + '/Pull', uri, body).code, 0x8033801B)


@case
def faults_carry_status_and_words(peer):
    wrong = fault(peer.wsman.get, TEST + 'Nothing', selector_set=selectors(Id='1'))
    check(wrong.code, 0x80041010)
    assert 'Nothing' in wrong.reason, wrong.reason
    wrong = fault(peer.wsman.get, WMI + 'root/nowhere/Test_Item', selector_set=selectors(Name='x'))
    check(wrong.code, 0x8004100E)
    wrong = fault(peer.wsman.get, TEST + 'Test_Keys', selector_set=selectors(Text='x'))
    check(wrong.code, 0x80041008)
    assert 'Number' in wrong.reason, wrong.reason
    check(fault(peer.wsman.get, 'urn:nothing').code, 0x8033803B)


@case
def configuration(peer):
    peer.wsman.update_max_payload_size()
    check(peer.wsman.max_envelope_size, 512000)
    listeners = items(peer, CONFIG + '/listener')
    check(sorted(text(item, 'Transport') for item in listeners), ['HTTP', 'HTTPS'])


@case
def a_large_enumeration_comes_whole(peer):
    numbers = items(peer, TEST + '*', filter='SELECT * FROM Test_Number WHERE Number <= 3000', dialect=WQL,
                    count=32000)
    check([int(text(item, 'Number')) for item in numbers], list(range(1, 3001)))


if __name__ == '__main__':
    pypsrp_peer.main(options(), ('ntlm-http', 'basic-https'), 'pypsrp raw WS-Man', Peer)
