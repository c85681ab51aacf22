import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** What Debian's wpasupplicant installs; the policy of the agent has to work beside it. */
const SUPPLICANT_POLICY = '/etc/dbus-1/system.d/wpa_supplicant.conf'
const AGENT_POLICY = join(import.meta.dirname, '../../systemd/zipkey-agent.conf')
/** A user who is no member of netdev stands for zipkey, which this machine need not have. */
const STAND_IN = 'games'
const NAME = 'fi.w1.wpa_supplicant1'

const scratch = mkdtempSync(join(tmpdir(), 'zipkey-policy-'))
const socket = join(scratch, 'bus')
const started: ChildProcess[] = []

beforeAll(async () => {
  chmodSync(scratch, 0o755)
  mkdirSync(join(scratch, 'system.d'))
  writeFileSync(join(scratch, 'system.d/wpa_supplicant.conf'), readFileSync(SUPPLICANT_POLICY))
  writeFileSync(
    join(scratch, 'system.d/zipkey-agent.conf'),
    readFileSync(AGENT_POLICY, 'utf8').replace('user="zipkey"', `user="${STAND_IN}"`),
  )
  writeFileSync(
    join(scratch, 'bus.conf'),
    `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type><listen>unix:path=${socket}</listen><auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><deny own="*"/><deny send_type="method_call"/>
    <allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/><allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/><allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <includedir>${scratch}/system.d</includedir>
</busconfig>`,
  )
  const daemon = spawn('dbus-daemon', [`--config-file=${scratch}/bus.conf`, '--nofork', '--print-address'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  started.push(daemon)
  await once(daemon.stdout, 'data')
  const supplicant = spawn('wpa_supplicant', ['-u'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${socket}` },
  })
  started.push(supplicant)
  const deadlineMs = performance.now() + 10_000
  while (!call('root', 'org.freedesktop.DBus', '/', 'org.freedesktop.DBus.NameHasOwner', `string:${NAME}`).includes('boolean true')) {
    if (performance.now() > deadlineMs) throw new Error('wpa_supplicant did not come to the bus')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
})
afterAll(async () => {
  for (const child of started.reverse()) {
    child.kill()
    await once(child, 'exit')
  }
  rmSync(scratch, { recursive: true, force: true })
})

/** What dbus-send tells, run by a user with no groups but their own. */
function call(user: string, destination: string, path: string, ...rest: readonly string[]): string {
  const { stdout, stderr } = spawnSync(
    'setpriv',
    [
      `--reuid=${user}`,
      '--regid=nogroup',
      '--clear-groups',
      'dbus-send',
      `--bus=unix:path=${socket}`,
      '--print-reply',
      `--dest=${destination}`,
      path,
      ...rest,
    ],
    { encoding: 'utf8' },
  )
  return stdout + stderr
}

const askSupplicant = (user: string): string =>
  call(user, NAME, '/fi/w1/wpa_supplicant1', 'org.freedesktop.DBus.Properties.Get', `string:${NAME}`, 'string:EapMethods')

describe('the D-Bus policy of the agent', () => {
  it('lets its user talk to wpa_supplicant, without the group netdev', () => {
    expect(askSupplicant(STAND_IN)).toContain('string "TTLS"')
  })

  it('lets nobody else', () => {
    expect(askSupplicant('nobody')).toContain('org.freedesktop.DBus.Error.AccessDenied')
  })

  it('does not let its user take the name of wpa_supplicant', () => {
    const answer = call(STAND_IN, 'org.freedesktop.DBus', '/', 'org.freedesktop.DBus.RequestName', `string:${NAME}`, 'uint32:0')
    expect(answer).toContain('org.freedesktop.DBus.Error.AccessDenied')
  })
})
