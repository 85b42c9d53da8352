import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ReadText } from './cgroup.ts'
import { type MemorySample, readMemorySample, sampleMemory } from './sample.ts'

const GIB = 1024 ** 3
const MIB = 1024 ** 2

/** The lines that matter of a machine with 24 GB. */
const MEMINFO = `MemTotal:       24684084 kB
MemFree:        19838680 kB
MemAvailable:   23769100 kB
Buffers:          134924 kB
`

/** As systemd sets up a machine with version 2 only. */
const MOUNT_V2 =
  '35 24 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n'

/** Of a virtual machine with both versions mounted; memory is with version 1. */
const MOUNT_HYBRID = `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`

const UNLIMITED_V1 = '9223372036854771712\n'

type Files = Readonly<Record<string, string>>

function sampleOf(files: Files): MemorySample {
  const read: ReadText = (path) => ({ '/proc/meminfo': MEMINFO, ...files })[path]
  return sampleMemory(read, { totalBytes: 7 * GIB, freeBytes: 5 * GIB })
}

function groupV2(folder: string, files: Files): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/memory.${name}`, text]))
}

const groupV1 = groupV2

describe('the machine', () => {
  test('is its total and what is available of it', () => {
    assert.deepEqual(sampleOf({}), {
      limitBytes: 24684084 * 1024,
      usedBytes: (24684084 - 23769100) * 1024,
      freeBytes: 23769100 * 1024,
      source: 'host',
    })
  })

  test('is what Node says where there is no /proc', () => {
    const sample = sampleMemory(() => undefined, { totalBytes: 7 * GIB, freeBytes: 5 * GIB })
    assert.deepEqual(sample, { limitBytes: 7 * GIB, usedBytes: 2 * GIB, freeBytes: 5 * GIB, source: 'host' })
  })

  test('tells how long all work stood still', () => {
    const pressure =
      'some avg10=31.20 avg60=12.01 avg300=3.40 total=1729301\nfull avg10=12.50 avg60=4.00 avg300=1.00 total=9\n'
    assert.equal(sampleOf({ '/proc/pressure/memory': pressure }).stalledPercent, 12.5)
  })

  test('on which this runs has memory, some of it used', () => {
    const { limitBytes, usedBytes, freeBytes } = readMemorySample()
    assert.ok(usedBytes > 0 && freeBytes > 0 && usedBytes < limitBytes)
    assert.equal(freeBytes, limitBytes - usedBytes)
  })
})

describe('version 2', () => {
  const own = '/sys/fs/cgroup/user.slice/app.scope'
  const base: Files = {
    '/proc/self/cgroup': '0::/user.slice/app.scope\n',
    '/proc/self/mountinfo': MOUNT_V2,
  }
  const stat =
    'anon 314572800\nfile 943718400\nshmem 0\nfile_dirty 10485760\nfile_writeback 0\ninactive_file 209715200\nactive_file 733937664\nslab_reclaimable 20971520\n'

  test('counts what the kernel cannot take back: not the file cache, but what waits to be written', () => {
    const files = { ...base, ...groupV2(own, { max: '2147483648\n', current: '1342177280\n', stat }) }
    assert.deepEqual(sampleOf(files), {
      limitBytes: 2 * GIB,
      usedBytes: 1342177280 - (209715200 + 733937664 - 10485760) - 20971520,
      freeBytes: 2 * GIB - (1342177280 - (209715200 + 733937664 - 10485760) - 20971520),
      source: 'cgroup-v2',
    })
  })

  test('`max` is no limit', () => {
    const files = { ...base, ...groupV2(own, { max: 'max\n', high: 'max\n', current: '1342177280\n', stat }) }
    assert.equal(sampleOf(files).source, 'host')
  })

  test('memory.high counts when it is lower', () => {
    const files = {
      ...base,
      ...groupV2(own, { max: '2147483648\n', high: '1073741824\n', current: '5242880\n' }),
    }
    assert.equal(sampleOf(files).limitBytes, GIB)
  })

  test('a tight group around a roomy one is what counts, with its own use and pressure', () => {
    const files = {
      ...base,
      ...groupV2(own, { max: `${8 * GIB}\n`, current: `${100 * MIB}\n`, stat: '' }),
      ...groupV2('/sys/fs/cgroup/user.slice', {
        max: `${GIB}\n`,
        current: `${900 * MIB}\n`,
        pressure:
          'some avg10=1.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.75 avg60=0.00 avg300=0.00 total=1\n',
      }),
    }
    assert.deepEqual(sampleOf(files), {
      limitBytes: GIB,
      usedBytes: 900 * MIB,
      freeBytes: 124 * MIB,
      source: 'cgroup-v2',
      stalledPercent: 0.75,
    })
  })

  test('a machine that is nearly full is tighter than a group with room', () => {
    const files = {
      ...base,
      '/proc/meminfo': 'MemTotal: 4194304 kB\nMemAvailable: 204800 kB\n',
      ...groupV2(own, { max: `${2 * GIB}\n`, current: `${100 * MIB}\n` }),
    }
    assert.deepEqual([sampleOf(files).source, sampleOf(files).freeBytes], ['host', 200 * MIB])
  })

  test('a container sees its own group at the mount', () => {
    const files = {
      '/proc/self/cgroup': '0::/\n',
      '/proc/self/mountinfo':
        '1234 1220 0:29 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate\n',
      ...groupV2('/sys/fs/cgroup', {
        max: '536870912\n',
        current: '104857600\n',
        stat: 'inactive_file 4194304\n',
      }),
    }
    assert.equal(sampleOf(files).limitBytes, 512 * MIB)
    assert.equal(sampleOf(files).usedBytes, 96 * MIB)
  })

  for (const path of ['/../../system.slice/x', '/elsewhere']) {
    test(`a group outside of what is mounted (${path}) stands for the mount`, () => {
      const files = {
        '/proc/self/cgroup': `0::${path}\n`,
        '/proc/self/mountinfo': '50 24 0:30 /docker/ab12 /sys/fs/cgroup ro - cgroup2 cgroup rw\n',
        ...groupV2('/sys/fs/cgroup', { max: '536870912\n', current: '1048576\n' }),
      }
      assert.equal(sampleOf(files).limitBytes, 512 * MIB)
    })
  }

  test('a mount point with a space in its name is found', () => {
    const files = {
      '/proc/self/cgroup': '0::/a\n',
      '/proc/self/mountinfo': '50 24 0:30 / /mnt/c\\040group rw - cgroup2 cgroup rw\n',
      ...groupV2('/mnt/c group/a', { max: '536870912\n', current: '1048576\n' }),
    }
    assert.equal(sampleOf(files).limitBytes, 512 * MIB)
  })

  test('a limit without a readable use, or text that is no number, says nothing', () => {
    assert.equal(sampleOf({ ...base, ...groupV2(own, { max: '1048576\n' }) }).source, 'host')
    assert.equal(sampleOf({ ...base, ...groupV2(own, { max: '-1\n', current: '1\n' }) }).source, 'host')
  })
})

describe('version 1', () => {
  const folder = '/sys/fs/cgroup/memory/job/ab12'
  const base: Files = {
    '/proc/self/cgroup': '9:name=systemd:/\n4:memory:/job/ab12\n1:cpu:/\n0::/\n',
    '/proc/self/mountinfo': MOUNT_HYBRID,
  }
  const stat = (hierarchicalBytes: number | string): string =>
    `cache 69632\nrss 1753088\ninactive_file 61440\nactive_file 8192\nhierarchical_memory_limit ${hierarchicalBytes}\ntotal_cache 209735680\ntotal_dirty 1048576\ntotal_writeback 0\ntotal_inactive_file 104857600\ntotal_active_file 104857600\n`

  test('in a hybrid set-up memory is where its controller is', () => {
    const files = {
      ...base,
      ...groupV1(folder, {
        limit_in_bytes: '1073741824\n',
        usage_in_bytes: '524288000\n',
        stat: stat(GIB),
      }),
    }
    assert.deepEqual(sampleOf(files), {
      limitBytes: GIB,
      usedBytes: 524288000 - (2 * 104857600 - 1048576),
      freeBytes: GIB - (524288000 - (2 * 104857600 - 1048576)),
      source: 'cgroup-v1',
    })
  })

  test('the number that stands for "no limit" is none', () => {
    const files = {
      ...base,
      ...groupV1(folder, {
        limit_in_bytes: UNLIMITED_V1,
        usage_in_bytes: '3584000\n',
        stat: stat(UNLIMITED_V1.trim()),
      }),
    }
    assert.equal(sampleOf(files).source, 'host')
  })

  test('a limit above the mount is known from the hierarchy, and the highest group in sight is its use', () => {
    const files = {
      '/proc/self/cgroup': '4:memory:/docker/ab12/inner\n',
      '/proc/self/mountinfo': '35 31 0:32 /docker/ab12 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n',
      ...groupV1('/sys/fs/cgroup/memory/inner', {
        limit_in_bytes: UNLIMITED_V1,
        usage_in_bytes: '10485760\n',
        stat: 'hierarchical_memory_limit 536870912\n',
      }),
      ...groupV1('/sys/fs/cgroup/memory', { limit_in_bytes: UNLIMITED_V1, usage_in_bytes: '104857600\n' }),
    }
    assert.deepEqual(sampleOf(files), {
      limitBytes: 512 * MIB,
      usedBytes: 100 * MIB,
      freeBytes: 412 * MIB,
      source: 'cgroup-v1',
    })
  })

  test('controllers that share a mount are found by name', () => {
    const files = {
      '/proc/self/cgroup': '3:cpu,cpuacct:/x\n2:hugetlb,memory:/x\n',
      '/proc/self/mountinfo': '35 31 0:32 / /cg/mem rw - cgroup cgroup rw,hugetlb,memory\n',
      ...groupV1('/cg/mem/x', { limit_in_bytes: '536870912\n', usage_in_bytes: '1048576\n' }),
    }
    assert.equal(sampleOf(files).limitBytes, 512 * MIB)
  })
})
