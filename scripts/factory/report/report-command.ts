/** `zipkey-factory report`. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { conclude, type Outcome } from '../outcome.ts'

type Options = { readonly out: string; readonly dryRun: boolean; readonly json: boolean }

/** Adds the command; its work is loaded when it is called. */
export function addReportCommand(program: Command): void {
  program
    .command('report <folder...>')
    .description('write a page (HTML) about batches: yield of each step, why attempts failed, how long they took')
    .requiredOption('--out <file>', 'the file to write')
    .option('--dry-run', 'count and write nothing', false)
    .option('--json', 'print JSON', false)
    .action((folders: readonly string[], options: Options) => conclude(options.json, () => report(folders, options)))
}

async function report(folders: readonly string[], { out, dryRun }: Options): Promise<Outcome> {
  const { openBatch } = await import('../batch/batch-record.ts')
  const { readBatchHistory } = await import('./batch-history.ts')
  const { yieldOf } = await import('./yield.ts')
  const { percent, reportPage } = await import('./page.ts')
  const { writeDurably } = await import('../durable.ts')
  const batches = []
  for (const folder of folders) {
    const batch = await openBatch(folder)
    batches.push({ batch, counted: yieldOf(await readBatchHistory(batch)) })
  }
  if (!dryRun) writeDurably(resolve(out), Buffer.from(reportPage(batches, new Date())), REPORT_MODE)
  return {
    lines: [
      ...batches.map(({ batch, counted: { devices, steps } }) =>
        [
          `${batch.folder}: ${devices} devices`,
          ...steps.map(({ step, tried, good, first }) => `${step} ${good} (${percent(first, tried)} at once)`),
        ].join(', '),
      ),
      dryRun ? `${out}: was not written` : `${out}: the report`,
    ],
    json: {
      ...(dryRun ? {} : { file: out }),
      batches: batches.map(({ batch: { started }, counted: { devices, steps, reasons } }) => ({
        batch: started.batch,
        devices,
        steps,
        reasons,
      })),
    },
  }
}

/** A report holds no secret, and is made to be passed on. */
const REPORT_MODE = 0o644
