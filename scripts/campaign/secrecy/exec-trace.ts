/** Reads what the kernel's probes recorded of every execve (`guest/watch`): two entries of a list an event, each with its pointer. */

/** All arguments, and all variables, each entry on a line. */
export type ExecLists = { readonly argv: Buffer; readonly environ: Buffer }

const EVENT =
  /^[^\n]*-(\d+) +\[\d+\] [^\n]*? (argv|environ)_(\d+): \(__x64_sys_execve[^)]*\) p=(0x[0-9a-f]+|\(fault\)) q=(0x[0-9a-f]+|\(fault\)) /gm

type Pair = { readonly first: number; readonly one: string; readonly two: string; readonly body: string }
type ListName = keyof ExecLists

/** Puts the events of each execve together, whatever their order: a call has no event twice, so the second begins the next call. */
export function execLists(trace: Buffer): ExecLists {
  const text = trace.toString('latin1')
  const events = [...text.matchAll(EVENT)]
  const texts: Record<ListName, string[]> = { argv: [], environ: [] }
  const open = new Map<string, { readonly list: ListName; readonly pairs: Map<number, Pair> }>()
  for (const [index, event] of events.entries()) {
    const [head, pid = '', name, first = '', one = '', two = ''] = event
    const list = name === 'argv' ? 'argv' : 'environ'
    const key = `${pid} ${list}`
    const pair = { first: Number(first), one, two, body: text.slice(event.index + head.length, events[index + 1]?.index ?? text.length) }
    const call = open.get(key)
    if (call === undefined || call.pairs.has(pair.first)) {
      if (call !== undefined) texts[list].push(...entriesOf([...call.pairs.values()]))
      open.set(key, { list, pairs: new Map([[pair.first, pair]]) })
    } else call.pairs.set(pair.first, pair)
  }
  for (const { list, pairs } of open.values()) texts[list].push(...entriesOf([...pairs.values()]))
  return { argv: Buffer.from(texts.argv.join('\n'), 'latin1'), environ: Buffer.from(texts.environ.join('\n'), 'latin1') }
}

/** A list ends at a null pointer, or where no memory is; what a probe read beyond it is the caller's own memory, which no one is shown. */
function entriesOf(pairs: readonly Pair[]): readonly string[] {
  const entries: string[] = []
  for (const { one, two, body } of pairs.toSorted((a, b) => a.first - b.first)) {
    if (isEnd(one)) break
    entries.push(isEnd(two) ? withoutSecond(body) : body)
    if (isEnd(two)) break
  }
  return entries
}

const isEnd = (pointer: string): boolean => /^0x0+$|fault/.test(pointer)

const withoutSecond = (body: string): string => body.slice(0, body.lastIndexOf(' b='))
