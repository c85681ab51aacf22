/** Who is who in the story. */
import type { DeviceName } from '../../agent/contract/names.ts'

/** The device, fresh from the factory. */
export const DEVICE: DeviceName = { account: 'acme', device: 'SN-000123' }

/** The realm of its identities, and the AAA domain of the hotspot's operator. */
export const REALM = 'zipkey.test'

/** The provisioning key of its production line. */
export const KEY_ID = 'line-7'

/** The names in the certificates of the Cloud API and of the hotspot's AAA server. */
export const CLOUD_HOST = 'api.zipkey.test'
/** The name that the hotspot profile asks for. */
export const AAA_HOST = 'aaa.zipkey.test'

/** How the hotspot's FreeRADIUS calls itself to the cloud. */
export const AAA_CLIENT_ID = 'lab-hotspot'
