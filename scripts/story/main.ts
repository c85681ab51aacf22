/** `scripts/lab`: opens a stage, tells the story, and ends with 0 only if both sides observed all of it. */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openRadioStage } from './radio-stage.ts'
import { StoryError, tellStory } from './story.ts'
import { openWiredStage } from './wired-stage.ts'

const LAB_FOLDER = join(import.meta.dirname, '../../.lab')
const USAGE = 'usage: scripts/lab [--wired] [--certificate] [--keep]'

/** A walk that takes longer has failed; an emulated CPU is slow. */
const WALK_MS = { wired: 60_000, radio: 240_000 }

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

const interrupted = new Promise<void>((resolve) => {
  // Every time, not once: a second Ctrl-C must not end the clean-up of the first.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => resolve())
})

async function main(): Promise<number> {
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({ options: { wired: flag, certificate: flag, keep: flag } })
  const permanentCredential = values.certificate ? 'certificate' : 'secret'
  const { stage, hints, close } = values.wired
    ? await openWiredStage(LAB_FOLDER, { permanentCredential })
    : await openRadioStage(LAB_FOLDER, say, permanentCredential)
  let exitCode = 1
  try {
    const told = tellStory(stage, { say, walkMs: values.wired ? WALK_MS.wired : WALK_MS.radio }).then(() => 0)
    exitCode = await Promise.race([told, interrupted.then(() => 130)])
  } catch (error) {
    if (!(error instanceof StoryError)) throw error
    say(`\nThe story failed: ${error.message}`)
    for (const hint of hints) say(`  ${hint}`)
  } finally {
    if (values.keep && exitCode !== 130) {
      say('\nEverything is left running; Ctrl-C ends it.')
      for (const hint of hints) say(`  ${hint}`)
      await interrupted
    }
    await close()
  }
  return exitCode
}

main().then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    say(error instanceof TypeError && 'code' in error ? USAGE : String(error instanceof Error ? error.stack : error))
    process.exit(1)
  },
)
