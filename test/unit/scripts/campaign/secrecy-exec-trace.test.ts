import { expect, it } from 'vitest'
import { execLists } from '../../../../scripts/campaign/secrecy/exec-trace.ts'

const event = (pid: number, name: string, one: number, two: number, a: string, b: string): string =>
  `            node-${pid}     [001] .....    70.614383: ${name}: (__x64_sys_execve+0x0/0x40) p=0x${one.toString(16)} q=0x${two.toString(16)} a=${a} b=${b}\n`

it('takes a list as far as its end, and nothing that lies behind it in the memory of the caller', () => {
  const trace = [
    '# tracer: nop\n#\n',
    event(7, 'argv_0', 9, 9, '"udhcpc"', '"-i"'),
    event(8, 'argv_0', 9, 0, '"true"', '"beyond"'),
    event(7, 'environ_0', 9, 9, '"PATH=/bin"', '"TEXT=two\nlines"'),
    event(7, 'argv_2', 9, 0, '"wlan0"', '"beyond"'),
    event(7, 'argv_4', 9, 9, '"beyond"', '"beyond"'),
    event(8, 'argv_2', 9, 9, '"beyond"', '"beyond"'),
    event(7, 'environ_2', 0, 9, '(fault)', '"beyond"'),
    event(7, 'argv_0', 9, 0, '"second"', '(fault)'),
  ].join('')
  const { argv, environ } = execLists(Buffer.from(trace))
  for (const text of ['udhcpc', '-i', 'wlan0', 'true', 'second']) expect(argv.toString()).toContain(`"${text}"`)
  expect(environ.toString()).toContain('TEXT=two\nlines')
  expect(argv.toString() + environ.toString()).not.toContain('beyond')
})

it('puts the events of one call together in whatever order the kernel has them, and ends at memory that is not there', () => {
  const call = (name: string) => [
    event(7, 'argv_4', 9, 9, '"beyond"', '"beyond"'),
    event(7, 'argv_2', 9, 9, `"${name}-c"`, '"beyond"').replace(/q=\S+/, 'q=(fault)'),
    event(7, 'argv_0', 9, 9, `"${name}-a"`, `"${name}-b"`),
  ]
  const argv = execLists(Buffer.from([...call('first'), ...call('second')].join(''))).argv.toString()
  expect(argv.match(/\w+-[abc]/g)).toEqual(['first-a', 'first-b', 'first-c', 'second-a', 'second-b', 'second-c'])
  expect(argv).not.toContain('beyond')
})

it('leaves the bytes of an entry as they are', () => {
  const raw = Buffer.concat([Buffer.from(event(7, 'argv_0', 9, 9, '"a"', '"')), Buffer.from([0x80, 0xff, 0x01]), Buffer.from('"\n')])
  expect(execLists(raw).argv.includes(Buffer.from([0x80, 0xff, 0x01]))).toBe(true)
})
