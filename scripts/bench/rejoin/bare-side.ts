/** The bare side: wpa_supplicant with a configuration file, timed by the kernel’s word of an address. */
import type { Lab } from '../../radio-lab/lab.ts'
import { BEFORE_LOSS, type Keys, LOSS } from './loss.ts'
import type { Way } from './ways.ts'

const WITHIN_S = 60
const FOLDER = '/run/bare'
const CLI = `wpa_cli -p ${FOLDER}/control -i wlan0`
/** Listens to the kernel's word of addresses, from now on. */
const LISTEN = 'exec 3< <(exec ip -o -4 monitor address 2> /dev/null); monitor=$!; sleep 0.5'
/** Goes on until the radio has an address, and tells when. */
const UNTIL_ADDRESS = `while read -r -t ${WITHIN_S} -u 3 line; do
  [[ $line == *wlan0*inet\\ 10.8.0.* && $line != *Deleted* ]] && echo until $EPOCHREALTIME && break
  done; kill $monitor; tail --lines=5 ${FOLDER}/log`
const PATIENCE = { timeoutMs: (WITHIN_S + 20) * 1000 }

/** Starts it, lets it look around, and has it join; how long that took, address and all. It is left joined. */
export async function bareJoins(lab: Lab, { network }: Way): Promise<number> {
  const config = `ctrl_interface=${FOLDER}/control\nfast_reauth=0\nnetwork={\n${['disabled=1', ...network].join('\n')}\n}\n`
  const text = Buffer.from(config).toString('base64')
  const output = await lab.sh(
    `mkdir -p ${FOLDER}; rm -f ${FOLDER}/log; base64 -d <<< ${text} > ${FOLDER}/conf
    wpa_supplicant -B -i wlan0 -D nl80211 -c ${FOLDER}/conf -f ${FOLDER}/log -t -P ${FOLDER}/pid
    ${CLI} scan ${scanFrequencies(network)} > /dev/null; until ${CLI} scan_results | grep -q '^02:'; do sleep 0.2; done
    ${LISTEN}; echo from $EPOCHREALTIME; ${CLI} select_network 0 > /dev/null; ${UNTIL_ADDRESS}`,
    PATIENCE,
  )
  return tookMs(output)
}

/** Takes the link from it; how long until it was there again, address and all. */
export async function bareRejoins(lab: Lab, keys: Keys): Promise<number> {
  return tookMs(await lab.sh(`${BEFORE_LOSS[keys]}; ${LISTEN}; echo from $EPOCHREALTIME; ${LOSS}; ${UNTIL_ADDRESS}`, PATIENCE))
}

function tookMs(output: string): number {
  const timeS = (word: string): number => Number(new RegExp(`^${word} ([\\d.]+)$`, 'm').exec(output)?.[1])
  const ms = (timeS('until') - timeS('from')) * 1000
  if (!(ms > 0)) throw new Error(`the bare supplicant did not join: ${output}`)
  return ms
}

/** Ends it. */
export const stopBare = async (lab: Lab): Promise<void> =>
  void (await lab.sh(`kill $(cat ${FOLDER}/pid); while test -e ${FOLDER}/pid; do sleep 0.1; done`))

/** The same channels as the agent scans. */
function scanFrequencies(network: readonly string[]): string {
  const line = network.find((each) => each.startsWith('scan_freq=')) ?? 'scan_freq='
  return `freq=${line.slice('scan_freq='.length).trim().replaceAll(' ', ',')}`
}
