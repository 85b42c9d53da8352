import { FakeClock } from '../../clock.ts'
import { conformanceProgram, describeBackend } from './backend-conformance.ts'
import { MemoryBackend, type MemoryDatabase } from './memory-backend.ts'

const effects = (db: MemoryDatabase): readonly string[] => (db.get('effects') as string[] | undefined) ?? []

const program = conformanceProgram<MemoryDatabase>({
  migrate: () => undefined,
  add: (db, effect) => db.set('effects', [...effects(db), effect]),
  all: effects,
})

describeBackend('memory backend', async () => {
  const clock = new FakeClock()
  return { clock, backend: new MemoryBackend({ clock, program }) }
})
