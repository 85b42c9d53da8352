// Makes packages that are only for development, or optional, part of what `npm ci` installs, in the versions of the lock
// file, and forgets all others that are for development: node require-packages.mjs NAME… in the folder of package.json and
// package-lock.json. (`--omit=dev` would still install TypeScript, which one of them takes an optional part of.)
import { readFileSync, writeFileSync } from 'node:fs'

const about = JSON.parse(readFileSync('package.json', 'utf8'))
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'))
for (const name of process.argv.slice(2)) {
  if (lock.packages[`node_modules/${name}`] === undefined) throw new Error(`package-lock.json has no ${name}`)
  // npm wants both files to say the same.
  for (const root of [about, lock.packages['']]) {
    const range = root.devDependencies?.[name] ?? root.peerDependencies?.[name] ?? root.dependencies?.[name]
    for (const kind of ['peerDependencies', 'peerDependenciesMeta']) delete root[kind]?.[name]
    root.dependencies = { ...root.dependencies, [name]: range }
  }
}
for (const root of [about, lock.packages['']]) delete root.devDependencies
writeFileSync('package.json', JSON.stringify(about))
writeFileSync('package-lock.json', JSON.stringify(lock))
