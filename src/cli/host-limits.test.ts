import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readHostLimits } from './host-limits.ts'

describe('readHostLimits', () => {
  const cases: { fact: string; files: Record<string, string>; cores: number; memoryBytes: number }[] = [
    { fact: 'no cgroup at all is the machine itself', files: {}, cores: 8, memoryBytes: 16e9 },
    {
      fact: 'version 2 in its own namespace',
      files: {
        '/proc/self/cgroup': '0::/\n',
        '/sys/fs/cgroup/cpu.max': '250000 100000\n',
        '/sys/fs/cgroup/memory.max': '2000000000\n',
      },
      cores: 2,
      memoryBytes: 2e9,
    },
    {
      fact: 'version 2 without limits',
      files: {
        '/proc/self/cgroup': '0::/\n',
        '/sys/fs/cgroup/cpu.max': 'max 100000\n',
        '/sys/fs/cgroup/memory.max': 'max\n',
      },
      cores: 8,
      memoryBytes: 16e9,
    },
    {
      fact: 'a limit of an ancestor counts',
      files: { '/proc/self/cgroup': '0::/pods/a\n', '/sys/fs/cgroup/pods/cpu.max': '300000 100000\n' },
      cores: 3,
      memoryBytes: 16e9,
    },
    {
      fact: 'less than one core is one core',
      files: { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '50000 100000\n' },
      cores: 1,
      memoryBytes: 16e9,
    },
    {
      fact: 'version 1, seen from outside the namespace',
      files: {
        '/proc/self/cgroup': '5:cpuacct,cpu:/docker/1f\n4:memory:/docker/1f\n0::/\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '400000\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': '1000000000\n',
      },
      cores: 4,
      memoryBytes: 1e9,
    },
    {
      fact: 'version 1 without limits',
      files: {
        '/proc/self/cgroup': '5:cpu:/\n4:memory:/\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
      },
      cores: 8,
      memoryBytes: 16e9,
    },
  ]
  for (const { fact, files, cores, memoryBytes } of cases) {
    test(fact, () => {
      const limits = readHostLimits({ cores: 8, memoryBytes: 16e9, read: (path) => files[path] })
      assert.deepEqual(limits, {
        cores,
        memoryBytes,
        cpuLimited: cores < 8,
        memoryLimited: memoryBytes < 16e9,
      })
    })
  }

  test('this machine has a core and some memory', () => {
    const { cores, memoryBytes } = readHostLimits()
    assert.ok(cores >= 1 && memoryBytes > 1e6)
  })
})
