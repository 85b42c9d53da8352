/**
 * The least that an upload can be: `node bench/upload-floor.ts FOLDER ADDRESS CONCURRENCY`, the key in `IMMICH_API_KEY`.
 *
 * Sends each `.jpg` as it is, in one write, over connections that are kept; asks nothing, hashes nothing, records
 * nothing. What a client takes longer than this is its own; what this takes is the server's and the machine's.
 *
 * @module
 */

import { readdir, readFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { basename, join } from 'node:path'

const [, , folder = '', address = '', concurrency = '4'] = process.argv
const BOUNDARY = 'upload-floor'

const agent = new Agent({ keepAlive: true, maxSockets: Number(concurrency) })
const entries = await readdir(folder, { recursive: true, withFileTypes: true })
const paths = entries
  .filter((entry) => entry.isFile() && entry.name.endsWith('.jpg'))
  .map((entry) => join(entry.parentPath, entry.name))
  .values()

await Promise.all(
  Array.from({ length: Number(concurrency) }, async () => {
    for (const path of paths) await send(path)
  }),
)
agent.destroy()

async function send(path: string): Promise<void> {
  const at = new Date(0).toISOString()
  const fields = [
    ['filename', basename(path)],
    ['fileCreatedAt', at],
    ['fileModifiedAt', at],
  ]
  const head = fields.map(([name, value]) => `${partOf(`name="${name}"`)}\r\n\r\n${value}\r\n`).join('')
  const file = `${partOf(`name="assetData"; filename="${basename(path)}"`)}\r\nContent-Type: image/jpeg\r\n\r\n`
  const body = Buffer.concat([
    Buffer.from(`${head}${file}`),
    await readFile(path),
    Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
  ])
  const status = await new Promise<number>((resolve, reject) => {
    const sending = request(`${address}/api/assets`, {
      method: 'POST',
      agent,
      headers: {
        'x-api-key': process.env['IMMICH_API_KEY'] ?? '',
        'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
        'content-length': body.length,
      },
    })
    sending.on('response', (answer) => {
      answer.resume()
      answer.on('end', () => resolve(answer.statusCode ?? 0))
    })
    sending.on('error', reject)
    sending.end(body)
  })
  if (status !== 201) throw new Error(`${path} was answered with ${status}`)
}

function partOf(disposition: string): string {
  return `--${BOUNDARY}\r\nContent-Disposition: form-data; ${disposition}`
}
