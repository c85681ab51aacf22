/** Waiting for events without leaving listeners or timers behind. */

/** Begins to listen and returns what ends the listening; `settle` and `fail` count once. */
export type Listen<T> = (settle: (value: T) => void, fail: (error: unknown) => void) => () => void

/** Waits until `listen` settles; rejects with the signal's reason on abort. */
export function until<T>(signal: AbortSignal, listen: Listen<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    let stop = (): void => {}
    let isOver = false
    const finish = (act: () => void): void => {
      if (isOver) return
      isOver = true
      signal.removeEventListener('abort', onAbort)
      stop()
      act()
    }
    const onAbort = (): void => finish(() => reject(signal.reason))
    signal.addEventListener('abort', onAbort)
    const end = listen(
      (value) => finish(() => resolve(value)),
      (error) => finish(() => reject(error)),
    )
    // `listen` may settle at once, before it has returned how to stop.
    if (isOver) end()
    else stop = end
  })
}

/** Gives the work a deadline of its own: its signal aborts with `onTimeout()` after `timeoutMs`, or with the outer reason. */
export async function withDeadline<T>(
  signal: AbortSignal,
  timeoutMs: number,
  onTimeout: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const controller = new AbortController()
  const onAbort = (): void => controller.abort(signal.reason)
  signal.addEventListener('abort', onAbort)
  const deadline = setTimeout(() => controller.abort(onTimeout()), timeoutMs)
  try {
    return await work(controller.signal)
  } finally {
    clearTimeout(deadline)
    signal.removeEventListener('abort', onAbort)
    // What lost a race inside the work stops listening.
    controller.abort(new Error('the work is over'))
  }
}

/** A signal for cleaning up, which nothing aborts: each D-Bus call has its own timeout. */
export const neverAborted = (): AbortSignal => new AbortController().signal
