/** Options that say what all devices of a run have in common: account, cloud, hotspots, radio. */
import { type Command, Option } from 'commander'
import { PERMANENT_KINDS, type PermanentKind } from '../../agent/credential/credential.ts'
import type { DeviceProfile } from './ca-config.ts'
import { readHotspots, readSigningKeys, readText } from './inputs.ts'

/** The options as given. */
export type ProfileOptions = {
  readonly account: string
  readonly realm?: string
  readonly permanentCredential?: PermanentKind
  readonly cloudUrl: string
  readonly cloudIssuer?: string
  readonly cloudCaFile: string
  readonly signingKeysFile: string
  readonly hotspot: readonly string[]
  readonly wifiInterface?: string
  readonly wifiCountry?: string
  readonly wifiAddress?: string
}

/** Adds them to a command. */
export const withProfileOptions = (command: Command): Command =>
  command
    .requiredOption('--account <id>', 'the product company')
    .requiredOption('--cloud-url <url>', 'where the Cloud API is')
    .option('--cloud-issuer <text>', 'the issuer string of the cloud (default: its URL)')
    .requiredOption('--cloud-ca-file <file>', "the CA of the Cloud API's TLS (PEM)")
    .requiredOption('--signing-keys-file <file>', "the cloud's public signing keys (JWKS)")
    .requiredOption('--hotspot <file...>', 'hotspot profiles, as in hotspots[] of the CA config (JSON)')
    .addOption(new Option('--permanent-credential <kind>', 'what devices ask the cloud for (default: secret)').choices(PERMANENT_KINDS))
    .option('--realm <name>', 'the realm (default: zipkey.invalid)')
    .option('--wifi-interface <name>', 'the radio or port (default: auto)')
    .option('--wifi-country <code>', 'the regulatory domain')
    .option('--wifi-address <who>', 'system or udhcpc (default: system)')

/** Reads the files that they name. */
export function readProfile(options: ProfileOptions): DeviceProfile {
  const { account, realm, permanentCredential, cloudUrl: url, cloudIssuer: issuer } = options
  const wifi = { interface: options.wifiInterface, country: options.wifiCountry, address: options.wifiAddress }
  return {
    account,
    ...(realm === undefined ? {} : { realm }),
    ...(permanentCredential === undefined ? {} : { permanentCredential }),
    cloud: {
      url,
      ...(issuer === undefined ? {} : { issuer }),
      caPem: readText(options.cloudCaFile),
      signingKeys: readSigningKeys(options.signingKeysFile),
    },
    hotspots: options.hotspot.flatMap(readHotspots),
    ...(Object.values(wifi).some((value) => value !== undefined) ? { sections: { wifi } } : {}),
  }
}
