#!/usr/bin/env python3
"""pypsrp as the client of the embedded host.

    pypsrp_client.py --http HOST:PORT --https HOST:PORT --certificate FILE --user NAME --password WORD

Prints one line a case: `pypsrp: CASE: passed|failed: why|skipped: why`.
"""
import threading
import time

from pypsrp_peer import case, check, main, options, run

from pypsrp.client import Client
from pypsrp.exceptions import AuthenticationError, WinRMError, WSManFaultError
from pypsrp.powershell import PowerShell, PSInvocationState, RunspacePool
from pypsrp.shell import Process, SignalCode, WinRS


@case
def open_and_close(peer):
    pool = peer.pool()
    pool.open()
    try:
        check(pool.state, 2)
    finally:
        pool.close()
    check(pool.state, 3)


@case
def command_with_parameters(peer):
    with peer.pool() as pool:
        shell = run(pool, lambda ps: ps.add_cmdlet('Get-Process').add_parameter('Id', 1)
                    .add_cmdlet('Select-Object').add_parameter('Property', ['Id', 'ProcessName', 'Missing']))
        check(shell.had_errors, False)
        process, = shell.output
        check(process.extended_properties['Id'], 1)
        check(list(process.extended_properties), ['Id', 'ProcessName', 'Missing'])
        check(process.types[0], 'Selected.System.Diagnostics.Process')


@case
def typed_objects(peer):
    with peer.pool() as pool:
        shell = run(pool, lambda ps: ps.add_cmdlet('Get-Process'))
        assert len(shell.output) > 1
        for process in shell.output:
            check(process.types[0], 'System.Diagnostics.Process')
            assert isinstance(process.adapted_properties['Id'], int)
            assert process.extended_properties['Name']
        shell = run(pool, lambda ps: ps.add_cmdlet('Get-ChildItem').add_parameter('Path', '/'))
        assert {item.types[0] for item in shell.output} <= {'System.IO.DirectoryInfo', 'System.IO.FileInfo'}


@case
def every_stream(peer):
    with peer.pool() as pool:
        shell = run(pool, lambda ps: ps.add_script(
            'Write-Output out; Write-Error err -ErrorId My.Id -Category InvalidData -TargetObject 7; '
            'Write-Warning warn; Write-Verbose verb -Verbose; Write-Debug dbg -Debug; '
            'Write-Information info -Tags a,b; Write-Host shown -ForegroundColor Red; '
            'Write-Progress -Activity act -Status stat -Id 7 -PercentComplete 42; Write-Output end'))
        check(shell.output, ['out', 'end'])
        error, = shell.streams.error
        check(str(error), 'err')
        check(error.fq_error, 'My.Id')
        check(error.category, 6)
        check(error.target_object, 7)
        check(error.invocation_name, 'Write-Error')
        check([record.message for record in shell.streams.warning], ['warn'])
        check([record.message for record in shell.streams.verbose], ['verb'])
        check([record.message for record in shell.streams.debug], ['dbg'])
        info, shown = shell.streams.information
        check((info.message_data, info.tags), ('info', ['a', 'b']))
        check((shown.tags, shown.message_data.adapted_properties['Message']), (['PSHOST'], 'shown'))
        progress, = shell.streams.progress
        check((progress.activity, progress.percent_complete, progress.activity_id), ('act', 42, 7))


@case
def failing_pipelines(peer):
    with peer.pool() as pool:
        for build, identifier in [
            (lambda ps: ps.add_cmdlet('Get-NoSuch'), 'CommandNotFoundException'),
            (lambda ps: ps.add_script('1 + 1'), 'ScriptsNotAllowed'),
            (lambda ps: ps.add_cmdlet('Get-Date').add_parameter('NoSuch', 1), 'NamedParameterNotFound,'),
            (lambda ps: ps.add_cmdlet('Get-Item').add_parameter('Path', '/no/such')
             .add_parameter('ErrorAction', 'Stop'), 'PathNotFound,'),
        ]:
            shell = run(pool, build)
            check((shell.state, shell.had_errors), (PSInvocationState.FAILED, True))
            found = shell.streams.error[-1].fq_error
            assert found.startswith(identifier), found
        shell = run(pool, lambda ps: ps.add_cmdlet('Write-Output').add_argument('still alive'))
        check(shell.output, ['still alive'])


@case
def pipeline_input(peer):
    with peer.pool() as pool:
        shell = PowerShell(pool)
        shell.add_cmdlet('Sort-Object').add_parameter('Descending', True)
        check(shell.invoke([3, 1, 2]), [3, 2, 1])
        shell = PowerShell(pool)
        shell.add_cmdlet('Measure-Object').add_parameter('Sum', True)
        measured, = shell.invoke(list(range(1, 501)))
        check(measured.adapted_properties['Sum'], 125250.0)
        shell = PowerShell(pool)
        shell.add_cmdlet('Write-Output')
        # pypsrp reads a message without data, which stands for null, as an empty string.
        check(shell.invoke(['a', None, 'b']), ['a', '', 'b'])
        shell = PowerShell(pool)
        shell.add_script('$input | Select-Object -First 1')
        check(shell.invoke(['x', 'y']), ['x'])


@case
def stop_a_running_pipeline(peer):
    with peer.pool() as pool:
        shell = PowerShell(pool)
        shell.add_script('1; Start-Sleep 60; "never"')
        shell.begin_invoke()
        deadline = time.monotonic() + 20
        while not shell.output and time.monotonic() < deadline:
            shell.poll_invoke(timeout=1)
        before = time.monotonic()
        shell.stop()
        check(shell.state, PSInvocationState.STOPPED)
        assert time.monotonic() - before < 10
        check(shell.output, [1])
        shell = run(pool, lambda ps: ps.add_cmdlet('Write-Output').add_argument(2))
        check(shell.output, [2])


@case
def several_pipelines_side_by_side(peer):
    with peer.pool(min_runspaces=1, max_runspaces=4) as pool:
        shells = []
        before = time.monotonic()
        for number in range(4):
            shell = PowerShell(pool)
            shell.add_script(f'Start-Sleep 2; {number}')
            shell.begin_invoke()
            shells.append(shell)
        for shell in shells:
            shell.end_invoke()
        check([shell.output for shell in shells], [[0], [1], [2], [3]])
        taken = time.monotonic() - before
        assert taken < 6, f'four waits of 2 seconds took {taken:.1f}'


@case
def one_runspace_takes_turns(peer):
    with peer.pool(min_runspaces=1, max_runspaces=1) as pool:
        shells = []
        for number in range(3):
            shell = PowerShell(pool)
            shell.add_script(f'Start-Sleep -Milliseconds 300; {number}')
            shell.begin_invoke()
            shells.append(shell)
        for shell in reversed(shells):
            shell.end_invoke()
        check([shell.output for shell in shells], [[0], [1], [2]])


@case
def statements_and_merges(peer):
    with peer.pool() as pool:
        shell = PowerShell(pool)
        shell.add_cmdlet('Write-Output').add_argument('one').add_statement()
        shell.add_cmdlet('Get-NoSuch').add_statement()
        shell.add_cmdlet('Write-Output').add_argument('three')
        shell.invoke()
        check(shell.output, ['one', 'three'])
        check([error.fq_error for error in shell.streams.error], ['CommandNotFoundException'])


@case
def runspace_limits_and_reset(peer):
    with peer.pool(min_runspaces=1, max_runspaces=3) as pool:
        pool.max_runspaces = 5
        check(pool.max_runspaces, 5)
        pool.min_runspaces = 2
        check(pool.min_runspaces, 2)
        check(pool.get_available_runspaces(), 5)


@case
def large_output(peer):
    with peer.pool() as pool:
        shell = run(pool, lambda ps: ps.add_cmdlet('Write-Output').add_argument('x' * 3_000_000))
        check(len(shell.output[0]), 3_000_000)


@case
def command_metadata(peer):
    with peer.pool() as pool:
        found = PowerShell(pool)
        found.add_cmdlet('Get-Command').add_parameter('Name', ['Get-Date', 'Select-Object'])
        names = [command.adapted_properties['Name'] for command in found.invoke()]
        check(sorted(names), ['Get-Date', 'Select-Object'])


@case
def timed_out_receives_are_repeated(peer):
    with RunspacePool(peer.wsman(operation_timeout=1, read_timeout=30)) as pool:
        shell = run(pool, lambda ps: ps.add_script('Start-Sleep 3; "late"'))
        check(shell.output, ['late'])


@case
def programs(peer):
    with WinRS(peer.wsman()) as shell:
        process = Process(shell, 'echo', ['one', 'two'])
        process.invoke()
        process.signal(SignalCode.CTRL_C)
        check((process.stdout.strip(), process.rc), (b'one two', 0))
    with WinRS(peer.wsman(), environment={'WINDLASS_CASE': 'set'}, working_directory='/') as shell:
        process = Process(shell, 'echo $WINDLASS_CASE; pwd; echo bad >&2; exit 3')
        process.invoke()
        process.signal(SignalCode.TERMINATE)
        check((process.stdout, process.stderr, process.rc), (b'set\n/\n', b'bad\n', 3))


@case
def program_input(peer):
    with WinRS(peer.wsman()) as shell:
        process = Process(shell, 'cat', no_shell=True)
        process.begin_invoke()
        process.send(b'first ', end=False)
        process.send(b'last', end=True)
        process.end_invoke()
        process.signal(SignalCode.TERMINATE)
        check((process.stdout, process.rc), (b'first last', 0))


@case
def interrupted_program(peer):
    with WinRS(peer.wsman()) as shell:
        process = Process(shell, 'sleep 60', no_shell=True)
        process.begin_invoke()
        before = time.monotonic()
        process.signal(SignalCode.CTRL_C)
        process.end_invoke()
        process.signal(SignalCode.TERMINATE)
        assert time.monotonic() - before < 20
        assert process.rc != 0


@case
def the_simple_client_runs_programs(peer):
    with Client(**peer.connection()) as client:
        output, error, status = client.execute_cmd('echo out; echo bad >&2; exit 5', environment={'UNUSED': '1'})
        check((output, error, status), ('out\n', 'bad\n', 5))


@case
def unknown_endpoint(peer):
    pool = RunspacePool(peer.wsman(), configuration_name='No.Such.Endpoint')
    try:
        pool.open()
        raise AssertionError('the endpoint was opened')
    except WSManFaultError as error:
        check(error.code, 2150858811)


@case
def wrong_password(peer):
    pool = RunspacePool(peer.wsman(password='wrong'))
    try:
        pool.open()
        raise AssertionError('the wrong password was taken')
    except (AuthenticationError, WinRMError) as error:
        assert not isinstance(error, AssertionError)


@case
def no_leaks(peer):
    pools = [peer.pool() for _ in range(5)]
    for pool in pools:
        pool.open()
    threads = [threading.Thread(target=pool.close) for pool in pools]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check({pool.state for pool in pools}, {3})


main(options())
