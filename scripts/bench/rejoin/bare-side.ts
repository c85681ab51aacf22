/** The bare side: wpa_supplicant with a configuration file, timed by its own log and by the kernel's word of an address. */
import type { Lab } from '../../radio-lab/lab.ts'
import { FORGET, LOSS } from './loss.ts'
import type { Way } from './ways.ts'

const WITHIN_S = 60
const FOLDER = '/run/bare'
const CLI = `wpa_cli -p ${FOLDER}/control -i wlan0`
const CONNECTED = 'CTRL-EVENT-CONNECTED'

/** Starts it, lets it look around, and has it join; how long that took, address and all. It is left joined. */
export async function bareJoins(lab: Lab, { network }: Way): Promise<number> {
  const config = `ctrl_interface=${FOLDER}/control\nfast_reauth=0\nnetwork={\n${['disabled=1', ...network].join('\n')}\n}\n`
  const text = Buffer.from(config).toString('base64')
  const output = await lab.sh(
    `mkdir -p ${FOLDER}; rm -f ${FOLDER}/log; base64 -d <<< ${text} > ${FOLDER}/conf
    wpa_supplicant -B -i wlan0 -D nl80211 -c ${FOLDER}/conf -f ${FOLDER}/log -t -P ${FOLDER}/pid
    ${CLI} scan ${scanFrequencies(network)} > /dev/null; until ${CLI} scan_results | grep -q '^02:'; do sleep 0.2; done
    exec 3< <(exec ip -o -4 monitor address 2> /dev/null); monitor=$!
    sleep 0.5; echo start $EPOCHREALTIME; ${CLI} select_network 0 > /dev/null
    while read -r -t ${WITHIN_S} -u 3 line; do [[ $line == *wlan0*inet\\ 10.8.0.* && $line != *Deleted* ]] && echo address $EPOCHREALTIME && break; done
    kill $monitor`,
    { timeoutMs: (WITHIN_S + 20) * 1000 },
  )
  const [startS, addressS] = ['start', 'address'].map((word) => Number(new RegExp(`^${word} ([\\d.]+)$`, 'm').exec(output)?.[1]))
  if (startS === undefined || addressS === undefined || Number.isNaN(addressS))
    throw new Error(`the bare supplicant did not join: ${output}`)
  return (addressS - startS) * 1000
}

/** Takes the link from it; how long until it was joined again. With `flushed` the hotspot has no key of it left, so that EAP is run in full, as for the agent. */
export async function bareRejoins(lab: Lab, { flushed }: { readonly flushed: boolean }): Promise<number> {
  const output = await lab.sh(
    `${flushed ? FORGET : ':'}; exec 3< <(exec tail --lines=0 --follow ${FOLDER}/log 2> /dev/null); tail=$!
    sleep 0.5; echo loss $EPOCHREALTIME; ${LOSS}
    while read -r -t ${WITHIN_S} -u 3 line; do [[ $line == *${CONNECTED}* ]] && echo "$line" && break; done
    kill $tail`,
    { timeoutMs: (WITHIN_S + 20) * 1000 },
  )
  const loss = Number(/^loss ([\d.]+)$/m.exec(output)?.[1])
  const connected = Number(new RegExp(`^([\\d.]+): .*${CONNECTED}`, 'm').exec(output)?.[1])
  if (!(connected > loss)) throw new Error(`the bare supplicant did not come back: ${output}`)
  return (connected - loss) * 1000
}

/** Ends it. */
export const stopBare = async (lab: Lab): Promise<void> =>
  void (await lab.sh(`kill $(cat ${FOLDER}/pid); while test -e ${FOLDER}/pid; do sleep 0.1; done`))

/** The same channels as the agent scans. */
function scanFrequencies(network: readonly string[]): string {
  const line = network.find((each) => each.startsWith('scan_freq=')) ?? 'scan_freq='
  return `freq=${line.slice('scan_freq='.length).trim().replaceAll(' ', ',')}`
}
