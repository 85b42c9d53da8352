/**
 * The dashboard in a real browser, on a real library with real tasks.
 *
 * Needs Debian's Chromium (`apt-get install chromium`); without one, or one named by CHROMIUM, the tests are skipped.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { storedObjects } from '../../src/server/testing/sample-files.ts'
import { startTestServer, type TestServer } from '../../src/server/testing/test-server.ts'
import { makePhoto } from '../support/make-photo.ts'

const CHROMIUM = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser'].find(
  (path) => path !== undefined && existsSync(path),
)

/** Far above what anything here takes. */
const LIMIT_MS = 20_000

interface OpenPage extends AsyncDisposable {
  readonly page: Page
  /** Errors of the console, of scripts, and of the content security policy. */
  readonly problems: readonly string[]
}

describe('the dashboard in a browser', { skip: CHROMIUM === undefined && 'there is no Chromium' }, () => {
  let server: TestServer
  let browser: Browser
  /** Open from the first test to the last one: a page is left open for the length of a run, too. */
  let page: Page
  let problems: readonly string[]
  before(async () => {
    ;[server, browser] = await Promise.all([
      startTestServer({ workers: 1 }),
      chromium.launch({
        executablePath: CHROMIUM!,
        args: [
          '--no-sandbox',
          '--disable-gpu',
          '--no-first-run',
          '--disable-background-networking',
          '--disable-component-update',
          '--disable-sync',
        ],
      }),
    ])
    ;({ page, problems } = await open())
  })
  after(async () => {
    await browser?.close()
    await server?.[Symbol.asyncDispose]()
  })

  async function open(options: BrowserContextOptions = {}): Promise<OpenPage> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
    const page = await context.newPage()
    page.setDefaultTimeout(LIMIT_MS)
    const problems: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text())
    })
    page.on('pageerror', (error) => problems.push(String(error)))
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== server.address && !/^(?:data|blob):/u.test(request.url()))
        problems.push(`asked ${request.url()}`)
    })
    await page.goto(server.address)
    await page.locator('.facts').waitFor()
    return { page, problems, [Symbol.asyncDispose]: () => context.close() }
  }

  const photo = async (
    name: string,
    seed: number,
  ): Promise<{ name: string; mimeType: string; buffer: Buffer }> => ({
    name,
    mimeType: 'image/jpeg',
    buffer: await makePhoto({ widthPx: 640, heightPx: 480, seed }),
  })

  const headline = (words: string): Promise<void> =>
    page.getByRole('heading', { level: 1, name: words }).waitFor()

  test('says what to do while there is nothing', async () => {
    await headline('Nothing to do yet')
    await page.getByText('No thumbnails yet.').waitFor()
    await page.getByText('Lanes appear with the first export or photo.').waitFor()
    assert.equal(await page.title(), 'Nothing to do yet – Heirloom')
    assert.deepEqual(problems, [])
  })

  test('shows a run from the upload to the picture on the wall, and why one failed', async () => {
    const broken = await photo('Broken at the beach.jpg', 9)
    await page
      .locator('input[type=file]')
      .setInputFiles([
        await photo('One.jpg', 1),
        await photo('Two.jpg', 2),
        { ...broken, buffer: broken.buffer.subarray(0, 300) },
        { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('no photo at all') },
      ])
    await page.getByText('3 photos added').waitFor()
    await page.getByText('notes.txt').waitFor()
    await page
      .locator('.refused')
      .getByText(/photo|video/u)
      .waitFor()
    await headline('Done, but for 1 that failed')
    const tiles = page.getByRole('img', { name: /^(?:One|Two)\.jpg$/u })
    await tiles.nth(1).waitFor()
    const widths = await tiles.evaluateAll(async (images) => {
      const found: number[] = []
      for (const image of images as HTMLImageElement[]) {
        image.loading = 'eager'
        await image.decode()
        found.push(image.naturalWidth)
      }
      return found
    })
    assert.deepEqual(widths, [250, 250])
    const workers = page.getByRole('region', { name: 'Workers' })
    await workers.getByRole('cell', { name: /^\d+(?:\.\d)? MB$/u }).waitFor()
    const failures = page.getByRole('region', { name: /^Failures/u })
    await failures.getByRole('button', { name: 'Broken at the beach.jpg', exact: true }).waitFor()
    await failures.getByText(/cannot be decoded/u).waitFor()
    assert.deepEqual(problems, [])
  })

  test('pauses a lane and resumes it', async () => {
    await page.getByRole('button', { name: 'Pause thumbnail' }).click()
    const resume = page.getByRole('button', { name: 'Resume thumbnail' })
    await resume.waitFor()
    assert.deepEqual(await server.context.backend().pausedLanes(), ['thumbnail'])
    await page.locator('input[type=file]').setInputFiles([await photo('Late.jpg', 3)])
    await headline('Paused')
    await resume.click()
    await page.getByRole('img', { name: 'Late.jpg' }).waitFor()
    assert.deepEqual(await server.context.backend().pausedLanes(), [])
    assert.deepEqual(problems, [])
  })

  test('tries a failed task again, and the failure is gone when it succeeds', async () => {
    await server.context.backend().setPaused('thumbnail', true)
    const known = new Set(await storedObjects(server))
    await page.locator('input[type=file]').setInputFiles([await photo('Away.jpg', 4)])
    await page.getByText('1 photo added').waitFor()
    const stored = (await storedObjects(server)).find((path) => !known.has(path))!
    await rename(stored, `${stored}.away`)
    await page.getByRole('button', { name: 'Resume thumbnail' }).click()
    const retry = page.getByRole('button', { name: 'Retry Away.jpg' })
    await retry.waitFor()
    await rename(`${stored}.away`, stored)
    await retry.click()
    await page
      .getByRole('status')
      .getByText(/^Task \d+ is tried again/u)
      .waitFor()
    await page.getByRole('img', { name: 'Away.jpg' }).waitFor()
    await retry.waitFor({ state: 'detached' })
  })

  test('finds a task by the name of its file, and shows all of it', async () => {
    await page.getByRole('searchbox').fill('BEACH')
    const found = page.getByRole('region', { name: 'Find tasks' })
    await found.getByRole('button', { name: 'Broken at the beach.jpg' }).click()
    const dialog = page.getByRole('dialog', { name: 'Broken at the beach.jpg' })
    await dialog.getByText('"fileName": "Broken at the beach.jpg"').waitFor()
    await dialog.getByRole('button', { name: 'Retry' }).waitFor()
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    await page.getByRole('searchbox').fill('no such thing')
    await found.getByText('Nothing found.').waitFor()
    assert.deepEqual(problems, [])
  })

  test('shows what was before it was opened, and can be used without a mouse', async () => {
    await using opened = await open()
    const { page } = opened
    await page.getByRole('img', { name: /^Tasks a second over the last 15 minutes/u }).waitFor()
    assert.equal(await page.getByRole('img', { name: 'One.jpg' }).count(), 1)
    await page.getByRole('list', { name: 'Ended last' }).getByText('completed').first().waitFor()
    const focused = (): Promise<string> =>
      page.evaluate(() => {
        const { activeElement: element } = document
        const ring = element === null ? 'none' : getComputedStyle(element).outlineStyle
        return `${element?.ariaLabel ?? element?.getAttribute('title') ?? element?.textContent?.trim()} ${ring}`
      })
    const seen: string[] = []
    const tabTo = async (name: string): Promise<void> => {
      for (let steps = 0; steps < 60; steps += 1) {
        await page.keyboard.press('Tab')
        const now = await focused()
        seen.push(now)
        if (now.startsWith(name)) return
      }
      assert.fail(`${name} cannot be reached:\n${seen.join('\n')}`)
    }
    await tabTo('Retry all')
    await tabTo('Pause thumbnail')
    await tabTo('Add photos')
    await tabTo('Away.jpg')
    assert.ok(
      seen.every((one) => !one.endsWith(' none')),
      `focus cannot be seen:\n${seen.join('\n')}`,
    )
    await page.keyboard.press('Enter')
    const look = page.getByRole('dialog', { name: 'Away.jpg' })
    await look.waitFor()
    await page.keyboard.press('ArrowRight')
    await page.getByRole('dialog', { name: 'Late.jpg' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    assert.match(await focused(), /^Away\.jpg/u)
  })

  test('fits a phone, in light and in dark, and remembers which was chosen', async () => {
    await using opened = await open({ viewport: { width: 360, height: 740 }, colorScheme: 'light' })
    const { page, problems } = opened
    const overflow = (): Promise<number> =>
      page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    const ground = (): Promise<string> =>
      page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
    assert.equal(await overflow(), 0)
    const light = await ground()
    // As the system has it, then light, then dark.
    const button = page.getByRole('button', { name: /^Colours/u })
    await button.click()
    await button.click()
    const dark = await ground()
    assert.notEqual(dark, light)
    await page.reload()
    await page.locator('.facts').waitFor()
    assert.equal(await ground(), dark)
    await page.getByRole('img', { name: 'Late.jpg' }).click()
    await page.getByRole('dialog', { name: 'Late.jpg' }).waitFor()
    assert.equal(await overflow(), 0)
    assert.deepEqual(problems, [])
  })

  test('says that the server has ended', async () => {
    await server.running.close()
    await page.getByText('The server has ended. This page goes on when it is back.').waitFor()
    assert.equal(await page.getByRole('img', { name: 'Late.jpg' }).count(), 1)
  })
})
