/**
 * Holds Dockerfile, compose.yaml, systemd units and provisioning to the program and to the repository. No image is built
 * here: whether every command line in them is one, every file that is mounted exists, every secret is defined.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { CommanderError } from 'commander'
import { parse } from 'yaml'
import { sharedOptions } from '../src/cli/command.ts'
import { resolveConfig } from '../src/cli/config.ts'
import { CONFIG_KEY_NAMES, toVariable } from '../src/cli/config-keys.ts'
import { wholeProgram } from '../src/cli/testing/whole-program.ts'

const run = promisify(execFile)

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string }

/** Parses a command line as the program would; and its settings, which are only looked at when a command runs. */
async function parseLine(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const program = wholeProgram()
  let given: Record<string, unknown> = {}
  program.hook('preAction', (_, command) => {
    given = command.opts()
  })
  await program.parseAsync(words, { from: 'user' })
  // `--no-color` says of itself that it was not given.
  const keys = CONFIG_KEY_NAMES.filter((key) => key !== 'color')
  const { flags } = sharedOptions(given, keys)
  const { problems, warnings } = resolveConfig({ cwd: '/', flags, env })
  assert.deepEqual([...problems, ...warnings], [], words.join(' '))
}

interface Service {
  readonly image: string
  readonly build?: { readonly context: string }
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly networks?: readonly string[]
  readonly secrets?: readonly string[]
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean }
  readonly depends_on?: readonly string[] | Readonly<Record<string, unknown>>
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly networks: Readonly<Record<string, unknown>>
  readonly volumes: Readonly<Record<string, unknown>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
}

/** As compose does where no variable is set: `${PORT:-5000}` is 5000, `$$` is a dollar. */
function interpolate(text: string): string {
  return text.replaceAll(/\$\$|\$\{\w+:-(?<fallback>[^}]*)\}/gu, (whole, fallback: string | undefined) =>
    whole === '$$' ? '$' : (fallback ?? ''),
  )
}

const composeText = readFileSync('compose.yaml', 'utf8')
const compose = parse(interpolate(composeText), { merge: true }) as Compose
const services = Object.entries(compose.services)
const ours = services.filter(([, { build }]) => build !== undefined)

describe('compose.yaml', () => {
  test('has a coordinator, workers, Valkey, Prometheus and Grafana', () => {
    assert.deepEqual(
      services.map(([name]) => name),
      ['coordinator', 'worker', 'valkey', 'prometheus', 'grafana'],
    )
  })

  for (const [name, { command = [], environment = {} }] of ours) {
    test(`starts ${name} with a command line that the program has`, async () => {
      await parseLine(command, environment)
    })
  }

  test('names each image with a tag, ours with the version of the package', () => {
    for (const [name, { image }] of services) assert.match(image, /^[\w./-]+:[\w.]*\d[\w.]*$/u, name)
    assert.deepEqual(new Set(ours.map(([, { image }]) => image)), new Set([`heirloom:${version}`]))
  })

  test('listens on 127.0.0.1 alone, and on other addresses only by BIND_ADDRESS', () => {
    const ports = services.flatMap(([, one]) => one.ports ?? [])
    assert.equal(ports.length, 3)
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/u)
    assert.doesNotMatch(composeText, /network_mode/u)
  })

  test('mounts files that exist', () => {
    const mounts = services.flatMap(([, { volumes = [] }]) => volumes.map((one) => one.split(':')[0] ?? ''))
    const files = mounts.filter((one) => one.startsWith('./') && !['./library', './exports'].includes(one))
    assert.ok(files.length >= 5)
    assert.deepEqual(
      files.filter((file) => !existsSync(file)),
      [],
    )
    const named = mounts.filter((one) => /^\w/u.test(one))
    assert.deepEqual(new Set(named), new Set(Object.keys(compose.volumes)))
  })

  test('takes the exports read-only', () => {
    const mounts = ours.flatMap(([, { volumes = [] }]) => volumes.filter((one) => one.includes(':/exports')))
    assert.deepEqual(mounts, ['./exports:/exports:ro', './exports:/exports:ro'])
  })

  test('refers to secrets, networks and services that it defines, and to all of them', () => {
    const used = (pick: (service: Service) => readonly string[]): Set<string> =>
      new Set(services.flatMap(([, service]) => pick(service)))
    assert.deepEqual(
      used(({ secrets = [] }) => secrets),
      new Set(Object.keys(compose.secrets)),
    )
    assert.deepEqual(
      used(({ networks = [] }) => networks),
      new Set(Object.keys(compose.networks)),
    )
    const needed = used(({ depends_on = [] }) =>
      Array.isArray(depends_on) ? depends_on : Object.keys(depends_on),
    )
    for (const name of needed) assert.ok(name in compose.services, name)
  })

  test('hands secrets over in files of their own services alone', () => {
    for (const [name, service] of services) {
      const named = [...JSON.stringify(service).matchAll(/\/run\/secrets\/(?<secret>[\w-]+)/gu)]
      for (const { groups } of named) assert.ok(service.secrets?.includes(groups?.['secret'] ?? ''), name)
    }
    const prometheus = readFileSync('packaging/prometheus/prometheus.yml', 'utf8')
    assert.ok(prometheus.includes('/run/secrets/heirloom-token'))
  })

  test('has a health check for each service that can be asked, and waits for it', () => {
    for (const [name, { healthcheck }] of services) {
      // The coordinator's is in the image.
      if (name === 'coordinator') assert.equal(healthcheck, undefined)
      else assert.ok(healthcheck?.disable === true || healthcheck?.test !== undefined, name)
    }
    for (const [name, { depends_on: needs }] of ours)
      assert.deepEqual(needs, { valkey: { condition: 'service_healthy' } }, name)
  })
})

const dockerfile = readFileSync('Dockerfile', 'utf8')

describe('Dockerfile', () => {
  const words = (instruction: string): string[] =>
    JSON.parse(
      new RegExp(`^${instruction} (?<words>\\[.*\\])$`, 'mu').exec(dockerfile)?.groups?.['words'] ?? '[]',
    ) as string[]

  test('starts heirloom with a command line that the program has', async () => {
    const [init, , program] = words('ENTRYPOINT')
    assert.deepEqual([init, program], ['tini', 'heirloom'])
    await parseLine(words('CMD'))
  })

  test('sets no variable HEIRLOOM_… that there is not', () => {
    const known = CONFIG_KEY_NAMES.map(toVariable)
    const named = [...dockerfile.matchAll(/(?<=^|\s)HEIRLOOM_\w+(?==)/gmu)].map(([name]) => name)
    assert.deepEqual(
      named.filter((name) => !known.includes(name)),
      [],
    )
  })

  test('does not run as root', () => {
    assert.match(dockerfile.slice(dockerfile.lastIndexOf('\nFROM ')), /^USER \$\{PUID\}:\$\{PGID\}$/mu)
    assert.match(dockerfile, /^ARG PUID=[1-9]\d*$/mu)
  })

  test('names its base image by a major version', () => {
    assert.match(dockerfile, /^ARG NODE_IMAGE=node:\d+-slim$/mu)
    assert.doesNotMatch(dockerfile, /^FROM (?!\$\{NODE_IMAGE\})/mu)
  })

  test('copies what exists, and what .dockerignore lets through', () => {
    const allowed = readFileSync('.dockerignore', 'utf8').match(/(?<=^!).+$/gmu) ?? []
    assert.deepEqual(
      allowed.filter((one) => !existsSync(one)),
      [],
    )
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(?<files>.+) \S+$/gmu)].flatMap(
      ({ groups }) => groups?.['files']?.split(' ') ?? [],
    )
    assert.ok(copied.length >= 5)
    for (const file of copied.filter((one) => one !== '.')) {
      assert.ok(existsSync(file), file)
      assert.ok(
        allowed.some((one) => file === one || file.startsWith(`${one}/`)),
        `${file} is ignored`,
      )
    }
  })

  test('installs what the locked packages are, and nothing that is for development', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'heirloom-require-'))
    const names =
      /require-packages\.mjs (?<names>\w[^\\&]+)/u.exec(dockerfile)?.groups?.['names']?.trim().split(' ') ??
      []
    try {
      for (const file of ['package.json', 'package-lock.json']) cpSync(file, join(folder, file))
      await run(process.execPath, [join(process.cwd(), 'packaging/docker/require-packages.mjs'), ...names], {
        cwd: folder,
      })
      const read = (file: string): { dependencies: Record<string, string>; devDependencies?: object } =>
        JSON.parse(readFileSync(join(folder, file), 'utf8'))
      const about = read('package.json')
      assert.ok(names.includes('bullmq') && names.includes('ioredis'))
      for (const name of names) assert.match(about.dependencies[name] ?? '', /^[~^]?\d/u)
      assert.equal(about.devDependencies, undefined)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('the health check of the image', () => {
  const ask = async (port: number): Promise<{ code: number; err: string }> => {
    try {
      await run(process.execPath, ['packaging/docker/healthcheck.mjs'], {
        env: { ...process.env, HEIRLOOM_PORT: String(port) },
      })
      return { code: 0, err: '' }
    } catch (error) {
      const { code, stderr } = error as { readonly code: number; readonly stderr: string }
      return { code, err: stderr }
    }
  }

  test('is what /healthz says', async () => {
    let status = 200
    const paths: (string | undefined)[] = []
    const server = createServer(({ url }, response) => {
      paths.push(url)
      response.writeHead(status).end()
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as AddressInfo
    assert.deepEqual(await ask(port), { code: 0, err: '' })
    status = 503
    assert.deepEqual(await ask(port), { code: 1, err: '/healthz answers 503\n' })
    assert.deepEqual(paths, ['/healthz', '/healthz'])
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
    const { code, err } = await ask(port)
    assert.equal(code, 1)
    assert.match(err, /ECONNREFUSED/u)
  })
})

describe('packaging/docker/make-secrets', () => {
  test('makes each secret of compose.yaml once, in a folder that nobody else may enter', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'heirloom-secrets-'))
    try {
      mkdirSync(join(folder, 'packaging/docker'), { recursive: true })
      const script = join(folder, 'packaging/docker/make-secrets')
      cpSync('packaging/docker/make-secrets', script)
      await run(script)
      const read = (): string[] =>
        Object.values(compose.secrets).map(({ file }) => readFileSync(join(folder, file), 'utf8'))
      const [redis = '', grafana = '', token] = read()
      assert.match(redis, /^[0-9a-f]{64}$/u)
      assert.match(grafana, /^[0-9a-f]{64}$/u)
      assert.notEqual(redis, grafana)
      assert.equal(token, '')
      const modeOf = (path: string): string => (statSync(join(folder, path)).mode & 0o777).toString(8)
      assert.deepEqual(['secrets', ...Object.values(compose.secrets).map(({ file }) => file)].map(modeOf), [
        '700',
        '600',
        '644',
        '644',
      ])
      assert.equal(readFileSync(join(folder, 'secrets/.gitignore'), 'utf8'), '*\n')
      writeFileSync(join(folder, 'secrets/heirloom-token'), 'told once')
      await run(script)
      assert.deepEqual(read(), [redis, grafana, 'told once'])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('makes nothing that the image would take', () => {
    const ignore = readFileSync('.dockerignore', 'utf8')
    assert.match(ignore, /^\*$/mu)
    assert.doesNotMatch(ignore, /^!.*secrets/mu)
  })
})

const UNITS = 'packaging/systemd'
const unitFiles = readdirSync(UNITS, { recursive: true, encoding: 'utf8' }).filter(
  (name) => /\.\w+$/u.test(name) && statSync(join(UNITS, name)).isFile(),
)

describe('the systemd units', () => {
  for (const name of unitFiles) {
    test(`${name} starts heirloom with a command line that the program has`, async () => {
      const text = readFileSync(join(UNITS, name), 'utf8')
      const lines = [...text.matchAll(/^ExecStart=\/usr\/local\/bin\/heirloom (?<line>.+)$/gmu)]
      assert.equal(lines.length, 1)
      await parseLine(lines[0]?.groups?.['line']?.split(' ') ?? [])
    })
  }

  for (const name of unitFiles.filter((one) => one.endsWith('.service'))) {
    test(`${name} gives little away`, () => {
      const lines = new Set(readFileSync(join(UNITS, name), 'utf8').split('\n'))
      for (const line of [
        'User=heirloom',
        'NoNewPrivileges=true',
        'ProtectSystem=strict',
        'ProtectHome=true',
        'PrivateTmp=true',
        'CapabilityBoundingSet=',
        'KillMode=mixed',
      ])
        assert.ok(lines.has(line), line)
      // It would end V8.
      assert.ok(![...lines].some((line) => line.startsWith('MemoryDenyWriteExecute')))
    })
  }

  describe('for systemd', () => {
    let folder = ''
    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'heirloom-units-'))
      for (const name of unitFiles) {
        const text = readFileSync(join(UNITS, name), 'utf8')
        mkdirSync(dirname(join(folder, name)), { recursive: true })
        // Its own program is not installed here.
        writeFileSync(join(folder, name), text.replaceAll('/usr/local/bin/heirloom', process.execPath))
      }
    })
    after(() => rmSync(folder, { recursive: true }))

    const verify = (name: string): ReturnType<typeof spawnSync> =>
      spawnSync('systemd-analyze', ['verify', '--man=no', join(folder, name)], { encoding: 'utf8' })

    for (const name of unitFiles.filter((one) => one.endsWith('.service'))) {
      test(`${name} has no line that it does not know`, (t) => {
        const { stdout, stderr, error } = verify(name)
        if (error !== undefined) return t.skip('systemd-analyze is not on the PATH')
        assert.equal(`${stdout}${stderr}`, '')
      })
    }

    test('a misspelt line would be told', (t) => {
      writeFileSync(join(folder, 'wrong.service'), '[Service]\nExecStart=/bin/sh\nProtectSistem=strict\n')
      const { stderr, error } = verify('wrong.service')
      if (error !== undefined) return t.skip('systemd-analyze is not on the PATH')
      assert.match(String(stderr), /ProtectSistem/u)
    })
  })
})

describe('monitoring', () => {
  test('Prometheus asks the coordinator, with our alert rules', () => {
    const { scrape_configs: scrapes, rule_files: rules } = parse(
      readFileSync('packaging/prometheus/prometheus.yml', 'utf8'),
    ) as {
      scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[]
      rule_files: string[]
    }
    // The alerts ask for this name.
    assert.equal(scrapes[0]?.job_name, 'heirloom')
    assert.deepEqual(scrapes[0]?.static_configs[0]?.targets, ['coordinator:5000'])
    const mounted = compose.services['prometheus']?.volumes?.map((one) => one.split(':')[1])
    for (const file of rules) assert.ok(mounted?.includes(`/etc/prometheus/${file}`), file)
  })

  test('Grafana is given the dashboard and where Prometheus is', () => {
    const { datasources } = parse(
      readFileSync('packaging/grafana/provisioning/datasources/prometheus.yaml', 'utf8'),
    ) as { datasources: { type: string; url: string; isDefault: boolean }[] }
    assert.deepEqual([datasources[0]?.type, datasources[0]?.url], ['prometheus', 'http://prometheus:9090'])
    const { providers } = parse(
      readFileSync('packaging/grafana/provisioning/dashboards/heirloom.yaml', 'utf8'),
    ) as { providers: { options: { path: string } }[] }
    const mounted = compose.services['grafana']?.volumes?.map((one) => one.split(':')[1])
    assert.ok(mounted?.includes(`${providers[0]?.options.path}/heirloom.json`))
  })
})

describe('docs/guides/deployment.md', () => {
  const guide = readFileSync('docs/guides/deployment.md', 'utf8')
  const called =
    /(?:(?<![\w/-])heirloom(?:[@:][\d.]+)?|run --rm --detach coordinator) (?<line>[a-z][^#\n|`>)]*)/gu
  const lines = [...guide.matchAll(called)].map(({ groups }) => groups?.['line']?.trim().split(/\s+/u) ?? [])

  test('has command lines that the program has', async () => {
    assert.ok(lines.length >= 10, lines.map((words) => words.join(' ')).join('\n'))
    for (const line of lines) await parseLine(line)
  })

  test('names files that exist', () => {
    const named = [...guide.matchAll(/(?:\.\.\/)+(?<file>[\w./-]+)/gu)].map(
      ({ groups }) => groups?.['file'] ?? '',
    )
    const missing = named.filter((file) => !existsSync(file) && !existsSync(join('docs', file)))
    assert.deepEqual(missing, [])
  })
})

test('a command line that the program does not have would be told', async () => {
  await assert.rejects(parseLine(['serve', '--no-such-flag']), CommanderError)
  await assert.rejects(parseLine(['worker', '--lanes', 'nothing']), /--lanes/u)
})
