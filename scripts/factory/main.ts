/** `zipkey-factory`: what a production line runs. Secrets come from files, never from the command line. */
import { Command } from 'commander'
import { addBatchCommands } from './batch/batch-command.ts'
import { addRegisterCommand } from './cloud/register-command.ts'
import { addRevokeCommand } from './cloud/revoke-command.ts'
import { addStatusCommand } from './cloud/status-command.ts'
import { addConfigCommand } from './config-command.ts'
import { addFlashCommand } from './flash/flash-command.ts'
import { addKeyCommands } from './key-command.ts'
import { EXIT } from './outcome.ts'
import { addReportCommand } from './report/report-command.ts'
import { addVerifyCommand } from './verify/verify-command.ts'

/** The first Ctrl-C ends the run where everything is whole; the second ends it at once, and the next run puts it in order. */
function abortOnInterrupt(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(EXIT.interrupted)
      controller.abort()
    })
  }
  return controller.signal
}

const program = new Command('zipkey-factory').description('What a factory gives its devices.')
program.exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT.done : EXIT.usage))
const signal = abortOnInterrupt()
addConfigCommand(program)
addKeyCommands(program)
addBatchCommands(program, signal)
addFlashCommand(program, signal)
addVerifyCommand(program)
addRegisterCommand(program, signal)
addStatusCommand(program, signal)
addRevokeCommand(program, signal)
addReportCommand(program)
program.parseAsync()
