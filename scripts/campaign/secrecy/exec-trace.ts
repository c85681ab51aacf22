/** Reads what the kernel's probes recorded of every execve (`guest/watch`): two entries of a list an event, each with its pointer. */

/** All arguments, and all variables, each entry on a line. */
export type ExecLists = { readonly argv: Buffer; readonly environ: Buffer }

const EVENT = /^[^\n]*-(\d+) +\[\d+\] [^\n]*? (argv|environ)_(\d+): \(__x64_sys_execve[^)]*\) p=(0x[0-9a-f]+|\(fault\)) q=(0x[0-9a-f]+|\(fault\)) /gm

/** A list ends at a null pointer, or where no memory is; what a probe read beyond it is the caller's own memory, which no one is shown. */
export function execLists(trace: Buffer): ExecLists {
  const text = trace.toString('latin1')
  const events = [...text.matchAll(EVENT)]
  const lists = { argv: [] as string[], environ: [] as string[] }
  const ended = new Map<string, boolean>()
  for (const [index, event] of events.entries()) {
    const [head, pid = '', name, first, one = '', two = ''] = event
    const list = name === 'argv' ? 'argv' : 'environ'
    const key = `${pid} ${list}`
    if (first === '0') ended.set(key, false)
    const body = text.slice(event.index + head.length, events[index + 1]?.index ?? text.length)
    if (ended.get(key) === false && !isEnd(one)) lists[list].push(isEnd(two) ? withoutSecond(body) : body)
    if (isEnd(one) || isEnd(two)) ended.set(key, true)
  }
  return { argv: Buffer.from(lists.argv.join('\n'), 'latin1'), environ: Buffer.from(lists.environ.join('\n'), 'latin1') }
}

const isEnd = (pointer: string): boolean => /^0x0+$|fault/.test(pointer)

const withoutSecond = (body: string): string => body.slice(0, body.lastIndexOf(' b='))
