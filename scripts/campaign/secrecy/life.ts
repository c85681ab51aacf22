/**
 * What the device goes through while everything listens: enrolment, rotation, a restart after which its config asks for a certificate,
 * rotation to that, and an abort by systemd's watchdog.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Lab } from '../../radio-lab/lab.ts'
import { parseLogLine } from '../../story/agent-log.ts'
import type { LabCloud } from '../../story/lab-cloud.ts'
import { DEVICE } from '../../story/names.ts'
import { type ExpectedStep, firstWalk, rotationWalk, Walk, walkAfterReboot } from '../../story/walk.ts'
import type { Inbox } from './transfer.ts'

const UNIT = 'zipkey-agent.service'
// An emulated CPU is slow, and slower on a busy machine.
const WALK_MS = 180_000
const COMMAND_MS = 120_000
const WATCHDOG_S = 30

/** Lives it; `say` is told each step. */
export async function liveThrough(lab: Lab, cloud: LabCloud, cores: Inbox, say: (line: string) => void): Promise<void> {
  let walk: Walk | null = null
  lab.followJournal(UNIT, (line) => {
    const event = parseLogLine(line)
    if (event !== null) walk?.see(event)
  })
  const follow = async (name: string, steps: readonly ExpectedStep[], begin: () => Promise<unknown>): Promise<void> => {
    walk = new Walk(steps, WALK_MS)
    await begin()
    const result = await walk.result
    if (!result.ok) throw new Error(`${name}: ${result.problem}`)
    say(name)
  }
  await lab.sh(unitPlants, { timeoutMs: COMMAND_MS })
  await follow('enrolled', firstWalk('secret'), () => lab.startAgent())
  const rotate = () => cloud.operate('device', 'rotate', DEVICE.account, DEVICE.device)
  await follow('rotated', rotationWalk('secret'), rotate)
  await follow('restarted', walkAfterReboot('secret'), () => lab.sh(askForCertificate, { timeoutMs: COMMAND_MS }))
  await follow('rotated to a certificate', rotationWalk('certificate'), rotate)
  await abortToFile(lab, follow)
  await abortToPipe(lab, cores, follow)
}

type Follow = (name: string, steps: readonly ExpectedStep[], begin: () => Promise<unknown>) => Promise<void>

const askForCertificate = `
sed -i 's/"permanentCredential": "secret"/"permanentCredential": "certificate"/' /etc/zipkey/ca.json
grep -q '"permanentCredential": "certificate"' /etc/zipkey/ca.json
systemctl restart ${UNIT}`

/** The decoys of two units' logs are printed in their name as they start. */
const unitPlants = `
for unit in zipkey-agent:agent-log hotspot-aaa:aaa-log; do
  mkdir -p /run/systemd/system/\${unit%:*}.service.d
  printf '[Service]\\nExecStartPre=+/bin/cat /run/secrecy/plants/%s\\n' \${unit#*:} > /run/systemd/system/\${unit%:*}.service.d/plant.conf
done
systemctl daemon-reload
systemctl restart hotspot-aaa`

/** From the agent's next start on, the watchdog is less patient; it is not so from the first, since an emulated CPU starts slowly. */
const shortWatchdog = `
printf '[Service]\\nWatchdogSec=${WATCHDOG_S}\\n' > /run/systemd/system/zipkey-agent.service.d/watchdog.conf
systemctl daemon-reload`

const mainPid = `$(systemctl show --property=MainPID --value ${UNIT})`

/** By hand, where the kernel would write a file into the one folder that the agent may write to. */
async function abortToFile(lab: Lab, follow: Follow): Promise<void> {
  await lab.sh(shortWatchdog, { timeoutMs: COMMAND_MS })
  await lab.sh('echo /var/lib/zipkey/core.%e.%p > /proc/sys/kernel/core_pattern')
  await lab.sh('cd /tmp && bash /run/secrecy/abort-planted /run/secrecy/plants/core-file', { timeoutMs: COMMAND_MS })
  await follow('aborted, core to a file', walkAfterReboot('certificate'), () => lab.sh(`kill -ABRT ${mainPid}`))
}

/** By the watchdog, since the agent's loop stands still, where the kernel gives the core to a program. */
async function abortToPipe(lab: Lab, cores: Inbox, follow: Follow): Promise<void> {
  await lab.sh("echo '|/run/secrecy/send-core' > /proc/sys/kernel/core_pattern")
  await lab.sh('cd /tmp && bash /run/secrecy/abort-planted /run/secrecy/plants/core', { timeoutMs: COMMAND_MS })
  for (let tries = 0; cores.count < 1 && tries < 100; tries += 1) await sleep(100)
  await follow('aborted by the watchdog, core to a pipe', walkAfterReboot('certificate'), () => lab.sh(`kill -STOP ${mainPid}`))
  const said = await lab.sh(`journalctl --unit=${UNIT} --output=cat | grep -c 'Watchdog timeout' || true`)
  if (said === '0') throw new Error('it was not the watchdog that ended the agent')
}
