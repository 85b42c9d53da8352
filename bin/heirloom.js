#!/usr/bin/env node
// The launcher: checks the runtime before anything newer than it can read is loaded. Plain old JavaScript on purpose.
var version = process.versions.node.split('.').map(Number)
if (version[0] < 22 || (version[0] === 22 && version[1] < 18)) {
  console.error(
    'heirloom needs Node.js 22.18 or newer, this is ' +
      process.version +
      ' (in the repository: npx heirloom …, which brings its own Node 24)',
  )
  process.exit(1)
}
import('./start.js')
