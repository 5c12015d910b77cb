#!/usr/bin/env python3
"""pypsrp and an endpoint of the embedded host that is a program: psrpcore in the framing of `pwsh -s`, and a
player of recordings of PowerShell.

Takes the arguments of pypsrp_client.py. Prints one line a case.
"""
import glob
import json
import os
import subprocess
import time

from foreign import is_gone
from pypsrp_peer import Skipped, case, check, main, options

from pypsrp.exceptions import WSManFaultError
from pypsrp.powershell import PowerShell, PSInvocationState, RunspacePool

RECORDED = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../fixtures/recorded/psrp')


def invoke(pool, command, *arguments):
    shell = PowerShell(pool)
    shell.add_cmdlet(command)
    for argument in arguments:
        shell.add_argument(argument)
    shell.invoke()
    shell.close()
    return list(shell.output)


def core(peer, **settings):
    return peer.pool(configuration_name='Psrpcore', **settings)


@case
def commands_run_in_the_program(peer):
    with core(peer) as pool:
        check(invoke(pool, 'echo', 'one', 2, 'drei'), ['one', 2, 'drei'])
        check(invoke(pool, 'echo', 'again'), ['again'])
        process, = invoke(pool, 'pid')
    check(is_gone(process), True)


@case
def each_shell_has_its_process(peer):
    with core(peer) as first, core(peer) as second:
        ids = {*invoke(first, 'pid'), *invoke(second, 'pid')}
        check(len(ids), 2)


@case
def much_output_arrives(peer):
    with core(peer) as pool:
        check(invoke(pool, 'count', 3000), list(range(3000)))
        check(invoke(pool, 'echo', 'x' * 200_000), ['x' * 200_000])


@case
def a_pipeline_is_stopped(peer):
    with core(peer) as pool:
        shell = PowerShell(pool)
        shell.add_cmdlet('wait')
        shell.begin_invoke()
        shell.stop()
        check(shell.state, PSInvocationState.STOPPED)
        check(invoke(pool, 'echo', 1), [1])


@case
def the_client_may_leave_and_come_back(peer):
    with core(peer) as pool:
        shell = PowerShell(pool)
        shell.add_cmdlet('count').add_argument(500)
        shell.begin_invoke()
        pool.disconnect()
        time.sleep(0.3)
        pool.connect()
        left, = pool.create_disconnected_power_shells()
        check(list(left.connect()), list(range(500)))


@case
def another_client_takes_over(peer):
    pool = core(peer, max_runspaces=3)
    pool.open()
    shell = PowerShell(pool)
    shell.add_cmdlet('count').add_argument(50)
    shell.begin_invoke()
    pool.disconnect()
    taken, = (found for found in RunspacePool.get_runspace_pools(peer.wsman()) if found.id == pool.id)
    taken.shell.resource_uri = pool.shell.resource_uri
    taken.connect()
    check(taken.max_runspaces, 3)
    left, = taken.create_disconnected_power_shells()
    check(list(left.connect()), list(range(50)))
    check(invoke(taken, 'echo', 'new'), ['new'])
    taken.close()


@case
def a_program_that_dies_is_noticed(peer):
    pool = core(peer)
    pool.open()
    try:
        invoke(pool, 'die')
        raise AssertionError('the program is dead and nobody noticed')
    except WSManFaultError as error:
        check(error.code, 1726)
    finally:
        pool.close()


@case
def a_program_that_cannot_be_started_is_refused(peer):
    pool = peer.pool(configuration_name='Missing')
    try:
        pool.open()
        raise AssertionError('the shell was opened')
    except WSManFaultError as error:
        check(error.code, 5)


STRANGER = 65534
PLAYER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'recording_player.py')


def players():
    """Users and groups of the players of recordings that run, by their ids: real, effective, saved, of files."""
    found = {}
    for folder in glob.glob('/proc/[0-9]*'):
        try:
            with open(f'{folder}/cmdline', 'rb') as file:
                command = file.read().split(b'\0')
            with open(f'{folder}/status', encoding='utf-8') as file:
                status = dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)
        except OSError:
            continue
        if PLAYER.encode() in command:
            found[int(status['Pid'])] = [*status['Uid'].split(), *status['Gid'].split(), *status['Groups'].split()]
    return found


@case
def a_program_runs_as_its_account_or_not_at_all(peer):
    pool = peer.pool(configuration_name='Stranger')
    if os.geteuid() != 0:
        try:
            pool.open()
            raise AssertionError('the shell was opened')
        except WSManFaultError as error:
            check(error.code, 5)
        return
    try:
        subprocess.run(['/usr/bin/python3', '-c', 'import sys; open(sys.argv[1])', PLAYER], user=STRANGER,
                       group=STRANGER, extra_groups=[], cwd='/', capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Skipped('others have no Python, or may not read these scripts') from error
    before = players()
    with pool:
        (process, ids), = (found for found in players().items() if found[0] not in before)
        check(set(ids), {str(STRANGER)})
    check(is_gone(process), True)


def recorded(name):
    def play(peer):
        with open(os.path.join(RECORDED, f'{name}.json'), encoding='utf-8') as file:
            steps = [step for step in json.load(file)['steps'].values() if step.get('state') != 'NotStarted']
        with peer.pool(configuration_name=f'Recorded.{name}') as pool:
            for step in steps:
                shell = PowerShell(pool)
                shell.add_script('whatever')
                shell.invoke()
                shell.close()
                check(len(shell.output), len(step['output']))
                check(PSInvocationState.COMPLETED if step['state'] == 'Completed' else PSInvocationState.FAILED,
                      shell.state)
                for found, expected in zip(shell.output, step['output']):
                    if expected is not None and expected['t'] in ('System.Int32', 'System.String'):
                        check(str(found), str(expected['v']))
    play.__name__ = f'PowerShell_as_recorded_in_{name}'
    case(play)


for recording in ('output-simple', 'streams', 'errors', 'open-close'):
    recorded(recording)

main(options(), transports=('ntlm-http', 'basic-https'))
