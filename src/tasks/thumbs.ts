/**
 * `heirloom thumbs`: thumbnails of a library's files, or of plain files and folders.
 *
 * This coordinator finds pictures and commits; worker processes decode. It may be killed at any moment: the next run
 * finds what is there and makes what is missing.
 *
 * @module
 */

import { systemClock } from '../clock.ts'
import { thumbnailStyle } from '../media/thumbnail/thumbnail.ts'
import type { OpenRemoteLanes } from '../queue/bullmq/remote-lanes.ts'
import { QueueEngine } from '../queue/queue-engine.ts'
import { openObjectStore } from '../storage/open-object-store.ts'
import { checkedLanes } from './checked-lanes.ts'
import { folderOwner, libraryOwner, openRemoteRun, requireRemote } from './open-remote.ts'
import { resultCheck } from './remote-result.ts'
import type { ThumbsOptions, ThumbsSummary } from './thumbnail-api.ts'
import { ThumbnailLane, thumbnailLaneOptions } from './thumbnail-lane.ts'
import { ThumbnailMeter } from './thumbnail-meter.ts'
import { openThumbnailPlaces, type ThumbnailPlaces } from './thumbnail-places.ts'
import { type PictureSource, sourceOf } from './thumbnail-sources.ts'
import { THUMBNAIL_LANE } from './thumbnail-task.ts'
import { THUMBNAIL_EXEC_ARGV, WORKER_MODULE } from './worker-processes.ts'

/** What a retry can cure (a full disk, a share that hiccups) is tried again soon: a person is waiting. */
const RETRY_DELAY_MS = 1_000

/** Tasks of earlier runs that one transaction forgets. */
const PRUNED = 1_000

/**
 * Makes all thumbnails that are missing.
 *
 * @throws NoLibraryError, LibraryInUseError and their kin; what goes wrong with a picture is in the summary instead.
 */
export async function makeThumbs(options: ThumbsOptions): Promise<ThumbsSummary> {
  const startedAt = systemClock.now()
  await requireRemote(options.remote)
  const places = await openThumbnailPlaces(options.target, options.state, startedAt)
  try {
    const remote = await openRemoteRun(options.remote, () => ownerOf(options, places), options.logger)
    try {
      return await run(options, { places, remote, startedAt })
    } finally {
      await remote?.close()
    }
  } finally {
    await places.close()
  }
}

function ownerOf({ target }: ThumbsOptions, { backend, root }: ThumbnailPlaces): string | Promise<string> {
  return target.kind === 'library' ? libraryOwner(backend) : folderOwner(root)
}

interface ThumbsRun {
  readonly places: ThumbnailPlaces
  readonly remote: OpenRemoteLanes | undefined
  readonly startedAt: number
}

async function run(options: ThumbsOptions, { places, remote, startedAt }: ThumbsRun): Promise<ThumbsSummary> {
  const { settings, signal, kill, logger, target } = options
  const { backend, store, tempFolder } = places
  await forgetOldTasks(places, startedAt)
  const objects = await openObjectStore(store)
  const source = sourceOf(target, places, objects, settings.options)
  const lane = new ThumbnailLane({
    backend,
    store,
    objects,
    settings,
    tempFolder,
    signal,
    logger,
    ...(options.remote === undefined ? {} : { remote: options.remote }),
    ...(source.place === undefined ? {} : { onThere: source.place }),
  })
  const queue = new QueueEngine({
    backend,
    sole: true,
    workerModule: WORKER_MODULE,
    workerExecArgv: THUMBNAIL_EXEC_ARGV,
    retryDelayMs: RETRY_DELAY_MS,
    lanes: { [THUMBNAIL_LANE]: thumbnailLaneOptions(settings, options.remote) },
    ...(remote && { remote: checkedLanes(remote, resultCheck({ tempFolder, thumbnails: () => objects })) }),
    onEmit: (task, chunk) => lane.take(task, chunk),
    afterCommit: (outputs) => lane.follow(outputs),
  })
  lane.watch(queue)
  const meter = new ThumbnailMeter({ lane, source, startedAt, signal, report: options.onProgress })
  const stop = (): void => void queue.stop({ graceful: !kill.aborted })
  signal.addEventListener('abort', stop)
  kill.addEventListener('abort', stop)
  try {
    if (!signal.aborted)
      await work({ queue, lane, source, meter, signal, style: thumbnailStyle(settings.options) })
  } finally {
    signal.removeEventListener('abort', stop)
    kill.removeEventListener('abort', stop)
    await queue.stop({ graceful: !kill.aborted })
    meter.stop()
    await objects.close()
  }
  lane.end()
  return summarize(lane, source, { status: signal.aborted ? 'interrupted' : 'complete', startedAt })
}

interface Work {
  readonly queue: QueueEngine
  readonly lane: ThumbnailLane
  readonly source: PictureSource
  readonly meter: ThumbnailMeter
  readonly signal: AbortSignal
  readonly style: string
}

async function work({ queue, lane, source, meter, signal, style }: Work): Promise<void> {
  await queue.start()
  meter.start()
  try {
    for await (const { pictures, problems } of source.pages(style)) {
      for (const problem of problems) lane.tally.addFailed(problem)
      await lane.add(pictures)
      if (signal.aborted) return
    }
    // The lane may be paused from outside: its tasks wait until it is resumed, and so does this run.
    await queue.drain({ waitForPaused: true })
  } catch (error) {
    // A queue that was told to stop is not drained; everything else is a reason to fail.
    if (!signal.aborted) throw error
  }
}

/** Else each run would leave a row for each picture in the database. */
async function forgetOldTasks({ backend }: ThumbnailPlaces, endedBefore: number): Promise<void> {
  const filter = { lane: THUMBNAIL_LANE, endedBefore }
  while ((await backend.prune(filter, PRUNED)) >= PRUNED);
}

function summarize(
  { tally }: ThumbnailLane,
  source: PictureSource,
  { status, startedAt }: { readonly status: ThumbsSummary['status']; readonly startedAt: number },
): ThumbsSummary {
  const { problems, problemCount, reasons, counts } = tally
  return {
    status,
    ...counts,
    output: source.output,
    ignored: source.ignored,
    problems,
    problemCount,
    unsupportedReasons: reasons,
    durationMs: systemClock.now() - startedAt,
  }
}
