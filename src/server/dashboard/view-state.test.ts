import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sampleSnapshot } from './testing/sample-snapshot.ts'
import { INITIAL_STATE, reduce, type ViewEvent, type ViewState } from './view-state.ts'

const stateAfter = (...events: readonly ViewEvent[]): ViewState => events.reduce(reduce, INITIAL_STATE)

const received = (name: 'snapshot' | 'thumbnails' | 'ending', data: unknown, at = 0): ViewEvent => ({
  type: 'received',
  name,
  data,
  at,
})

describe('the state of the page', () => {
  test('has the newest of each event', () => {
    const state = stateAfter(
      received('snapshot', sampleSnapshot({ library: '/old' })),
      received('thumbnails', { photos: [] }),
      received('snapshot', sampleSnapshot({ library: '/new' })),
    )
    assert.equal(state.snapshot?.library, '/new')
    assert.deepEqual(state.thumbnails, { photos: [] })
  })

  test('knows how much the server’s clock is ahead', () => {
    const { clockOffsetMs } = stateAfter(received('snapshot', sampleSnapshot({ now: 10_000 }), 4_000))
    assert.equal(clockOffsetMs, 6_000)
  })

  const connections: { fact: string; events: readonly ViewEvent[]; connection: ViewState['connection'] }[] = [
    { fact: 'nothing has come yet', events: [], connection: 'connecting' },
    { fact: 'an open connection lives', events: [{ type: 'opened' }], connection: 'live' },
    {
      fact: 'an event proves that the connection lives',
      events: [{ type: 'lost' }, received('snapshot', sampleSnapshot())],
      connection: 'live',
    },
    { fact: 'a lost one is lost', events: [{ type: 'opened' }, { type: 'lost' }], connection: 'lost' },
    {
      fact: 'a server that said good-bye is not called lost',
      events: [{ type: 'opened' }, received('ending', {}), { type: 'lost' }],
      connection: 'ended',
    },
    {
      fact: 'a server that is back is back',
      events: [received('ending', {}), { type: 'lost' }, { type: 'opened' }],
      connection: 'live',
    },
  ]
  for (const { fact, events, connection } of connections) {
    test(fact, () => assert.equal(stateAfter(...events).connection, connection))
  }

  test('keeps what was shown while the connection is lost', () => {
    const state = stateAfter(received('snapshot', sampleSnapshot({ library: '/kept' })), { type: 'lost' })
    assert.equal(state.snapshot?.library, '/kept')
  })

  test('has a button wait until its own answer has come', () => {
    const asked = stateAfter({ type: 'asked', action: 'retry 1' }, { type: 'asked', action: 'retry 2' })
    assert.deepEqual([...asked.pending], ['retry 1', 'retry 2'])
    const notice = { kind: 'done', text: 'again' } as const
    const answered = reduce(asked, { type: 'answered', action: 'retry 1', notice })
    assert.deepEqual([[...answered.pending], answered.notice], [['retry 2'], { ...notice, id: 1 }])
  })

  test('dismisses the notice that was read, and not the one that has come meanwhile', () => {
    const problem = (text: string): ViewEvent => ({
      type: 'answered',
      action: 'x',
      notice: { kind: 'problem', text },
    })
    const two = stateAfter(problem('first'), problem('second'))
    assert.equal(reduce(two, { type: 'dismissed', id: 1 }).notice?.text, 'second')
    assert.equal(reduce(two, { type: 'dismissed', id: 2 }).notice, undefined)
  })
})
