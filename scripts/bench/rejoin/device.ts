/** The device of this benchmark: onboarded once, with the built agent and a bare wpa_supplicant taking turns on its one radio. */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { deriveHotspotPassword } from '../../../agent/contract/derivation.ts'
import { formatInnerIdentity } from '../../../agent/contract/names.ts'
import { isObject } from '../../../agent/contract/parsed.ts'
import { parseSecretText } from '../../../agent/contract/secret-text.ts'
import type { Lab } from '../../radio-lab/lab.ts'
import type { LabImage } from '../../radio-lab/prepare-lab.ts'
import { DEVICE, REALM } from '../../story/names.ts'
import { openRadioDevice } from '../../story/radio-stage.ts'

/** A device that is onboarded, and what a bare supplicant needs to pass for it. */
export type BenchDevice = {
  readonly lab: Lab
  readonly image: LabImage
  readonly identity: string
  readonly password: string
  readonly close: () => Promise<void>
}

const OVERRIDES = '/etc/zipkey/ca.d/50-bench.json'
/** How long a device waits after a lost link is by choice, and no work. */
const TIMERS = { backoffBaseMs: 10, backoffCapMs: 100 }

/** Opens it; the agent is stopped. */
export async function openBenchDevice(labFolder: string, image: LabImage): Promise<BenchDevice> {
  const folder = await mkdtemp(join(labFolder, 'bench-'))
  const closers: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  const close = async (): Promise<void> => {
    for (const each of closers.toReversed()) await each()
  }
  try {
    const { lab } = await openRadioDevice(folder, image, closers)
    await lab.hotspot.startAccessPoint('plain')
    await lab.sh('systemctl start zipkey-disks.target')
    await configure(lab, {})
    await lab.sh(
      'systemctl start zipkey-agent; until test -e /var/lib/zipkey/current.json; do sleep 0.5; done; systemctl stop zipkey-agent',
      {
        timeoutMs: 120_000,
      },
    )
    const slot: unknown = JSON.parse(await lab.sh('cat /var/lib/zipkey/current.json'))
    if (!isObject(slot)) throw new Error('the slot is no object')
    const secret = parseSecretText('zks_', String(slot.secret))
    if (!secret.ok) throw new Error(secret.problem)
    const identity = formatInnerIdentity({ ...DEVICE, realm: REALM, credentialId: { kind: 'issued', secretId: String(slot.secretId) } })
    return { lab, image, identity, password: deriveHotspotPassword(secret.value, DEVICE, REALM), close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Lays these sections over the device's CA config. */
export async function configure(lab: Lab, sections: Readonly<Record<string, unknown>>): Promise<void> {
  const text = Buffer.from(JSON.stringify({ timers: TIMERS, ...sections })).toString('base64')
  await lab.sh(`base64 -d <<< ${text} > ${OVERRIDES}; chown zipkey: ${OVERRIDES}; chmod 640 ${OVERRIDES}`)
}

/** Waits until the radio has lost its address: what it has from before would spare a side its DHCP. */
export async function forgetAddress(lab: Lab): Promise<void> {
  await lab.sh('for i in {1..300}; do ip -4 -o address show dev wlan0 | grep -q inet || break; sleep 0.1; done')
}
