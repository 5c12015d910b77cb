#!/usr/bin/env python3
"""pypsrp leaves sessions of the embedded host and comes back to them, from the same and from another process.

Takes the arguments of pypsrp_client.py. Prints one line a case.
"""
import subprocess
import sys
import time
from xml.etree.ElementTree import Element

from pypsrp_peer import Peer, case, check, main, options, run

from pypsrp.exceptions import WSManFaultError
from pypsrp.powershell import PowerShell, PSInvocationState, RunspacePool, RunspacePoolState
from pypsrp.shell import Process, SignalCode, WinRS

SHELL_IN_USE = 0x803381CD
SHELL_DISCONNECTED = 0x803381C4
UNEXPECTED_SELECTORS = 0x8033805B
SHELL = "{http://schemas.microsoft.com/wbem/wsman/1/windows/shell}"
SLOW = '1; Start-Sleep -Milliseconds 700; 2'


def started(pool, script=SLOW):
    shell = PowerShell(pool)
    shell.add_script(script)
    shell.begin_invoke()
    return shell


def others(peer):
    """The pools of the user as a client sees them that knows nothing."""
    return RunspacePool.get_runspace_pools(peer.wsman())


def fault(action):
    try:
        action()
    except WSManFaultError as error:
        return error.code
    raise AssertionError('there was no fault')


@case
def leave_and_come_back(peer):
    with peer.pool() as pool:
        for _ in range(2):
            pool.disconnect()
            check(pool.state, RunspacePoolState.DISCONNECTED)
            pool.connect()
            check(pool.state, RunspacePoolState.OPENED)
        check(run(pool, lambda ps: ps.add_script('"here"')).output, ['here'])


@case
def come_back_to_running_pipelines(peer):
    with peer.pool(max_runspaces=2) as pool:
        shells = [started(pool), started(pool, '"other"')]
        pool.disconnect()
        check([shell.state for shell in shells], [PSInvocationState.DISCONNECTED] * 2)
        time.sleep(1)
        pool.connect()
        outputs = [list(shell.connect()) for shell in pool.create_disconnected_power_shells()]
        check(outputs, [[1, 2], ['other']])


@case
def a_left_shell_refuses_work(peer):
    with peer.pool() as pool:
        pool.disconnect()
        check(fault(lambda: pool.shell.receive('stdout')), SHELL_DISCONNECTED)
        check(fault(lambda: pool.shell.command('', arguments=[''])), SHELL_DISCONNECTED)
        pool.connect()


@case
def a_shell_in_use_is_not_handed_over(peer):
    with peer.pool() as pool:
        found, = (found for found in others(peer) if found.id == pool.id)
        check(fault(found.connect), SHELL_IN_USE)


@case
def pools_are_listed_with_their_pipelines(peer):
    first, second = peer.pool(), peer.pool()
    first.open()
    second.open()
    try:
        shell = started(first)
        first.disconnect()
        found = {pool.id: pool for pool in others(peer)}
        check({first.id, second.id} <= set(found), True)
        check(list(found[first.id].pipelines), [shell.id])
        check(found[second.id].pipelines, {})
        check({pool.state for pool in found.values()}, {RunspacePoolState.DISCONNECTED})
    finally:
        first.close()
        second.close()


@case
def a_new_client_takes_over(peer):
    pool = peer.pool(max_runspaces=3)
    pool.open()
    shell = started(pool)
    pool.disconnect()
    taken, = (found for found in others(peer) if found.id == pool.id)
    taken.connect()
    check((taken.state, taken.max_runspaces), (RunspacePoolState.OPENED, 3))
    assert 'PSVersionTable' in taken.application_private_data.data
    running, = taken.create_disconnected_power_shells()
    check(running.id, shell.id)
    check(list(running.connect()), [1, 2])
    check(run(taken, lambda ps: ps.add_script('"new"')).output, ['new'])
    taken.close()
    check(taken.state, RunspacePoolState.CLOSED)


@case
def another_process_takes_over(peer):
    pool = peer.pool()
    pool.open()
    started(pool)
    pool.disconnect()
    arguments = [*sys.argv, '--take', f'{peer.transport}/{pool.id}']
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=60)
    check((done.returncode, done.stdout.split()), (0, ['1', '2', 'closed']))
    check(fault(pool.connect), UNEXPECTED_SELECTORS)


@case
def much_output_waits_for_the_client(peer):
    with peer.pool() as pool:
        shell = PowerShell(pool)
        shell.add_cmdlet('Select-Object').add_parameter('First', 1500)
        shell.begin_invoke((f'{number:0200}' for number in range(1500)))
        pool.disconnect()
        time.sleep(0.5)
        pool.connect()
        waiting, = pool.create_disconnected_power_shells()
        output = list(waiting.connect())
        check((len(output), output[-1]), (1500, f'{1499:0200}'))


@case
def a_pool_that_was_left_can_be_closed(peer):
    pool = peer.pool()
    pool.open()
    pool.disconnect()
    pool.close()
    check([found for found in others(peer) if found.id == pool.id], [])


@case
def a_program_goes_on(peer):
    with WinRS(peer.wsman()) as shell:
        process = Process(shell, 'echo one; sleep 0.5; echo two')
        process.begin_invoke()
        selectors = shell._selector_set
        body = Element(f"{SHELL}Disconnect")
        shell.wsman.disconnect(shell.resource_uri, body, selector_set=selectors)
        check(fault(process.poll_invoke), SHELL_DISCONNECTED)
        shell.wsman.reconnect(shell.resource_uri, selector_set=selectors)
        again = Element(f"{SHELL}Reconnect", CommandId=process.id)
        shell.wsman.reconnect(shell.resource_uri, again, selector_set=selectors)
        process.end_invoke()
        process.signal(SignalCode.TERMINATE)
        check((process.stdout, process.rc), (b'one\ntwo\n', 0))


def take(given):
    """What the other process does: it takes over what was left and prints what it gets."""
    transport, wanted = given.take.split('/')
    pool, = (found for found in others(Peer(given, transport)) if found.id == wanted)
    pool.connect()
    for shell in pool.create_disconnected_power_shells():
        print(*shell.connect())
    pool.close()
    print('closed')


GIVEN = options('take')
if GIVEN.take:
    take(GIVEN)
else:
    main(GIVEN)
