// Whether `heirloom serve` in this container answers: exit code 0, else 1 and why.
// biome-ignore lint/style/noProcessEnv: a program of its own, not a part of ours
const port = process.env.HEIRLOOM_PORT || '5000'
try {
  const { status } = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(4000) })
  if (status !== 200) throw new Error(`/healthz answers ${status}`)
} catch (error) {
  process.stderr.write(`${error.cause?.message ?? error.message}\n`)
  process.exitCode = 1
}
