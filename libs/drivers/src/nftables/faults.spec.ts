import { describe, expect, it } from 'vitest';
import { RemoteFault, TerminalFault } from '../driver.js';
import { classifyFault, isMissingTable } from './faults.js';

describe('classifyFault', () => {
  it.each<[string, number | null, typeof RemoteFault | typeof TerminalFault]>([
    ['ssh: connect to host 10.0.0.1 port 22: Connection refused', 255, RemoteFault],
    ['ssh: connect to host 10.0.0.1 port 22: Connection timed out', 255, RemoteFault],
    ['Connection closed by 10.0.0.1 port 22', 255, RemoteFault],
    ['ssh: Could not resolve hostname fw: Temporary failure in name resolution', 255, RemoteFault],
    ['Cannot open network namespace "fw": No such file or directory', 255, RemoteFault],
    ['internal:0:0-0: Error: Could not process rule: No such file or directory', 1, RemoteFault],
    ['internal:0:0-0: Error: Could not process rule: Device or resource busy', 1, RemoteFault],
    ['', null, RemoteFault],
    ['Host key verification failed.', 255, TerminalFault],
    ['root@10.0.0.1: Permission denied (publickey).', 255, TerminalFault],
    ['Load key "/etc/cordon/key": invalid format', 255, TerminalFault],
    ['Operation not permitted (you must be root)', 1, TerminalFault],
    ['env: ‘nft’: No such file or directory', 127, TerminalFault],
    ['exec of "nft" failed: No such file or directory', 255, TerminalFault],
    ['internal:0:0-0: Error: Parsing command array at index 0 failed.', 1, TerminalFault],
    ['', 127, TerminalFault],
  ])('takes `%s` with exit code %s for what it is', (stderr, code, fault) => {
    expect(classifyFault('nft -j -f', { code, stderr })).toBeInstanceOf(fault);
  });

  it('tells a table that isn’t there from programs and namespaces that aren’t', () => {
    expect(isMissingTable({ code: 1, stderr: 'Error: No such file or directory\nlist table inet cordon' })).toBe(true);
    expect(isMissingTable({ code: 127, stderr: 'env: ‘nft’: No such file or directory' })).toBe(false);
    expect(isMissingTable({ code: 255, stderr: 'Cannot open network namespace "x": No such file or directory' })).toBe(
      false,
    );
  });
});
