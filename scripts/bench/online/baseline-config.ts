/** What baseline.sh is told: the same as the agent by its CA config. */
import { join } from 'node:path'
import { AAA_HOST, CLOUD_HOST, DEVICE, KEY_ID, REALM } from '../../story/names.ts'

/** What differs between the labs; paths are as the script sees them. */
export type BaselinePlace = {
  readonly driver: 'nl80211' | 'wired'
  readonly interfaceName: string
  readonly ssid: string
  readonly frequenciesMhz: readonly number[]
  readonly cloudPort: number
  readonly cloudCaFile: string
  readonly aaaCaFile: string
  readonly provisioningKeyFile: string
  readonly stateFolder: string
  /** The script for udhcpc that is installed with the agent. */
  readonly udhcpcScript: string
  /** The control sockets of wpa_supplicant: the global one, and the folder for those of interfaces. */
  readonly supplicantSocket: string
  readonly controlFolder: string
}

/** The script itself. */
export const BASELINE_SCRIPT = join(import.meta.dirname, 'baseline.sh')

/** The file that the script sources. Values are names and paths of the labs, which need no escaping. */
export function baselineConfig(place: BaselinePlace): string {
  const values = {
    ...{ account: DEVICE.account, device: DEVICE.device, realm: REALM, key_id: KEY_ID, provisioning_key_file: place.provisioningKeyFile },
    ...{ interface: place.interfaceName, driver: place.driver, ssid: place.ssid, frequencies: place.frequenciesMhz.join(' ') },
    ...{ aaa_ca: place.aaaCaFile, aaa_name: AAA_HOST, cloud_ca: place.cloudCaFile, cloud_issuer: `https://${CLOUD_HOST}` },
    cloud_url: `https://${CLOUD_HOST}${place.cloudPort === 443 ? '' : `:${place.cloudPort}`}`,
    ...{ state: place.stateFolder, udhcpc_script: place.udhcpcScript },
    ...{ wpa_global: place.supplicantSocket, wpa_control: place.controlFolder },
  }
  return Object.entries(values)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join('')
}
