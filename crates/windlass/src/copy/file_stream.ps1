# The calls of Invoke-FileStream, for endpoints with the full language. One of the first parameters says what
# is to be done.
param(
    [string] $Describe, [string] $List, [string] $Hash, [string] $Send, [string] $Receive, [string] $Complete,
    [string] $NewFolder, [string] $SetTime,
    [string] $Destination, [string] $Sha256, [long] $Offset, [long] $Count, [long] $Length,
    [Nullable[datetime]] $LastWriteTimeUtc, [switch] $ReadOnly, [switch] $Force
)
begin {
    $ErrorActionPreference = 'Stop'
    function Get-FullPath([string] $path) {
        $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($path)
    }
    function Open-File([string] $path, [IO.FileMode] $mode, [IO.FileAccess] $access) {
        [IO.File]::Open((Get-FullPath $path), $mode, $access, [IO.FileShare] 'ReadWrite, Delete')
    }
    function Get-Description($item) {
        $isDirectory = $item -is [IO.DirectoryInfo]
        @{
            Name = $item.Name
            FullName = $item.FullName
            IsDirectory = $isDirectory
            Length = $(if ($isDirectory) { [long] 0 } else { [long] $item.Length })
            LastWriteTimeUtc = $item.LastWriteTimeUtc
            IsReadOnly = (-not $isDirectory) -and $item.IsReadOnly
        }
    }
    function Get-Digest([string] $path, [long] $most) {
        $sha = [Security.Cryptography.SHA256]::Create()
        $file = Open-File $path Open Read
        try {
            $buffer = New-Object byte[] 1048576
            $total = [long] 0
            while ($total -lt $most) {
                $read = $file.Read($buffer, 0, [int] [Math]::Min([long] $buffer.Length, $most - $total))
                if ($read -eq 0) { break }
                [void] $sha.TransformBlock($buffer, 0, $read, $null, 0)
                $total += $read
            }
            [void] $sha.TransformFinalBlock($buffer, 0, 0)
            @{ Length = $total; Sha256 = [BitConverter]::ToString($sha.Hash).Replace('-', '').ToLowerInvariant() }
        } finally {
            $file.Dispose()
            $sha.Dispose()
        }
    }
    $incoming = $null
    if ($Receive) {
        $incoming = Open-File $Receive $(if ($Offset) { 'Open' } else { 'Create' }) Write
        try {
            if ($incoming.Length -lt $Offset) { throw "It has fewer than $Offset bytes: '$Receive'" }
            $incoming.SetLength($Offset)
            [void] $incoming.Seek($Offset, [IO.SeekOrigin]::Begin)
        } catch {
            $incoming.Dispose()
            throw
        }
    }
}
process {
    if ($incoming -and ($null -ne $_)) {
        try {
            [byte[]] $bytes = $_
            $incoming.Write($bytes, 0, $bytes.Length)
        } catch {
            $incoming.Dispose()
            throw
        }
    }
}
end {
    if ($incoming) {
        try { @{ Length = $incoming.Position } } finally { $incoming.Dispose() }
    } elseif ($Describe) {
        Get-Item -Path $Describe -Force -ErrorAction SilentlyContinue | ForEach-Object { Get-Description $_ }
    } elseif ($List) {
        Get-ChildItem -LiteralPath $List -Force | ForEach-Object { Get-Description $_ }
    } elseif ($Hash) {
        Get-Digest $Hash $Length
    } elseif ($Send) {
        $file = Open-File $Send Open Read
        try {
            [void] $file.Seek($Offset, [IO.SeekOrigin]::Begin)
            $left = $Count
            while ($left -gt 0) {
                $buffer = New-Object byte[] ([int] [Math]::Min([long] 65536, $left))
                $read = $file.Read($buffer, 0, $buffer.Length)
                if ($read -eq 0) { break }
                if ($read -lt $buffer.Length) { [Array]::Resize([ref] $buffer, $read) }
                , $buffer
                $left -= $read
            }
            @{ Length = $file.Length }
        } finally {
            $file.Dispose()
        }
    } elseif ($Complete) {
        $part = Get-FullPath $Complete
        $target = Get-FullPath $Destination
        $found = Get-Digest $Complete ([long]::MaxValue)
        if ($found.Length -ne $Length -or $found.Sha256 -ne $Sha256) {
            [IO.File]::Delete($part)
            throw "The file '$target' did not arrive as it was sent: $($found.Length) bytes with SHA-256 $($found.Sha256), expected $Length bytes with $Sha256."
        }
        if ([IO.Directory]::Exists($target)) { throw "Access to the path '$target' is denied: it is a directory." }
        if ([IO.File]::Exists($target)) {
            $there = New-Object IO.FileInfo $target
            if ($there.IsReadOnly) {
                if (-not $Force) { throw "Access to the path '$target' is denied: it is read-only." }
                $there.IsReadOnly = $false
            }
            [IO.File]::Delete($target)
        }
        if ($null -ne $LastWriteTimeUtc) { [IO.File]::SetLastWriteTimeUtc($part, $LastWriteTimeUtc.ToUniversalTime()) }
        [IO.File]::Move($part, $target)
        if ($ReadOnly) { (New-Object IO.FileInfo $target).IsReadOnly = $true }
        @{ FullName = $target; Length = $found.Length; Sha256 = $found.Sha256 }
    } elseif ($NewFolder) {
        $path = Get-FullPath $NewFolder
        $isNew = -not [IO.Directory]::Exists($path)
        [void] [IO.Directory]::CreateDirectory($path)
        @{ FullName = $path; IsNew = $isNew }
    } elseif ($SetTime) {
        [IO.Directory]::SetLastWriteTimeUtc((Get-FullPath $SetTime), $LastWriteTimeUtc.ToUniversalTime())
    }
}
