/** `zipkey-factory config`: writes the CA config of one device. */
import { type Command, Option } from 'commander'
import { caConfigFor, derivedCredential, keyCredential } from './ca-config.ts'
import { InputError, readProvisioningKey } from './inputs.ts'
import { conclude, type Outcome } from './outcome.ts'
import { type ProfileOptions, readProfile, withProfileOptions } from './profile-options.ts'
import { checkSampleConfig, nobodysSecret } from './sample-config.ts'
import { writeConfig } from './write-config.ts'

type Options = ProfileOptions & {
  readonly device: string
  readonly keyId: string
  readonly provisioningKeyFile: string
  readonly withProvisioningKey: boolean
  readonly out: string
  readonly mode: '0600' | '0640'
  readonly dryRun: boolean
  readonly json: boolean
}

/** Adds the command. */
export function addConfigCommand(program: Command): void {
  withProfileOptions(program.command('config').description('write the CA config of one device, checked as the agent will check it'))
    .requiredOption('--device <id>', 'the device')
    .requiredOption('--key-id <id>', 'the id of the provisioning key')
    .requiredOption('--provisioning-key-file <file>', 'the provisioning key (zkp_…)')
    .option('--with-provisioning-key', 'give the device the key itself, not only the secret derived for it', false)
    .requiredOption('--out <file>', 'the file to write')
    .addOption(new Option('--mode <mode>', 'who may read it').choices(['0600', '0640']).default('0600'))
    .option('--dry-run', 'check everything and write nothing', false)
    .option('--json', 'print JSON', false)
    .action((options: Options) => conclude(options.json, () => writeOne(options)))
}

async function writeOne(options: Options): Promise<Outcome> {
  const { account, device, keyId, out, dryRun } = options
  const profile = readProfile(options)
  const key = { keyId, bytes: readProvisioningKey(options.provisioningKeyFile) }
  const json = { file: out, account, device, dryRun }
  if (dryRun) {
    checkSampleConfig(profile, device, nobodysSecret())
    return { lines: [`${out}: would be the CA config of ${account}/${device}; nothing was written`], json }
  }
  const credential = options.withProvisioningKey ? keyCredential(key) : derivedCredential(key, { account, device })
  const document = caConfigFor({ ...profile, device: { id: device }, credential })
  const written = await writeConfig(out, document, options.mode === '0640' ? 0o640 : 0o600)
  if (!written.ok) throw new InputError(...written.problems)
  return { lines: [`${out}: CA config of ${account}/${device}`], json }
}
