/** `zipkey-cloud`: makes and runs the cloud, and works with it through the same HTTP API that everybody uses. */
import { join } from 'node:path'
import { Command } from 'commander'
import { addAlarmCommands } from './cli/alarm-commands.ts'
import { CommandError, openApiClient } from './cli/api-client.ts'
import { addAuditCommand } from './cli/audit-command.ts'
import { addAuthorityCommands } from './cli/authority-commands.ts'
import { addBackup, addRestore } from './cli/backup-commands.ts'
import { addDeviceCommands } from './cli/device-commands.ts'
import { addFactoryCommands } from './cli/factory-commands.ts'
import { addHotspotProfileCommands } from './cli/hotspot-profile-commands.ts'
import { addMasterKeyCommands } from './cli/master-key-commands.ts'
import { addPrincipalCommands, addProvisioningKeyCommands } from './cli/registry-commands.ts'
import { addScheduleCommands } from './cli/rotation-commands.ts'
import { addDeviceCa, addInit, addServe, addSigningKeys, DEFAULT_FOLDER } from './cli/service-commands.ts'
import { DataFolderError } from './data-folder.ts'

function buildProgram(): Command {
  const program = new Command('zipkey-cloud')
    .description('the cloud that devices onboard to')
    .option('--client <file>', 'where the Cloud API is and who you are (default: $ZIPKEY_CLOUD_CLIENT, else the folder of init)')
  const openApi = () => {
    const named: unknown = program.opts().client ?? process.env.ZIPKEY_CLOUD_CLIENT
    return openApiClient(typeof named === 'string' ? named : join(DEFAULT_FOLDER, 'client.json'))
  }
  addInit(program)
  addServe(program)
  addBackup(program)
  addRestore(program)
  addMasterKeyCommands(program)
  addPrincipalCommands(program, openApi)
  addProvisioningKeyCommands(program, openApi)
  addDeviceCommands(program, openApi)
  addScheduleCommands(program, openApi)
  addHotspotProfileCommands(program, openApi)
  addFactoryCommands(program, openApi)
  addAuthorityCommands(program, openApi)
  addAlarmCommands(program, openApi)
  addAuditCommand(program, openApi)
  addSigningKeys(program, openApi)
  addDeviceCa(program, openApi)
  return program
}

/** Runs one command; what a person can correct is told in one line. */
async function main(): Promise<void> {
  try {
    await buildProgram().parseAsync()
  } catch (error) {
    const expected = error instanceof CommandError || error instanceof DataFolderError
    process.stderr.write(
      `zipkey-cloud: ${expected ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    )
    process.exitCode = 1
  }
}

void main()
