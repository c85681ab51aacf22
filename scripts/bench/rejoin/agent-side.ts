/** The agent's side: the built program as its unit, timed by its own log. */
import type { Lab } from '../../radio-lab/lab.ts'
import { type LogEvent, parseLogLine } from '../../story/agent-log.ts'
import { BEFORE_LOSS, type Keys, LOSS } from './loss.ts'

const WITHIN_S = 60
/** Reads the agent's log as it comes, from now on. */
const LISTEN = 'exec 3< <(exec journalctl --unit=zipkey-agent --output=cat --lines=0 --follow 2> /dev/null); journal=$!; sleep 0.5'
/** Goes on until the agent is steady, or the link came back by itself. */
const UNTIL_STEADY = `while read -r -t ${WITHIN_S} -u 3 line; do
  echo "$line"; [[ $line == *'"to":"steady"'* || $line == *link-returned* ]] && break
  done; kill $journal`
const PATIENCE = { timeoutMs: (WITHIN_S + 20) * 1000 }

/** Starts the agent; how long its join took, address and all. It is left steady. */
export async function agentJoins(lab: Lab): Promise<number> {
  const output = await lab.sh(`${LISTEN}; systemctl start zipkey-agent; ${UNTIL_STEADY}`, PATIENCE)
  return joinedIn(output).durationMs
}

/** Takes the link from a steady agent; how long until it was there again, address and all. */
export async function agentRejoins(lab: Lab, keys: Keys): Promise<number> {
  const output = await lab.sh(`${BEFORE_LOSS[keys]}; ${LISTEN}; echo loss $EPOCHREALTIME; ${LOSS}; ${UNTIL_STEADY}`, PATIENCE)
  const returned = /"time":(\d+),"event":"link-returned"/.exec(output)?.[1]
  const backMs = returned === undefined ? joinedIn(output).timeMs : Number(returned)
  return backMs - Number(/^loss ([\d.]+)$/m.exec(output)?.[1]) * 1000
}

/** Ends the agent. */
export const stopAgent = async (lab: Lab): Promise<void> => void (await lab.sh('systemctl stop zipkey-agent'))

function joinedIn(output: string): LogEvent {
  const joined = output
    .split('\n')
    .flatMap((line) => parseLogLine(line) ?? [])
    .find(({ event }) => event === 'joined')
  if (joined === undefined) throw new Error(`the agent did not join: ${output}`)
  return joined
}
