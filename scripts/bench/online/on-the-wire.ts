/** One walk on the wire: a new lab and a new cloud, and the agent or the script in it. */
import { spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { builtProgram, insideNamespace } from '../../story/programs.ts'
import { CLOUD_PORT, type OpenWiredStage, openWiredStage } from '../../story/wired-stage.ts'
import { BASELINE_SCRIPT, baselineConfig } from './baseline-config.ts'
import type { Side, WalkTime } from './side.ts'
import { agentWalk, shellWalk } from './transcript.ts'

const WALK_MS = 60_000

const nowMs = (): number => performance.timeOrigin + performance.now()

const WALKS: { readonly [S in Side]: (stage: OpenWiredStage) => Promise<WalkTime> } = { agent: walkAgent, shell: walkShell }

/** Walks once; `labFolder` is on a real disk. */
export async function walkOnTheWire(side: Side, labFolder: string): Promise<WalkTime> {
  const open = await openWiredStage(labFolder)
  try {
    return await WALKS[side](open)
  } finally {
    await open.close()
  }
}

function walkAgent({ stage }: OpenWiredStage): Promise<WalkTime> {
  return new Promise((resolve, reject) => {
    const lines: string[] = []
    const startMs = nowMs()
    const end = (): void => {
      clearTimeout(impatience)
      try {
        resolve(agentWalk(lines.join('\n'), startMs))
      } catch (error) {
        reject(error)
      }
    }
    const impatience = setTimeout(end, WALK_MS)
    stage
      .start((line) => {
        lines.push(line)
        if (line.includes('"event":"promoted"')) end()
      })
      .catch(reject)
  })
}

async function walkShell({ lab, cloud, folder, aaaCaFile }: OpenWiredStage): Promise<WalkTime> {
  const stateFolder = join(folder, 'baseline-state')
  const configFile = join(folder, 'baseline.conf')
  await mkdir(stateFolder)
  await writeFile(
    configFile,
    baselineConfig({
      ...{ driver: 'wired', interfaceName: lab.wire.interfaceName, ssid: '', frequenciesMhz: [], cloudPort: CLOUD_PORT },
      ...{ cloudCaFile: cloud.caFile, aaaCaFile, provisioningKeyFile: cloud.provisioningKeyFile, stateFolder },
      ...{ udhcpcScript: join(builtProgram('zipkey-agent'), '../udhcpc-script') },
      ...{ supplicantSocket: lab.supplicantSocket, controlFolder: join(folder, 'control') },
    }),
  )
  const [program = '', ...parameters] = [...insideNamespace(lab.wire.deviceNamespace), BASELINE_SCRIPT, configFile]
  const startMs = nowMs()
  return shellWalk(await transcriptOf(program, parameters), startMs)
}

/** Both streams, also where the program fails: then the steps that it has not printed tell. */
function transcriptOf(program: string, parameters: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'pipe'], timeout: WALK_MS })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    child.on('error', reject)
    child.on('close', () => resolve(output))
  })
}
