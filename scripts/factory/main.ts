/** `zipkey-factory config`: writes the CA config of one device. Secrets come from files, never from the command line. */
import { Command, Option } from 'commander'
import { caConfigFor } from './ca-config.ts'
import { InputError, readHotspots, readProvisioningKey, readSigningKeys, readText } from './inputs.ts'
import { writeConfig } from './write-config.ts'

type Options = {
  readonly account: string
  readonly realm?: string
  readonly device: string
  readonly keyId: string
  readonly provisioningKeyFile: string
  readonly withProvisioningKey: boolean
  readonly cloudUrl: string
  readonly cloudIssuer?: string
  readonly cloudCaFile: string
  readonly signingKeysFile: string
  readonly hotspot: readonly string[]
  readonly wifiInterface?: string
  readonly wifiCountry?: string
  readonly wifiAddress?: string
  readonly out: string
  readonly mode: '0600' | '0640'
}

async function writeOne(options: Options): Promise<number> {
  const { account, realm, device, keyId, cloudUrl: url, cloudIssuer: issuer } = options
  const wifi = { interface: options.wifiInterface, country: options.wifiCountry, address: options.wifiAddress }
  const document = caConfigFor({
    account,
    ...(realm === undefined ? {} : { realm }),
    device,
    keyId,
    provisioningKey: readProvisioningKey(options.provisioningKeyFile),
    give: options.withProvisioningKey ? 'provisioning-key' : 'derived-secret',
    cloud: {
      url,
      ...(issuer === undefined ? {} : { issuer }),
      caPem: readText(options.cloudCaFile),
      signingKeys: readSigningKeys(options.signingKeysFile),
    },
    hotspots: options.hotspot.flatMap(readHotspots),
    sections: Object.values(wifi).some((value) => value !== undefined) ? { wifi } : {},
  })
  const written = await writeConfig(options.out, document, options.mode === '0640' ? 0o640 : 0o600)
  if (!written.ok) {
    for (const problem of written.problems) console.error(problem)
    return 1
  }
  console.log(`${options.out}: CA config of ${account}/${device}`)
  return 0
}

const command = new Command('zipkey-factory').description('What a factory gives its devices.')
command
  .command('config')
  .description('Writes the CA config of one device, checked as the agent will check it.')
  .requiredOption('--account <id>', 'the product company')
  .requiredOption('--device <id>', 'the device')
  .requiredOption('--key-id <id>', 'the id of the provisioning key')
  .requiredOption('--provisioning-key-file <file>', 'the provisioning key (zkp_…)')
  .option('--with-provisioning-key', 'give the device the key itself, not only the secret derived for it', false)
  .requiredOption('--cloud-url <url>', 'where the Cloud API is')
  .option('--cloud-issuer <text>', 'the issuer string of the cloud (default: its URL)')
  .requiredOption('--cloud-ca-file <file>', "the CA of the Cloud API's TLS (PEM)")
  .requiredOption('--signing-keys-file <file>', "the cloud's public signing keys (JWKS)")
  .requiredOption('--hotspot <file...>', 'hotspot profiles, as in hotspots[] of the CA config (JSON)')
  .option('--realm <name>', 'the realm (default: zipkey.invalid)')
  .option('--wifi-interface <name>', 'the radio or port (default: auto)')
  .option('--wifi-country <code>', 'the regulatory domain')
  .option('--wifi-address <who>', 'system or udhcpc (default: system)')
  .requiredOption('--out <file>', 'the file to write')
  .addOption(new Option('--mode <mode>', 'who may read it').choices(['0600', '0640']).default('0600'))
  .action(async (options: Options) => {
    try {
      process.exitCode = await writeOne(options)
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      console.error(error.message)
      process.exitCode = 1
    }
  })
command.parseAsync()
