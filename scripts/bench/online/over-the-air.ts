/** One walk over the air: the lab's snapshot restored, a new cloud, and the agent or the script on the device. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DiskFile } from '../../radio-lab/disks.ts'
import type { Lab } from '../../radio-lab/lab.ts'
import type { LabImage } from '../../radio-lab/prepare-lab.ts'
import type { LabCloud } from '../../story/lab-cloud.ts'
import { openRadioDevice, RADIO_HOTSPOT } from '../../story/radio-stage.ts'
import { BASELINE_SCRIPT, baselineConfig } from './baseline-config.ts'
import type { Side, WalkTime } from './side.ts'
import { agentWalk, shellWalk } from './transcript.ts'

const WALK_S = 120
const CONFIG_FOLDER = '/etc/zipkey/baseline'
const STATE_FOLDER = '/var/lib/zipkey'

const WALKS: { readonly [S in Side]: (lab: Lab) => Promise<WalkTime> } = { agent: walkAgent, shell: walkShell }

/** Walks once. */
export async function walkOverTheAir(side: Side, labFolder: string, image: LabImage): Promise<WalkTime> {
  const folder = await mkdtemp(join(labFolder, 'bench-'))
  const closers: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  try {
    const { lab } = await openRadioDevice(folder, image, closers, { moreFiles: (cloud) => baselineFiles(image, cloud) })
    // Both sides begin with the disks mounted and a supplicant running: neither is the work that is measured.
    await lab.sh('systemctl start zipkey-disks.target')
    return await WALKS[side](lab)
  } finally {
    for (const close of closers.toReversed()) await close()
  }
}

async function baselineFiles({ pki }: LabImage, cloud: LabCloud): Promise<readonly DiskFile[]> {
  const inFolder = (name: string): string => `${CONFIG_FOLDER}/${name}`
  const config = baselineConfig({
    ...{
      driver: 'nl80211',
      interfaceName: 'wlan0',
      ssid: RADIO_HOTSPOT.ssid,
      frequenciesMhz: RADIO_HOTSPOT.frequenciesMhz,
      cloudPort: 443,
    },
    ...{ cloudCaFile: inFolder('cloud-ca.pem'), aaaCaFile: inFolder('aaa-ca.pem'), provisioningKeyFile: inFolder('provisioning-key') },
    ...{ stateFolder: STATE_FOLDER, udhcpcScript: '/usr/lib/zipkey/udhcpc-script' },
    ...{ supplicantSocket: '/run/baseline/wpa', controlFolder: '/run/baseline/control' },
  })
  const file = async (name: string, from: string): Promise<DiskFile> => ({ path: `baseline/${name}`, content: await readFile(from) })
  return [
    { path: 'baseline/baseline.conf', content: config },
    await file('baseline.sh', BASELINE_SCRIPT),
    await file('cloud-ca.pem', pki.cloudCaFile),
    await file('aaa-ca.pem', pki.aaaCaFile),
    await file('provisioning-key', cloud.provisioningKeyFile),
  ]
}

/** systemd itself waits for the promoted file: whoever read the journal meanwhile would take the CPU that is measured. */
async function walkAgent(lab: Lab): Promise<WalkTime> {
  await lab.sh(
    `mkfifo /run/promoted; systemd-run --quiet --unit=promoted --path-property=PathExists=${STATE_FOLDER}/current.json sh -c 'echo >/run/promoted'`,
  )
  const walk = `echo start $EPOCHREALTIME; systemctl start zipkey-agent; read -r -t ${WALK_S} <>/run/promoted || echo too late`
  const log = 'journalctl --sync; journalctl --boot --output=cat --unit=zipkey-agent'
  const { stdout } = await lab.trySh(`${walk}; ${log}`, { timeoutMs: (WALK_S + 30) * 1000 })
  return agentWalk(stdout, startMsOf(stdout))
}

/** The script brings its own DHCP client, and a supplicant with a control socket runs for it. */
async function walkShell(lab: Lab): Promise<WalkTime> {
  await lab.sh(
    'systemctl stop --quiet systemd-networkd.socket systemd-networkd; mkdir /run/baseline; wpa_supplicant -B -g /run/baseline/wpa',
  )
  const walk = `echo start $EPOCHREALTIME; bash ${CONFIG_FOLDER}/baseline.sh ${CONFIG_FOLDER}/baseline.conf 2>&1`
  const { stdout } = await lab.trySh(walk, { timeoutMs: WALK_S * 1000 })
  return shellWalk(stdout, startMsOf(stdout))
}

function startMsOf(output: string): number {
  const startMs = Number(/^start ([\d.]+)$/m.exec(output)?.[1]) * 1000
  if (Number.isNaN(startMs)) throw new Error(`the guest did not say when it began: ${output.slice(0, 500)}`)
  return startMs
}
