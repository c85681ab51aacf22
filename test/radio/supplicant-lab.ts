import { createLog } from '../../agent/log.ts'
import type { Supplicant } from '../../agent/ports.ts'
import { connectBus } from '../../agent/wifi/dbus.ts'
import { createWpaSupplicant } from '../../agent/wifi/wpa-supplicant.ts'
import type { Lab } from '../../scripts/radio-lab/lab.ts'
import { openLab } from '../../scripts/radio-lab/open-lab.ts'
import type { LabImage } from '../../scripts/radio-lab/prepare-lab.ts'
import { openGuestNetdevs } from './guest-netdevs.ts'

/** A device in the air, and the agent's adapter for it, which runs here and reaches the device's bus over TCP. */
export type SupplicantLab = {
  readonly lab: Lab
  start(): Supplicant
  close(): Promise<void>
}

const UNUSED_PORT = 9
const TIMERS = { joinMs: 20_000, addressMs: 8_000, scanMs: 20_000 }

/** Opens it; there is no cloud behind its hotspots. */
export async function openSupplicantLab(image: LabImage): Promise<SupplicantLab> {
  const lab = await openLab({ image, powerOn: 'snapshot', config: [], cloudPort: UNUSED_PORT })
  const log = createLog('error', { journal: false })
  const bus = await connectBus(lab.busAddress, log, new AbortController().signal)
  const wifi = { interface: 'auto', country: null, address: 'system' } as const
  return {
    lab,
    start: () => createWpaSupplicant({ bus, wifi, timers: TIMERS, log, netdevs: openGuestNetdevs(lab) }),
    close: async () => {
      bus.close()
      await lab.close()
    },
  }
}
