/**
 * JSON schemas of the queue's routes.
 *
 * @module
 */

import { errorShapes } from './shapes.ts'

const STATUSES = ['waiting', 'pending', 'processing', 'retry', 'completed', 'failed', 'cancelled'] as const

const MAX_NAME_LENGTH = 200

const NAME = { type: 'string', minLength: 1, maxLength: MAX_NAME_LENGTH } as const
const COUNT = { type: 'integer' } as const
const INSTANT = { type: 'integer', description: 'Epoch milliseconds.' } as const
const TASK_ID = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER } as const

const COUNTS = {
  type: 'object',
  properties: Object.fromEntries(STATUSES.map((status) => [status, COUNT])),
} as const

const RATES = {
  type: 'object',
  description: 'Tasks that ended a second, over the last 1, 5 and 15 minutes.',
  properties: { m1: { type: 'number' }, m5: { type: 'number' }, m15: { type: 'number' } },
} as const

const ETA = { type: 'integer', description: 'Milliseconds; absent when nobody can tell.' } as const

const LANE = {
  type: 'object',
  properties: {
    lane: { type: 'string' },
    paused: { type: 'boolean' },
    counts: COUNTS,
    retries: { ...COUNT, description: 'Attempts that were followed by another one, ever.' },
    durations: {
      type: 'object',
      properties: {
        count: COUNT,
        averageMs: { type: 'number' },
        p50Ms: { type: 'number' },
        p95Ms: { type: 'number' },
        p99Ms: { type: 'number' },
        maxMs: { type: 'number' },
      },
    },
    throughput: RATES,
    etaMs: ETA,
  },
} as const

const ROLE = {
  type: 'object',
  required: ['kind'],
  properties: {
    kind: { type: 'string', enum: ['working', 'watching'] },
    holder: {
      type: 'object',
      description: 'Who has the library, while it is only watched.',
      properties: {
        pid: COUNT,
        host: { type: 'string' },
        startedAt: INSTANT,
        command: { type: 'string' },
      },
    },
  },
} as const

/** Whatever it is. */
const ANYTHING = {} as const

const ERROR = {
  type: 'object',
  properties: {
    code: { type: 'string' },
    message: { type: 'string' },
    hint: { type: 'string' },
    recovery: { type: 'string', enum: ['retry', 'discard'] },
  },
} as const

const TASK_PROPERTIES = {
  id: COUNT,
  kind: { type: 'string' },
  lane: { type: 'string' },
  status: { type: 'string', enum: STATUSES },
  title: { type: 'string', description: 'What it is about: the name of a file or an export.' },
  priority: COUNT,
  attempt: { ...COUNT, description: 'How often it was handed out.' },
  failures: { ...COUNT, description: 'Attempts that ended in an error.' },
  maxRetries: COUNT,
  createdAt: INSTANT,
  runAt: INSTANT,
  startedAt: INSTANT,
  finishedAt: INSTANT,
  group: { type: 'string' },
  workerId: { type: 'string' },
  progress: ANYTHING,
  error: ERROR,
  cancelRequested: { type: 'boolean' },
} as const

export const SNAPSHOT_SCHEMA: object = {
  summary: 'Show the queue',
  tags: ['queue'],
  response: {
    200: {
      type: 'object',
      properties: {
        now: INSTANT,
        library: { type: 'string' },
        role: ROLE,
        counts: COUNTS,
        lanes: { type: 'array', items: LANE },
        throughput: RATES,
        etaMs: ETA,
        coordinators: {
          type: 'array',
          description: 'Processes that hand out tasks.',
          items: {
            type: 'object',
            properties: {
              pid: COUNT,
              host: { type: 'string' },
              startedAt: INSTANT,
              seenAt: INSTANT,
              lanes: {
                type: 'object',
                additionalProperties: {
                  type: 'object',
                  properties: { concurrency: COUNT, workers: COUNT },
                },
              },
            },
          },
        },
        schedules: {
          type: 'array',
          items: {
            type: 'object',
            properties: {
              name: { type: 'string' },
              cron: { type: 'string' },
              nextAt: INSTANT,
              lastAt: INSTANT,
            },
          },
        },
      },
    },
    ...errorShapes(401, 403),
  },
}

export const LIST_SCHEMA: object = {
  summary: 'Search tasks, newest first',
  description:
    'Looks at 50,000 tasks at most; `nextBefore` continues behind them, also when nothing was found so far.',
  tags: ['queue'],
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: {
      status: { type: 'string', enum: STATUSES },
      lane: NAME,
      kind: NAME,
      q: {
        type: 'string',
        maxLength: MAX_NAME_LENGTH,
        description: 'In id, kind, group, error, and every text of the payload: names of files, say.',
      },
      limit: { type: 'integer', minimum: 1, maximum: 200, default: 50 },
      before: { ...TASK_ID, description: '`nextBefore` of the page before.' },
    },
  },
  response: {
    200: {
      type: 'object',
      required: ['tasks', 'walked'],
      properties: {
        tasks: { type: 'array', items: { type: 'object', properties: TASK_PROPERTIES } },
        nextBefore: { ...COUNT, description: 'Absent when all tasks were looked at.' },
        walked: { ...COUNT, description: 'Tasks that were looked at.' },
      },
    },
    ...errorShapes(400, 401, 403),
  },
}

const PARAMS = { type: 'object', required: ['id'], properties: { id: TASK_ID } } as const

export const SHOW_SCHEMA: object = {
  summary: 'Show one task',
  tags: ['queue'],
  params: PARAMS,
  response: {
    200: {
      type: 'object',
      properties: {
        ...TASK_PROPERTIES,
        timeoutMs: COUNT,
        memoryBytes: COUNT,
        dedupeKey: { type: 'string' },
        concurrencyKey: { type: 'string' },
        payload: ANYTHING,
        result: ANYTHING,
      },
    },
    ...errorShapes(400, 401, 403, 404),
  },
}

export const RETRY_SCHEMA: object = {
  summary: 'Try a failed task again',
  tags: ['queue'],
  params: PARAMS,
  response: {
    200: { type: 'object', properties: { retried: { type: 'array', items: COUNT } } },
    ...errorShapes(400, 401, 403, 404, 409),
  },
}

export const CANCEL_SCHEMA: object = {
  summary: 'Cancel a task',
  tags: ['queue'],
  params: PARAMS,
  response: {
    200: {
      type: 'object',
      properties: {
        cancelled: { type: 'array', items: COUNT },
        requested: { type: 'array', items: COUNT, description: 'Run, and were asked to end.' },
      },
    },
    ...errorShapes(400, 401, 403, 404, 409),
  },
}

export const RETRY_ALL_SCHEMA: object = {
  summary: 'Try failed tasks again: all, or those of a lane or an error code',
  tags: ['queue'],
  body: {
    type: ['object', 'null'],
    additionalProperties: false,
    properties: { lane: NAME, errorCode: NAME },
  },
  response: {
    200: { type: 'object', properties: { count: COUNT } },
    ...errorShapes(400, 401, 403),
  },
}

const LANE_PARAMS = { type: 'object', required: ['lane'], properties: { lane: NAME } } as const

const LANE_ANSWER = {
  200: { type: 'object', properties: { lane: { type: 'string' }, paused: { type: 'boolean' } } },
  ...errorShapes(400, 401, 403, 404),
} as const

export const LANE_SCHEMA: Readonly<Record<'pause' | 'resume', object>> = {
  pause: {
    summary: 'Pause a lane',
    description: 'What runs is finished, nothing new begins; kept over restarts.',
    tags: ['queue'],
    params: LANE_PARAMS,
    response: LANE_ANSWER,
  },
  resume: { summary: 'Resume a lane', tags: ['queue'], params: LANE_PARAMS, response: LANE_ANSWER },
}
