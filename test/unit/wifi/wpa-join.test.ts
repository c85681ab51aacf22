import { describe, expect, it } from 'vitest'
import { AgentError } from '../../../agent/failure.ts'
import type { WpaInterface } from '../../../agent/wifi/wpa-interface.ts'
import { addNetwork } from '../../../agent/wifi/wpa-join.ts'
import { plainBssAt } from '../lifecycle/samples.ts'

const SECURITY = { keyManagement: ['SAE'], managementFrames: 'protected' } as const

/** A wpa_supplicant that refuses every network, for this reason. */
const refusing = (reason: string): WpaInterface => {
  const call = (): Promise<never> => Promise.reject(new AgentError('ERR_WIFI_SUPPLICANT', `wpa_supplicant refused AddNetwork (${reason})`))
  return { call, failure: () => null } as unknown as WpaInterface
}

describe('a network that wpa_supplicant does not take', () => {
  it('is of a kind that it was built without: the next BSS may be of another', async () => {
    const adding = addNetwork(refusing('fi.w1.wpa_supplicant1.InvalidArgs'), plainBssAt(1), SECURITY, null)
    await expect(adding).rejects.toMatchObject({ code: 'ERR_WIFI_UNSUPPORTED' })
  })

  it('is told as a failure of wpa_supplicant otherwise', async () => {
    const adding = addNetwork(refusing('fi.w1.wpa_supplicant1.UnknownError'), plainBssAt(1), SECURITY, null)
    await expect(adding).rejects.toMatchObject({ code: 'ERR_WIFI_SUPPLICANT' })
  })
})
